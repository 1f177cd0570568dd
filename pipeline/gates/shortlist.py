# SPDX-License-Identifier: Apache-2.0
"""The shortlist: candidates by rank, what each one's score is made of, the sheet to look at, and the choice.

A candidate's score is 0.6 inspection and 0.4 likeness where both were measured, and the one that was where not.
Rejected candidates stand last whatever they look like, candidates that nobody inspected after those that were.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from pipeline.errors import GateRefused, UsageError
from pipeline.gates.board import ASSETS, GateRecord, known_asset, mark, record_path
from pipeline.gates.candidate import CANDIDATE, CandidateRow, read_candidate, write_looks
from pipeline.gates.inputs import Input, list_inputs
from pipeline.gates.pruned import Pruned
from pipeline.gates.scratch import scratch
from pipeline.progress import step

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.gates.candidate import Scores
    from pipeline.project import Project
    from pipeline.render.likeness import PictureLikeness

__all__ = ["CandidatesResult", "candidates", "contact_sheet", "look_at_candidates", "select"]

#: how inspection and likeness count together
INSPECTION_SHARE = 0.6
#: roles of pictures that a candidate can be compared with
COMPARED = ("shape", "material", "style")
#: pixels of a picture on the sheet
CELL = 320


class CandidatesResult(BaseModel):
    """What `gates candidates` prints; the candidates stand in the order of the shortlist."""

    asset: str
    selected: str | None
    candidates: list[CandidateRow]
    sheet: str | None = None
    remembered: str = ""
    pruned: Pruned | None = None


def candidates(project: Project, asset: str) -> CandidatesResult:
    """Every candidate by rank with what its record says, the selected one named."""
    stage = project.open_stage()
    known_asset(stage, asset)
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim or not prim.GetVariantSets().HasVariantSet(CANDIDATE):
        return CandidatesResult(asset=asset, selected=None, candidates=[])
    variants = prim.GetVariantSet(CANDIDATE)
    seen = _seen(_compared(stage, asset))
    rows = [_scored(stage, asset, read_candidate(stage, asset, name, seen)) for name in variants.GetVariantNames()]
    rows.sort(key=_order)
    ranked = [row.model_copy(update={"rank": i + 1}) for i, row in enumerate(rows)]
    return CandidatesResult(asset=asset, selected=variants.GetVariantSelection() or None, candidates=ranked)


def look_at_candidates(project: Project, asset: str, variants: list[str]) -> None:
    """Draw each candidate's thumbnail and measure its likeness to the reference pictures.

    What cannot be drawn has neither, and its row says why.
    """
    from pipeline.errors import GatesError
    from pipeline.render.likeness import PictureLikeness, compare
    from pipeline.render.portrait import Portrait

    stage = project.open_stage()
    pictures = _compared(stage, asset)
    asked = [(Path(i.file), i.role, name) for name, i in pictures.items()]
    with scratch(project, "looks") as folder:
        for number, variant in enumerate(variants):
            step(f"{asset}: looks at {variant}", number, len(variants))
            thumbnail: Path | None = None
            try:
                portrait = Portrait(stage, f"{ASSETS}/{asset}", {CANDIDATE: variant})
                thumbnail = project.objects.add_file(portrait.thumbnail(folder / f"{variant}.png"))
                likeness = compare(portrait, asked)
            except GatesError as error:
                likeness = [PictureLikeness(picture="", role="", notes=[f"it was not looked at: {error.message}"])]
            write_looks(project, asset, variant, thumbnail, likeness, _seen(pictures))
            stage = project.open_stage()


def select(project: Project, asset: str, variant: str, why: str = "") -> CandidatesResult:
    """Select a candidate; the gates after generation open again where the choice changed.

    The brief, the winner and why the others lost go into project memory, and the result says under which name.

    Parameters
    ----------
    why
        What speaks for this one, in the words of who chose it.

    Raises
    ------
    UsageError
        There is no such candidate.
    GateRefused
        It was rejected by inspection.
    """
    from pipeline.gates.past import remember_choice

    present = candidates(project, asset)
    names = [c.variant for c in present.candidates]
    if variant not in names:
        raise UsageError(
            f"{asset} has no candidate {variant!r}",
            prim=f"{ASSETS}/{asset}",
            remedy=f"choose from: {', '.join(names) or 'none yet: gates generate ' + asset}",
        )
    stage = project.open_stage()
    if any(c.variant == variant and c.verdict == "reject" for c in present.candidates):
        raise GateRefused(
            f"candidate {variant} of {asset} was rejected by inspection",
            prim=record_path(asset, "Verdicts", f"candidate_{variant}"),
            remedy="gates inspect says why; generate again or select another",
        )
    if present.selected != variant or _gate_state(stage, asset) != "passed":
        with project.edit() as edit:
            prim = edit.GetPrimAtPath(f"{ASSETS}/{asset}")
            prim.GetVariantSet(CANDIDATE).SetVariantSelection(variant)
            mark(edit, asset, "generation", "passed", f"{variant} selected")
    remembered = remember_choice(project, asset, variant, present.candidates, why)
    return candidates(project, asset).model_copy(update={"remembered": remembered})


def contact_sheet(project: Project, asset: str, out: Path) -> CandidatesResult:
    """Draw every candidate with the same camera and light, best first, its numbers underneath."""
    from pipeline.render.matching import render_matched
    from pipeline.render.sheet import contact_sheet as draw

    result = candidates(project, asset)
    rows = result.candidates
    if not rows:
        raise UsageError(f"{asset} has no candidate to draw", remedy=f"gates generate {asset}")
    prim = f"{ASSETS}/{asset}"
    with scratch(project, "sheet") as folder:
        pictures = [folder / f"{row.variant}.png" for row in rows]
        render_matched(
            [project.open_stage()],
            pictures,
            variants=[{f"{prim}{{{CANDIDATE}}}": row.variant} for row in rows],
            prims=[prim],
            size=(CELL, CELL),
            quality="draft",
        )
        chosen = [i for i, row in enumerate(rows) if row.variant == result.selected]
        draw(pictures, [caption(row) for row in rows], out, cell=CELL, title=_title(result), marked=chosen)
    return result.model_copy(update={"sheet": str(out)})


def caption(row: CandidateRow) -> str:
    """Two lines beneath a candidate's picture."""
    score = f"score {row.score:.2f}" if row.score is not None else "not scored"
    verdict = f" ({row.verdict})" if row.verdict else ""
    like = f"likeness {row.scores.likeness:.2f}" if row.scores.likeness is not None else "no likeness"
    return f"{row.rank}. {row.variant} · {score}{verdict}\n{row.triangles:,} triangles · {priced(row.cost)} · {like}"


