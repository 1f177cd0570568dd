# SPDX-License-Identifier: Apache-2.0
"""Gate 4, inspection: what breaks when we rotate, scale, reuse it?

Runs the rules on one candidate (or one style of it) as the asset's brief asks, and keeps the verdict as a
prim. A verdict counts only for what was inspected: its digest says what that was.

Before refinement, what refinement is there to do (fit the triangle budget) is only told: candidates are not
what ships.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, State, cells, known_asset, mark, record_path, require
from pipeline.gates.brief import brief_of
from pipeline.gates.generation import CANDIDATE
from pipeline.settings.jobs import Brief, RuleSetting
from pipeline.usd.records import Record, now, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.checks import Report
    from pipeline.project import Project

__all__ = ["Verdict", "candidate_score", "inspect_all", "inspect_asset", "read_verdict", "take_verdict"]

#: rules whose errors refinement is there to mend
REFINED_LATER = ("topology.triangle-budget",)


class Verdict(Record):
    """What inspection found, for one exact content."""

    schema_type: ClassVar[str] = "GatesVerdict"

    verdict: Literal["pass", "revise", "reject"] = "pass"
    job: str = ""
    subject: str = ""
    digest: str = ""
    reason: str = ""
    score: float = 0.0
    time: str = ""
    rules: list[str] = Field(default_factory=list)
    severities: list[str] = Field(default_factory=list)
    messages: list[str] = Field(default_factory=list)
    prims: list[str] = Field(default_factory=list)


def verdict_path(asset: str, subject: dict[str, str]) -> str:
    """Prim path of the verdict on one selection of variants."""
    name = "_".join(f"{k}_{v}" for k, v in sorted(subject.items()) if v) or "asset"
    return record_path(asset, "Verdicts", valid_name(name))


def read_verdict(stage: Usd.Stage, asset: str, subject: dict[str, str]) -> Verdict | None:
    """The verdict on one selection of variants, whether or not it still counts."""
    return Verdict.find(stage, verdict_path(asset, subject))


def inspect_asset(
    project: Project,
    asset: str,
    subject: dict[str, str] | None = None,
    *,
    rules: list[str] | None = None,
    shipping: bool | None = None,
    write: bool = True,
    html: Path | None = None,
    marks: Path | None = None,
) -> Report:
    """Inspect what the asset shows with some variants selected (default: as it stands).

    Parameters
    ----------
    subject
        Variant selections by set; those not named stay as they are.
    rules
        Only these; a partial inspection is not recorded.
    shipping
        Judge as what ships; default: once the asset has a style, it is.
    html, marks
        Also write a page, and where the findings are (`pipeline.inspect`).

    Raises
    ------
    GateRefused
        An earlier required gate stands in the way.
    UsageError
        No such asset or variant.
    """
    from pipeline.checks import inspect
    from pipeline.checks.report import HookSaid
    from pipeline.plugins import hooks
    from pipeline.scenes.placement import without_placement
    from pipeline.usd.digest import subtree_digest

    stage = project.open_stage()
    known_asset(stage, asset)
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim:
        raise UsageError(f"{asset} has no candidate to inspect", remedy=f"gates generate {asset}")
    _selected_or_given(stage, project, asset, subject)
    standing = selections(prim)
    chosen = {**standing, **(subject or {})}
    if subject and CANDIDATE in subject:
        # styles belong to one candidate: another one is judged as it came
        chosen = {**dict.fromkeys(standing, ""), **subject}
    choose(stage, prim, chosen)
    without_placement(prim)
    final = shipping if shipping is not None else bool(chosen.get("style"))
    brief = brief_of(project, asset, stage)
    report: Report = inspect(
        stage,
        job=brief if final else _before_refinement(brief),
        rules=rules,
        prim=str(prim.GetPath()),
        html=html,
        marks=marks,
    )
    if report.next_step.operations:
        report.next_step.commands[:0] = _before_mending(stage, project, asset)
    if write and rules is None:
        verdict = Verdict(
            verdict=report.verdict,
            job=brief.job.name,
            subject=",".join(f"{k}={v}" for k, v in sorted(chosen.items()) if v),
            digest=subtree_digest(prim),
            reason=report.reason,
            score=candidate_score(report),
            time=now(),
            rules=[f.rule for f in report.findings],
            severities=[f.severity for f in report.findings],
            messages=[f.message for f in report.findings],
            prims=[f.prim for f in report.findings],
        )
        with project.edit() as edit:
            verdict.author(edit, verdict_path(asset, chosen))
            if chosen == standing:
                _mark(edit, asset, verdict)
        facts = verdict.model_dump(include={"verdict", "subject", "reason", "rules", "job"})
        ran = hooks.run("post_inspect", {"asset": asset, **facts}, project.root)
        report.hooks = [HookSaid(**h.model_dump(include=set(HookSaid.model_fields))) for h in ran]
    return report


def _before_mending(stage: Usd.Stage, project: Project, asset: str) -> list[str]:
    """What opens the gate of refinement where the job wants to see the asset in its scene first."""
    shut = any(c.gate == "context" and c.required and c.state == "open" for c in cells(stage, project, asset))
    return [f"gates place {asset}", f"gates context --asset {asset}"] if shut else []


def candidate_score(report: Report) -> float:
    """How good a candidate is, 1 for nothing found: errors by the weight of the verdict, a tenth a warned rule."""
    warned = {f.rule for f in report.findings if f.severity == "warning"}
    return round(1.0 / (1.0 + report.score + 0.1 * len(warned)), 3)


def inspect_all(project: Project, asset: str) -> dict[str, Report]:
    """Inspect every candidate; the board takes the selected one's verdict."""
    from pipeline.progress import track

    stage = project.open_stage()
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    names = prim.GetVariantSet(CANDIDATE).GetVariantNames() if prim else []
    return {
        name: inspect_asset(project, asset, {CANDIDATE: name})
        for name in track(list(names), f"{asset}: inspects candidates")
    }


