# SPDX-License-Identifier: Apache-2.0
"""Gate 3, generation: which candidates are strongest?

Whatever a generator delivers or a person brings is read in the sandbox, normalised to a package and stored by
content; it becomes a variant of the asset behind its own payload, with a provenance record and a score. The
gates do not know which generator a candidate came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.errors import GateRefused, GatesError, UsageError
from pipeline.gates.board import ASSETS, known_asset, mark, record_path, require
from pipeline.gates.inputs import list_inputs
from pipeline.gates.intent import Intent, brief_of, read_intent
from pipeline.gates.scratch import scratch
from pipeline.progress import step

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.generators.base import Candidate, Request
    from pipeline.importers import ImportReport
    from pipeline.project import Project

__all__ = [
    "CANDIDATE",
    "CandidateRow",
    "CandidatesResult",
    "GenerationResult",
    "candidates",
    "contact_sheet",
    "generate",
    "ingest",
    "select",
]

#: the variant set that holds the candidates of an asset
CANDIDATE = "candidate"


class CandidateRow(BaseModel):
    """One candidate.

    Attributes
    ----------
    cost
        By currency: the generator's own `credits`, and money.
    layer
        Name of the stored package layer, which is the digest of its content.
    """

    variant: str
    generator: str
    seed: int | None = None
    triangles: int = 0
    score: float | None = None
    cost: dict[str, float] = Field(default_factory=dict)
    provenance: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    layer: str = ""


class Failure(BaseModel):
    """One candidate that did not come."""

    generator: str
    code: str
    message: str


class GenerationResult(BaseModel):
    """What `gates generate` prints."""

    asset: str
    candidates: list[CandidateRow]
    failed: list[Failure] = Field(default_factory=list)


class CandidatesResult(BaseModel):
    """What `gates candidates` prints."""

    asset: str
    selected: str | None
    candidates: list[CandidateRow]
    sheet: str | None = None


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
) -> GenerationResult:
    """Ask a generator for candidates and author each as a variant.

    A candidate that fails is reported and the others go on. `variants` names them; one that is there already
    is made again from nothing. `target_triangles` is a wish (0: the generator's own); more than the budget leaves
    refinement something to choose from.

    Raises
    ------
    GateRefused
        The intent is not locked, or there are no inputs.
    GeneratorError
        The generator is unknown or every candidate failed.
    """
    from pipeline import generators

    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "generation")
    request = _request(project, stage, asset, generator, options or {})
    request = request.model_copy(update={"count": count, "seed": seed, "target_triangles": target_triangles})
    chosen = generators.get(generator, project=project.root, jobs=project.layout.private / "jobs")
    rows: list[CandidateRow] = []
    failed: list[Failure] = []
    with scratch(project, "generate") as folder:
        step(f"{asset}: {generator} makes {count} candidates", 0, count)
        out = folder / "made"
        out.mkdir()
        made = chosen.generate(request, out)
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
        from pipeline.errors import GeneratorError

        raise GeneratorError(
            f"{generator} gave no candidate: " + ("; ".join(f.message for f in failed) or "it returned nothing"),
            remedy="change the inputs or take another generator (gates plugins lists them)",
        )
    return GenerationResult(asset=asset, candidates=rows, failed=failed)


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
    notes = _notes(report)
    row = CandidateRow(
        variant=variant or _next_name(stage, asset),
        generator=generator,
        triangles=report.triangles,
        provenance=facts,
        notes=notes,
        layer=layer.stem,
    )
    _author(project, asset, row, layer, replace)
    return row


def _request(project: Project, stage: Usd.Stage, asset: str, generator: str, options: dict[str, Any]) -> Request:
    from pipeline.generators.base import Picture, Request
    from pipeline.project.memory import recall

    intent = read_intent(stage, asset) or Intent(job=project.job)
    brief = brief_of(project, asset, stage)
    inputs = list_inputs(stage, asset).values()
    texts = {i.role: i.text for i in inputs if i.kind == "text"}
    style = [m.text for m in recall(stage, "style").values()]
    return Request(
        asset=asset,
        prompt=". ".join([texts.get("prompt", intent.statement or asset.replace("_", " ")), *style]),
        negative_prompt=texts.get("negative", ""),
        images=[Picture(path=Path(i.file), role=i.role) for i in inputs if i.kind == "image"],
        size_m=brief.size_m,
        pbr=brief.job.needs.pbr,
        pose=brief.job.needs.pose,
        parts=intent.parts,
        materials=intent.materials,
        job=brief.job.name,
        usage=brief.job.usage,
        options={generator: options},
    )


def _admit(project: Project, asset: str, made: Candidate, folder: Path, name: str | None) -> CandidateRow:
    """Read one generated file in the sandbox, store it, author the variant."""
    from pipeline.importers import import_file

    report = import_file(made.file, folder, name=asset)
    layer = project.objects.add_layer(Path(report.folder) / report.layer)
    row = CandidateRow(
        variant=name or _next_name(project.open_stage(), asset),
        generator=made.generator,
        seed=made.seed,
        triangles=report.triangles,
        cost={"credits": made.cost.credits, made.cost.currency.lower(): made.cost.money},
        provenance={"model": made.model, **made.provenance},
        notes=[*made.notes, *_notes(report)],
        layer=layer.stem,
    )
    _author(project, asset, row, layer, replace=name is not None)
    return row


def _author(project: Project, asset: str, row: CandidateRow, layer: Path, replace: bool) -> None:
    """Author one candidate: variant, payload, provenance, and the component around it."""
    from pxr import Sdf

    from pipeline.gates.variants import empty_variant
    from pipeline.usd.provenance import record

    if replace:
        empty_variant(project, asset, (CANDIDATE, row.variant))
    with project.edit() as stage:
        prim = component(stage, asset)
        variants = prim.GetVariantSets().AddVariantSet(CANDIDATE)
        if row.variant in variants.GetVariantNames() and not replace:
            raise UsageError(
                f"{asset} has a candidate {row.variant!r} already",
                prim=str(prim.GetPath()),
                remedy="leave --as away, or take another name",
            )
        before = variants.GetVariantSelection()
        variants.AddVariant(row.variant)
        variants.SetVariantSelection(row.variant)
        with variants.GetVariantEditContext():
            prim.GetPayloads().AddPayload(project.anchor(layer), Sdf.Path("/Asset"))
            record(prim, f"{row.generator}_{row.variant}", **_authorship(row))
            prim.SetCustomDataByKey("gates:candidate", _custom(row))
        if before:
            variants.SetVariantSelection(before)
        mark(stage, asset, "generation", "revise", "nobody has selected one of the candidates yet")


def component(stage: Usd.Stage, asset: str) -> Usd.Prim:
    """The asset's component prim with its class and its name, made where it is missing."""
    from pxr import Kind, Sdf, Usd, UsdGeom

    path = f"{ASSETS}/{asset}"
    prim = stage.GetPrimAtPath(path)
    if prim and prim.IsDefined():
        return prim
    stage.CreateClassPrim("/__class__")
    stage.CreateClassPrim(f"/__class__/{asset}")
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    Usd.ModelAPI(prim).SetKind(Kind.Tokens.component)
    prim.GetInherits().AddInherit(Sdf.Path(f"/__class__/{asset}"))
    model = Usd.ModelAPI(prim)
    model.SetAssetName(asset)
    return prim


def candidates(project: Project, asset: str) -> CandidatesResult:
    """Every candidate with what its record says, the selected one named."""
    stage = project.open_stage()
    known_asset(stage, asset)
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    if not prim or not prim.GetVariantSets().HasVariantSet(CANDIDATE):
        return CandidatesResult(asset=asset, selected=None, candidates=[])
    variants = prim.GetVariantSet(CANDIDATE)
    chosen = variants.GetVariantSelection() or None
    rows = []
    for name in variants.GetVariantNames():
        data = _candidate_data(stage, asset, name)
        verdict = _verdict_of(stage, asset, name)
        rows.append(
            CandidateRow(
                variant=name,
                generator=str(data.get("generator", "")),
                seed=data.get("seed"),
                triangles=int(data.get("triangles", 0)),
                score=verdict,
                cost={k: float(v) for k, v in dict(data.get("cost", {})).items()},
                provenance=dict(data.get("provenance", {})),
                layer=str(data.get("layer", "")),
            )
        )
    rows.sort(key=lambda r: (-(r.score if r.score is not None else -1.0), r.variant))
    return CandidatesResult(asset=asset, selected=chosen, candidates=rows)


def select(project: Project, asset: str, variant: str) -> CandidatesResult:
    """Select a candidate; the gates after generation open again where the choice changed.

    Raises
    ------
    UsageError
        There is no such candidate.
    GateRefused
        It was rejected by inspection.
    """
    present = candidates(project, asset)
    names = [c.variant for c in present.candidates]
    if variant not in names:
        raise UsageError(
            f"{asset} has no candidate {variant!r}",
            prim=f"{ASSETS}/{asset}",
            remedy=f"choose from: {', '.join(names) or 'none yet: gates generate ' + asset}",
        )
    stage = project.open_stage()
    if _rejected(stage, asset, variant):
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
    return candidates(project, asset)


def contact_sheet(project: Project, asset: str, out: Path) -> CandidatesResult:
    """Draw every candidate with one camera and one light, its numbers underneath."""
    from pipeline.render import render_matched
    from pipeline.render.sheet import contact_sheet as draw

    result = candidates(project, asset)
    if not result.candidates:
        raise UsageError(f"{asset} has no candidate to draw", remedy=f"gates generate {asset}")
    ordered = sorted(result.candidates, key=lambda c: c.variant)
    with scratch(project, "sheet") as folder:
        pictures, labels = [], []
        for row in ordered:
            pictures.append(folder / f"{row.variant}.png")
            score = f"  score {row.score:.2f}" if row.score is not None else ""
            chosen = "  selected" if row.variant == result.selected else ""
            labels.append(f"{row.variant}  {row.triangles:,} triangles{score}{chosen}")
        prim = f"{ASSETS}/{asset}"
        looks = [{f"{prim}{{{CANDIDATE}}}": row.variant} for row in ordered]
        render_matched([project.open_stage()], pictures, looks, size=(480, 480), prims=[prim])
        draw(pictures, labels, out)
    return result.model_copy(update={"sheet": str(out)})


def _notes(report: ImportReport) -> list[str]:
    return [*report.notes, *(f"{loss.where}: {loss.what} left out: {loss.why}" for loss in report.losses)]


def _next_name(stage: Usd.Stage, asset: str) -> str:
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    taken = prim.GetVariantSet(CANDIDATE).GetVariantNames() if prim else []
    number = 1
    while f"c{number:02d}" in taken:
        number += 1
    return f"c{number:02d}"


def _authorship(row: CandidateRow) -> dict[str, Any]:
    """The candidate's record in the words of `pipeline.usd.provenance`."""
    facts = row.provenance
    return {
        "tool": str(facts.get("tool", row.generator)),
        "version": str(facts.get("version", "")),
        "model": str(facts.get("model", "")),
        "prompt": str(facts.get("prompt", "")),
        "seed": row.seed,
        "inputs": {k: str(v) for k, v in dict(facts.get("inputs", {})).items()},
        "cost": ", ".join(f"{v:g} {k}" for k, v in row.cost.items() if v) or None,
        "licence": str(facts.get("licence", "")),
        "source_type": facts.get("digital_source_type") or "human",
    }


def _custom(row: CandidateRow) -> dict[str, Any]:
    """The candidate's numbers as customData; only types that USD dictionaries hold."""
    data: dict[str, Any] = {"generator": row.generator, "triangles": row.triangles, "layer": row.layer}
    data["cost"] = dict(row.cost)
    if row.seed is not None:
        data["seed"] = row.seed
    data["provenance"] = {
        k: v if isinstance(v, int | float | str) else str(v) for k, v in row.provenance.items() if v is not None
    }
    return data


def _candidate_data(stage: Usd.Stage, asset: str, variant: str) -> dict[str, Any]:
    """A candidate's customData, read from the variant's own specs without selecting it."""
    from pxr import Sdf

    path = Sdf.Path(f"{ASSETS}/{asset}").AppendVariantSelection(CANDIDATE, variant)
    for layer in stage.GetLayerStack():
        spec = layer.GetPrimAtPath(path)
        # a colon in a customData key is a nested dictionary
        if spec and "candidate" in spec.customData.get("gates", {}):
            return dict(spec.customData["gates"]["candidate"])
    return {}


def _verdict_of(stage: Usd.Stage, asset: str, variant: str) -> float | None:
    prim = stage.GetPrimAtPath(record_path(asset, "Verdicts", f"candidate_{variant}"))
    return float(prim.GetAttribute("gates:score").Get()) if prim else None


def _rejected(stage: Usd.Stage, asset: str, variant: str) -> bool:
    prim = stage.GetPrimAtPath(record_path(asset, "Verdicts", f"candidate_{variant}"))
    return bool(prim) and prim.GetAttribute("gates:verdict").Get() == "reject"


def _gate_state(stage: Usd.Stage, asset: str) -> str:
    prim = stage.GetPrimAtPath(record_path(asset, "Gates", "generation"))
    return str(prim.GetAttribute("gates:state").Get()) if prim else "open"
