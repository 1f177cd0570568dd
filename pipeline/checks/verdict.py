# SPDX-License-Identifier: Apache-2.0
"""From findings to a verdict: does it ship, is it worth mending, or is a new one cheaper."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pipeline.checks.report import FindingReport, NextStep, Report
from pipeline.checks.words import names
from pipeline.settings.jobs import Brief
from pipeline.settings.thresholds import Weighing


def judge(report: Report, brief: Brief, weighing: Weighing | None = None) -> None:
    """Set the verdict of a report, with its reason, the next step and the clean-up.

    Parameters
    ----------
    weighing
        How findings add up where the job says nothing else.
    """
    setting = (weighing or Weighing()).with_job(brief.job.verdict)
    errors = [f for f in report.findings if f.severity == "error"]
    warnings = [f for f in report.findings if f.severity == "warning"]
    weights = {r: _weight(r, fs, setting) for r, fs in _by_rule(errors).items()}
    score = sum(weights.values())
    caution = sum(_caution(r, fs, setting) for r, fs in _by_rule(warnings).items())
    report.score = round(score, 3)
    report.minutes = round(sum(_minutes(fs) for fs in _by_rule(errors + warnings).values()), 1)
    lost = any(f.rule in setting.fatal for f in errors) and report.stats.triangles == 0
    if lost or score >= setting.reject_at:
        report.verdict = "reject"
    elif errors or caution >= setting.revise_at:
        report.verdict = "revise"
    else:
        report.verdict = "pass"
    report.next_step = _next(report, errors, warnings)
    report.reason = _reason(report, brief, errors, warnings, weights, None if lost else setting.reject_at)


def _minutes(findings: list[FindingReport]) -> float:
    """Clean-up of all findings of a rule: the first costs what it costs, ten times as many twice that."""
    return max(f.minutes for f in findings) * (1 + math.log10(len(findings)))


def _weight(rule: str, findings: list[FindingReport], said: Weighing) -> float:
    weight = said.weights.get(rule, max(said.of(f.severity) for f in findings))
    return weight * said.fixable if all(f.fixable for f in findings) else weight


def _caution(rule: str, findings: list[FindingReport], said: Weighing) -> float:
    """Weight of warnings towards `revise`: what a safe fixer mends costs nothing to mend."""
    return said.weights.get(rule, 1.0 if any(f.fixable for f in findings) else said.warning)


def _by_rule(findings: Iterable[FindingReport]) -> dict[str, list[FindingReport]]:
    result: dict[str, list[FindingReport]] = {}
    for finding in findings:
        result.setdefault(finding.rule, []).append(finding)
    return result


def _next(report: Report, errors: list[FindingReport], warnings: list[FindingReport]) -> NextStep:
    if report.verdict == "pass":
        return NextStep(action="accept", how="hand it on; the warnings may stay" if warnings else "hand it on")
    concerned = errors or warnings
    if report.verdict == "reject":
        changes = _distinct(f.regenerate for f in errors if f.regenerate)
        return NextStep(
            action="regenerate", how="; ".join(changes[:3]) or "generate again with another seed or generator"
        )
    operations = _distinct(f.fixer for f in concerned if f.fixer)
    if all(f.fixable for f in concerned):
        return NextStep(action="fix", how=f"run the safe fixers: {', '.join(operations)}", operations=operations)
    advice = _distinct(f.advice for f in concerned if not f.fixable and f.advice)
    first = f"run the safe fixers ({', '.join(operations)}), then by hand: " if operations else ""
    return NextStep(action="refine", how=first + " ".join(advice[:3]), operations=operations)


def _reason(
    report: Report,
    brief: Brief,
    errors: list[FindingReport],
    warnings: list[FindingReport],
    weights: dict[str, float],
    reject_at: float | None,
) -> str:
    title = brief.job.title
    if report.verdict == "pass":
        noted = f"; worth a look: {_told(warnings)}" if warnings else ""
        return f"Nothing stands in the way of a {title.lower()}{noted}."
    if reject_at is None:
        return "There is no geometry that could be judged; the file must be made again."
    if not errors:
        return f"No error, but the warnings add up: {_told(warnings)}."
    heavy = sorted(errors, key=lambda f: -weights[f.rule])
    fixable = [f for f in errors if f.fixable]
    text = f"As a {title.lower()} it cannot ship: {_told(heavy)}."
    if report.verdict == "reject":
        return (
            f"{text} The errors weigh {report.score:g}, from {reject_at:g} on a new one is "
            f"cheaper than about {_time(report.minutes)} of clean-up."
        )
    if len(fixable) == len(errors):
        return f"{text} Safe fixers mend all of it."
    part = f" {len(_by_rule(fixable))} of these have a safe fixer." if fixable else ""
    return f"{text}{part} The clean-up is about {_time(report.minutes)}."


def _told(findings: list[FindingReport]) -> str:
    groups = _by_rule(findings)
    said = []
    for found in list(groups.values())[:3]:
        more = f" (and on {len(found) - 1} more)" if len(found) > 1 else ""
        said.append(found[0].message + more)
    rest = list(groups)[3:]
    return "; ".join(said) + (f"; also {names(rest)}" if rest else "")


def _time(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"


def _distinct(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