def take_verdict(project: Project, asset: str) -> Verdict | None:
    """Let the board take the verdict that the asset as it stands was given already; None where it has none.

    A verdict on other content does not count.
    """
    from pipeline.usd.digest import subtree_digest

    stage = project.open_stage()
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    verdict = read_verdict(stage, asset, selections(prim)) if prim else None
    if verdict is None or verdict.digest != subtree_digest(prim):
        return None
    with project.edit() as edit:
        _mark(edit, asset, verdict)
    return verdict


def _mark(stage: Usd.Stage, asset: str, verdict: Verdict) -> None:
    state: dict[str, State] = {"pass": "passed", "revise": "revise", "reject": "rejected"}
    why = "" if verdict.verdict == "pass" else verdict.reason
    mark(stage, asset, "inspection", state[verdict.verdict], why)


def selections(prim: Usd.Prim) -> dict[str, str]:
    """The variant selections of an asset's root prim, by set."""
    sets = prim.GetVariantSets()
    return {name: sets.GetVariantSelection(name) for name in sets.GetNames() if sets.GetVariantSelection(name)}


def choose(stage: Usd.Stage, prim: Usd.Prim, chosen: dict[str, str]) -> None:
    """Select variants in the session layer, so that nothing is written; an empty name selects none of the set.

    Raises
    ------
    UsageError
        There is no such set or variant.
    """
    from pxr import Usd as UsdModule

    with UsdModule.EditContext(stage, stage.GetSessionLayer()):
        for name, variant in chosen.items():
            variants = prim.GetVariantSet(name)
            if not variant:
                if prim.GetVariantSets().HasVariantSet(name):
                    variants.BlockVariantSelection()
                continue
            if variant not in variants.GetVariantNames():
                raise UsageError(
                    f"no variant {name}={variant}",
                    prim=str(prim.GetPath()),
                    remedy=f"choose from: {', '.join(variants.GetVariantNames()) or 'there is no such set'}",
                )
            variants.SetVariantSelection(variant)


def _selected_or_given(stage: Usd.Stage, project: Project, asset: str, subject: dict[str, str] | None) -> None:
    """Inspecting candidates is how one is chosen: only what lies before generation must have passed."""
    gate = "generation" if subject and CANDIDATE in subject else "inspection"
    require(stage, project, asset, gate)


def _before_refinement(brief: Brief) -> Brief:
    rules = dict(brief.job.rules)
    for rule in REFINED_LATER:
        old = rules.get(rule, RuleSetting())
        if old.severity is None:
            rules[rule] = old.model_copy(update={"severity": "info"})
    return brief.model_copy(update={"job": brief.job.model_copy(update={"rules": rules})})
