# SPDX-License-Identifier: Apache-2.0
"""What it costs to clean findings up: by hand, by machine, and by making a new one instead."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from pipeline.checks.report import Cleanup, CleanupItem, FindingReport, Stats
from pipeline.settings.jobs import Brief

#: seconds of a fixer for a million triangles on one core, as measured; the others take as long as `OTHERWISE`
SECONDS = {
    "remove-degenerate": 2, "remove-duplicates": 1, "split-non-manifold": 7, "orient": 3, "remove-floaters": 2,
    "remove-hidden": 4, "fill-holes": 3, "decimate": 9, "repack": 6, "texel-density": 8, "lods": 65, "ground": 1,
    "scale-to-size": 1, "pbr-set": 2, "rig-prep": 4,
}  # fmt: skip
OTHERWISE = 5.0
#: seconds to read and inspect a million triangles, and what every run costs; after the fixers it is inspected again
INSPECTING, STARTING = 12.0, 2.0
#: xatlas: 1.06 s for 8,000 triangles, 16.6 s for 50,000, 156 s for 200,000
UNWRAPPING = (1.06, 8000.0, 1.55)

BASIS = (
    "By hand: the minutes that config/thresholds.toml gives each rule, ten times as many places twice as long; "
    "a fixer's result is looked at for {fixed:g} minutes. By machine: {triangles:,} triangles at the measured speed "
    "of each fixer, and inspecting again."
)


def by_rule(findings: Iterable[FindingReport]) -> dict[str, list[FindingReport]]:
    """Findings grouped by their rule, in order."""
    result: dict[str, list[FindingReport]] = {}
    for finding in findings:
        result.setdefault(finding.rule, []).append(finding)
    return result


def hand_minutes(findings: Sequence[FindingReport]) -> float:
    """Work of an artist on all findings of a rule: the first costs what it costs, ten times as many twice that."""
    return max(f.minutes for f in findings) * (1 + math.log10(len(findings))) if findings else 0.0


def estimate(
    findings: Sequence[FindingReport],
    needed: Collection[str],
    stats: Stats,
    brief: Brief,
    fixed: float,
    regenerate: float | None,
) -> Cleanup:
    """The clean-up of errors and warnings.

    Parameters
    ----------
    needed
        Rules whose findings stand between the asset and `pass`.
    fixed
        Minutes to look at a fixer's result.
    regenerate
        Minutes of a new one; None where that is no remedy.
    """
    items = []
    for rule, found in by_rule(findings).items():
        fixers = {f.fixer for f in found if f.fixable}
        items.append(
            CleanupItem(
                rule=rule,
                title=found[0].title,
                findings=len(found),
                hand_minutes=round(hand_minutes(found), 1),
                machine_minutes=round(sum(_seconds(o, stats, brief) for o in fixers) / 60, 2),
                needed=rule in needed,
            )
        )
    items.sort(key=lambda i: (not i.needed, -i.hand_minutes))
    operations = {f.fixer for f in findings if f.fixable and f.fixer}
    running = sum(_seconds(o, stats, brief) for o in operations)
    inspecting = STARTING + INSPECTING * stats.triangles / 1e6 if needed else 0.0
    return Cleanup(
        hand_minutes=round(sum(i.hand_minutes for i in items if i.needed), 1),
        machine_minutes=round((running + inspecting) / 60, 2),
        optional_minutes=round(sum(i.hand_minutes for i in items if not i.needed), 1),
        regenerate_minutes=regenerate,
        basis=BASIS.format(fixed=fixed, triangles=stats.triangles) if items else "",
        items=items,
    )


def _seconds(operation: str, stats: Stats, brief: Brief) -> float:
    if operation == "unwrap":  # what is over the budget is decimated first
        seconds, triangles, power = UNWRAPPING
        shown = min(stats.triangles, brief.job.budgets.max_triangles or stats.triangles)
        return seconds * float((shown / triangles) ** power)
    if operation == "textures":
        return 2.0 * max(stats.textures, 1)
    return SECONDS.get(operation, OTHERWISE) * stats.triangles / 1e6


def time_name(minutes: float) -> str:
    """`under a minute`, `12 minutes`, `about 2.5 hours`: no more exact than an estimate is."""
    if minutes < 1:
        return "under a minute"
    if minutes < 1.5:
        return "about a minute"
    if minutes < 20:
        return f"about {minutes:.0f} minutes"
    if minutes < 52:
        return f"about {5 * round(minutes / 5):.0f} minutes"
    if minutes < 75:
        return "about an hour"
    hours = round(minutes / 30) / 2
    return f"about {hours:g} hours"
