# SPDX-License-Identifier: Apache-2.0
"""What a measurement in context is given: the asset in its scene, what the project remembers, the approved version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pipeline.gates.board import ASSETS, job_of
from pipeline.gates.evidence import evidence
from pipeline.gates.inspection import choose, selections
from pipeline.gates.intent import read_intent

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project
    from pipeline.scenes.notes import Situation

__all__ = ["approved_stage", "looked_at", "situation_of"]


def situation_of(
    project: Project,
    stage: Usd.Stage,
    asset: str,
    lenses: list[str],
    size: tuple[int, int],
    subject: dict[str, str] | None = None,
    *,
    prim: Usd.Prim | None = None,
) -> Situation:
    """The asset as its variants are selected on this stage, with what the project remembers as rules.

    Parameters
    ----------
    prim
        Where it stands on a stage that is not the project's own.
    """
    from pipeline.project.memory import recall
    from pipeline.scenes.notes import Situation

    records = stage if prim is None else project.open_stage()
    intent = read_intent(records, asset)
    palettes = recall(records, "palette").values()
    limits = [m.max_saturation for m in palettes if m.max_saturation]
    compared = prim is None and _is_product(project, stage, asset)
    return Situation(
        stage=stage,
        asset=prim or stage.GetPrimAtPath(f"{ASSETS}/{asset}"),
        cameras=tuple(lenses),
        size=size,
        heights_m={m.text: m.height for m in recall(records, "scale").values() if any(m.height)},
        max_saturation=min(limits) if limits else 0.0,
        palette=[c for m in palettes for c in m.palette],
        view_distance=intent.view_distance if intent else 0.0,
        approved=approved_stage(project, stage, asset, subject or {}) if compared else None,
        settings=_settings(project),
    )


def approved_stage(project: Project, stage: Usd.Stage, asset: str, subject: dict[str, str]) -> Usd.Stage | None:
    """The approved version, shown in the same variants."""
    from pipeline.review.decisions import approved_version

    version = approved_version(stage, asset)
    if version is None:
        return None
    approved = project.open_stage(version)
    prim = approved.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim:
        return None
    own = {n: v for n, v in subject.items() if v in prim.GetVariantSet(n).GetVariantNames()}
    choose(approved, prim, {**selections(prim), **own})
    return approved


def looked_at(
    project: Project,
    stage: Usd.Stage,
    asset: str,
    lenses: list[str],
    subjects: list[dict[str, str]] | None,
    size: tuple[int, int],
) -> str:
    """What the remarks depend on: the evidence of the gate, how it was looked at, the measures and their limits."""
    from pipeline.review.decisions import approved_version
    from pipeline.scenes.notes import load_measures

    intent = read_intent(stage, asset)
    parts = (
        evidence(stage, asset, "context"),
        sorted(load_measures().origins.items()),
        sorted(_settings(project).items()),
        lenses,
        subjects,
        size,
        (intent.view_distance, intent.job) if intent else "",
        approved_version(stage, asset),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _settings(project: Project) -> dict[str, dict[str, Any]]:
    from pipeline.settings import load

    found: dict[str, dict[str, Any]] = load("context", project.root).get("notes", {})
    return found


def _is_product(project: Project, stage: Usd.Stage, asset: str) -> bool:
    return job_of(stage, project, asset).usage == "product"
