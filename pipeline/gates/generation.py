# SPDX-License-Identifier: Apache-2.0
"""Gate 3, generation: which candidates are strongest?

Whatever a generator delivers or a person brings is read in the sandbox, normalised to a package and stored by
content; it becomes a variant of the asset behind its own payload, with a provenance record, a thumbnail and its
likeness to the references. The gates do not know which generator a candidate came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from pipeline.errors import GatesError, GeneratorError, UsageError
from pipeline.gates.board import known_asset, require
from pipeline.gates.candidate import CANDIDATE, CandidateRow, author, component, next_name
from pipeline.gates.scratch import scratch
from pipeline.gates.shortlist import CandidatesResult, candidates, contact_sheet, look_at_candidates, select
from pipeline.gates.spending import Spending, refuse_costly, spending
from pipeline.progress import step

if TYPE_CHECKING:
    from pipeline.generators.base import Candidate
    from pipeline.importers import ImportReport
    from pipeline.project import Project

__all__ = [
    "CANDIDATE",
    "CandidateRow",
    "CandidatesResult",
    "GenerationResult",
    "candidates",
    "component",
    "contact_sheet",
    "generate",
    "ingest",
    "select",
]


class Failure(BaseModel):
    """One candidate that did not come."""

    generator: str
    code: str
    message: str


class GenerationResult(BaseModel):
    """What `gates generate` prints.

    Attributes
    ----------
    estimate
        What was expected to be charged, and where the caps stand.
    notes
        How the wish came to be: what project memory changed, what stands for what.
    """

    asset: str
    candidates: list[CandidateRow]
    failed: list[Failure] = Field(default_factory=list)
    estimate: Spending | None = None
    notes: list[str] = Field(default_factory=list)


def generate(
    project: Project,
    asset: str,
    *,
    generator: str = "embedded",
    count: int = 1,
    seed: int = 0,
    target_triangles: int = 0,
    options: dict[str, Any] | None = None,
    variants: list[str] | None = None,
    task: str = "",
    action: str = "",
    source: Path | None = None,
    banned: Literal["refuse", "strip"] = "refuse",
    max_cost: str = "",
    only_estimate: bool = False,
) -> GenerationResult:
    """Ask a generator for candidates and author each as a variant.

    A candidate that fails is reported and the others go on. `variants` names them; one that is there already
    is made again from nothing. `target_triangles` is a wish (0: the generator's own); more than the budget leaves
    refinement something to choose from.

    Parameters
    ----------
    task, action, source
        See `pipeline.gates.wish.Asked`.
    banned
        Whether words that the project bans refuse the request or are stripped from the prompt.
    max_cost
        Refuse before anything is sent if the estimate is higher: `50` credits, `2.5USD`.
    only_estimate
        Send nothing, only say what it would cost.

    Raises
    ------
    GateRefused
        The intent is not locked, there are no inputs, or the prompt says what the project bans.
    OverBudget
        It would cost more than allowed.
    GeneratorError
        The generator is unknown or every candidate failed.
    """
    from pipeline import generators
    from pipeline.gates.wish import Asked, make_wish

    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "generation")
    chosen = generators.get(generator, project=project.root, jobs=project.layout.private / "jobs")
    asked = Asked(generator, count, seed, target_triangles, task, action, source, banned, options or {})
    rows: list[CandidateRow] = []
    failed: list[Failure] = []
    with scratch(project, "generate") as folder:
        wish = make_wish(project, stage, asset, asked, folder)
        cost = spending(project, chosen, wish.request)
        if max_cost:
            refuse_costly(cost, max_cost)
        if only_estimate:
            return GenerationResult(asset=asset, candidates=[], estimate=cost, notes=list(wish.notes))
        step(cost.sentence(), 0, count)
        out = folder / "made"
        out.mkdir()
        made = chosen.generate(wish.request, out)
        failed += [
            Failure(generator=f.generator, code=f.code, message=f.message) for f in getattr(chosen, "failures", [])
        ]
        for i, candidate in enumerate(made):
            step(f"{asset}: reads candidate {i + 1}", i, count)
            try:
                name = variants[i] if variants and i < len(variants) else None
                rows.append(_admit(project, asset, candidate, folder / f"read{i}", name))
            except GatesError as error:
                failed.append(Failure(generator=generator, code=error.code, message=str(error)))
    if not rows:
        raise GeneratorError(
            f"{generator} gave no candidate: " + ("; ".join(f.message for f in failed) or "it returned nothing"),
            remedy="change the inputs or take another generator (gates plugins lists them)",
        )
    rows = _looked_at(project, asset, rows)
    return GenerationResult(asset=asset, candidates=rows, failed=failed, estimate=cost, notes=list(wish.notes))


def ingest(
    project: Project,
    file: Path,
    asset: str,
    *,
    variant: str | None = None,
    units: str | None = None,
    up: str | None = None,
    generator: str = "ingest",
    provenance: dict[str, Any] | None = None,
    replace: bool = False,
) -> CandidateRow:
    """Read a mesh or USD file in the sandbox and make it a candidate; `replace` one of that name.

    Raises
    ------
    UsageError
        There is no such file, or the variant name is taken by other content.
    ImportRefused
        The file is broken, hostile or of an unknown format.
    """
    from pipeline.importers import import_file

    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "generation")
    if not file.is_file():
        raise UsageError("there is no such file", path=file, remedy="check the path")
    with scratch(project, "ingest") as folder:
        report = import_file(file, folder, units=units, up=up, name=asset)
        layer = project.objects.add_layer(Path(report.folder) / report.layer)
    facts = {
        "tool": "gates ingest",
        "source": file.name,
        "source_sha256": report.digest,
        "format": report.format,
        "metres_per_unit": report.meters_per_unit,
        "units_from": report.units_from,
        "up_axis": report.up_axis,
        "up_from": report.up_from,
        **(provenance or {}),
    }
    row = CandidateRow(
        variant=variant or next_name(stage, asset),
        generator=generator,
        triangles=report.triangles,
        provenance=facts,
        notes=_notes(report),
        layer=layer.stem,
    )
    author(project, asset, row, layer, replace)
    return _looked_at(project, asset, [row])[0]


def _admit(project: Project, asset: str, made: Candidate, folder: Path, name: str | None) -> CandidateRow:
    """Read one generated file in the sandbox, store it, author the variant."""
    from pipeline.importers import import_file

    report = import_file(made.file, folder, name=asset)
    layer = project.objects.add_layer(Path(report.folder) / report.layer)
    row = CandidateRow(
        variant=name or next_name(project.open_stage(), asset),
        generator=made.generator,
        seed=made.seed,
        triangles=report.triangles,
        cost={"credits": made.cost.credits, made.cost.currency.lower(): made.cost.money},
        provenance={"model": made.model, **made.provenance},
        notes=[*made.notes, *_notes(report)],
        layer=layer.stem,
    )
    author(project, asset, row, layer, replace=name is not None)
    return row


def _looked_at(project: Project, asset: str, rows: list[CandidateRow]) -> list[CandidateRow]:
    """The rows with thumbnail, likeness and score."""
    look_at_candidates(project, asset, [row.variant for row in rows])
    known = {row.variant: row for row in candidates(project, asset).candidates}
    fields = ("thumbnail", "scores", "score", "rank", "verdict")
    return [row.model_copy(update={f: getattr(known[row.variant], f) for f in fields}) for row in rows]


def _notes(report: ImportReport) -> list[str]:
    return [*report.notes, *(f"{loss.where}: {loss.what} left out: {loss.why}" for loss in report.losses)]