def priced(cost: dict[str, float]) -> str:
    """A cost in words: `30 credits, 0.3 usd`, or `free`."""
    return ", ".join(f"{v:g} {k}" for k, v in cost.items() if v) or "free"


def _title(result: CandidatesResult) -> str:
    chosen = f", {result.selected} selected" if result.selected else ""
    return f"{result.asset}: {len(result.candidates)} candidates{chosen}"


def _compared(stage: Usd.Stage, asset: str) -> dict[str, Input]:
    inputs = list_inputs(stage, asset)
    return {name: i for name, i in inputs.items() if i.kind == "image" and i.role in COMPARED and i.file}


def _seen(pictures: dict[str, Input]) -> str:
    text = "\n".join(sorted(f"{i.role} {i.digest}" for i in pictures.values()))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if pictures else ""


def _scored(stage: Usd.Stage, asset: str, row: CandidateRow) -> CandidateRow:
    """With the verdict, the total, and a sentence for each part."""
    scores = row.scores.model_copy(deep=True)
    verdict = ""
    prim = stage.GetPrimAtPath(record_path(asset, "Verdicts", f"candidate_{row.variant}"))
    if prim and str(prim.GetAttribute("gates:time").Get() or "") < row.made:
        scores.why.append("it was made again since it was inspected: gates inspect")
    elif prim:
        verdict = str(prim.GetAttribute("gates:verdict").Get() or "")
        scores.inspection = round(float(prim.GetAttribute("gates:score").Get() or 0.0), 3)
        reason = str(prim.GetAttribute("gates:reason").Get() or "")
        scores.why.append(f"inspection {scores.inspection:.2f}: {verdict}" + (f", {reason}" if reason else ""))
    scores.why += [_said(p) for p in scores.pictures if p.score is not None]
    scores.why += [note for p in scores.pictures for note in p.notes]
    return row.model_copy(update={"scores": scores, "score": _total(scores), "verdict": verdict})


def _total(scores: Scores) -> float | None:
    if scores.inspection is None or scores.likeness is None:
        return scores.inspection if scores.likeness is None else scores.likeness
    return round(INSPECTION_SHARE * scores.inspection + (1 - INSPECTION_SHARE) * scores.likeness, 3)


def _said(p: PictureLikeness) -> str:
    if p.silhouette is None or p.contour is None:
        return f"likeness {p.score:.2f} to {p.picture}: colours {p.colour:.1f} apart (CIEDE2000)"
    return (
        f"likeness {p.score:.2f} to {p.picture}: outlines overlap by {p.silhouette:.0%}, {p.contour:.1%} apart, "
        f"colours {p.colour:.1f} apart (CIEDE2000), seen from {p.azimuth:.0f}° around, {p.elevation:.0f}° up"
    )


def _order(row: CandidateRow) -> tuple[bool, bool, float, str]:
    return (
        row.verdict == "reject",
        row.scores.inspection is None,
        -(row.score if row.score is not None else -1.0),
        row.variant,
    )


def _gate_state(stage: Usd.Stage, asset: str) -> str:
    record = GateRecord.find(stage, record_path(asset, "Gates", "generation"))
    return record.state if record else "open"
