# SPDX-License-Identifier: Apache-2.0
"""Gate 6, refinement: what must change before handoff?

Every operation is non-destructive: opinions inside the selected variant, or a new variant, each with a
provenance record. The gate passes when the asset, as it would ship, passes inspection in every style and no
remark about its scene is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, known_asset, mark, require
from pipeline.gates.context import open_notes
from pipeline.gates.inspection import inspect_asset, selections
from pipeline.refiners.core.base import RefineResult

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = [
    "STYLE",
    "FileRefinement",
    "RefinementResult",
    "check_refinement",
    "make_style",
    "refine_any_file",
    "refine_asset",
]

_LAYERS = (".usd", ".usda", ".usdc")

#: the variant set that holds the styles of an asset
STYLE = "style"


class FileRefinement(BaseModel):
    """What became of a file outside any project.

    Attributes
    ----------
    path
        The new file.
    results
        One for each operation.
    losses
        What its format cannot hold, and what could not be read of the source: sentences with the prim.
    """

    path: str
    results: list[RefineResult] = Field(default_factory=list)
    losses: list[str] = Field(default_factory=list)


class RefinementResult(BaseModel):
    """Whether the asset may be handed over."""

    asset: str
    verdicts: dict[str, str] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    passed: bool = False


def refine_asset(
    project: Project,
    asset: str,
    op: str,
    settings: dict[str, Any] | None = None,
    *,
    variant: str | None = None,
    new_variant: str | None = None,
) -> RefineResult:
    """Run one operation on the asset as it stands.

    Parameters
    ----------
    variant
        `SET=NAME`: author inside this existing variant; default: the selected candidate and style.
    new_variant
        `SET=NAME`: make this variant, author inside it and select it.

    Raises
    ------
    GateRefused
        The context gate was skipped.
    RefineError
        The operation cannot be done on this geometry.
    """
    from pipeline.refiners import ProjectStore, refine

    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "refinement")
    path = f"{ASSETS}/{asset}"
    with project.edit() as edit:
        prim = edit.GetPrimAtPath(path)
        if not prim:
            raise UsageError(f"{asset} has nothing to refine yet", prim=path, remedy=f"gates generate {asset}")
        if variant is None and new_variant is None and STYLE in selections(prim):
            variant = f"{STYLE}={selections(prim)[STYLE]}"
        result: RefineResult = refine(
            edit,
            path,
            op,
            settings or {},
            variant=variant,
            new_variant=new_variant,
            store=ProjectStore(project),
        )
        if new_variant is not None:
            name, _, value = new_variant.partition("=")
            prim.GetVariantSet(name).SetVariantSelection(value)
        mark(edit, asset, "refinement", "revise", f"{op} done, not inspected yet")
    return result


def refine_any_file(
    source: Path, out: Path, ops: Sequence[str | tuple[str, dict[str, Any]]], prim: str | None = None
) -> FileRefinement:
    """Do operations one after another to a file of any format that can be read, and write any that can be written.

    The source is not touched. A USD layer keeps the source's composition and lies beside a folder `<out>.files`;
    any other format is exported from it and read back.

    Raises
    ------
    ImportRefused, StageError
        The source cannot be read.
    RefineError
        An operation cannot be done.
    ExportError
        The result cannot be written.
    """
    import tempfile

    from pipeline.exporters import export
    from pipeline.importers import import_file, vet_stage
    from pipeline.refiners import refine_file

    told: list[str] = []
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the file itself: the original stays", remedy="name another file with --out")
    native = source.suffix.lower() in (*_LAYERS, ".usdz")
    layered = out.suffix.lower() in _LAYERS
    with tempfile.TemporaryDirectory(prefix="gates-refine-") as scratch:
        layer = source
        if native and source.exists():
            vet_stage(source)
        elif not native:
            report = import_file(source, Path(scratch) / "package")
            layer = Path(report.folder) / report.layer
            told += [f"{x.what} of {x.where or source.name}: {x.why}" for x in report.losses]
            if layered:
                layer = _moved_beside(layer, out, report.digest)
        target = out if layered else Path(scratch) / "refined.usdc"
        results = refine_file(layer, target, ops, prim)
        if not layered:
            told += [f"{x.what} of {x.prim}: {x.why}" for x in export(target, out, prim=prim).losses]
            for one in results:
                one.layer = str(out)
    return FileRefinement(path=str(out), results=results, losses=told)


def _moved_beside(layer: Path, out: Path, digest: str) -> Path:
    """The package of a converted file in the folder beside its refinement, named by the file's content."""
    import shutil

    home = out.absolute().with_name(f"{out.name}.files") / f"source-{digest[:16]}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        partial = home.with_name(f".partial-{home.name}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(layer.parent, partial)
        partial.rename(home)
    return home / layer.name


def make_style(project: Project, asset: str, style: str, steps: list[tuple[str, dict[str, Any]]]) -> list[RefineResult]:
    """Make one style of the selected candidate from nothing, by these operations one after the other.

    The style is selected afterwards.
    """
    from pipeline.gates.variants import empty_variant
    from pipeline.progress import track

    stage = project.open_stage()
    known_asset(stage, asset)
    chosen = selections(stage.GetPrimAtPath(f"{ASSETS}/{asset}"))
    inside = [("candidate", chosen["candidate"])] if "candidate" in chosen else []
    there = empty_variant(project, asset, *inside, (STYLE, style))
    results = []
    for op, settings in track(steps, f"{asset}: style {style}"):
        name = f"{STYLE}={style}"
        results.append(
            refine_asset(
                project, asset, op, settings, variant=name if there else None, new_variant=None if there else name
            )
        )
        there = True
    with project.edit() as edit:
        edit.GetPrimAtPath(f"{ASSETS}/{asset}").GetVariantSet(STYLE).SetVariantSelection(style)
    return results


def check_refinement(project: Project, asset: str) -> RefinementResult:
    """Inspect every style as it would ship, look at the open remarks, and tell the board."""
    from pipeline.gates.context import measure_context

    stage = project.open_stage()
    known_asset(stage, asset)
    require(stage, project, asset, "refinement")
    prim = stage.GetPrimAtPath(f"{ASSETS}/{asset}")
    styles = list(prim.GetVariantSet(STYLE).GetVariantNames()) if prim.GetVariantSets().HasVariantSet(STYLE) else []
    verdicts: dict[str, str] = {}
    for style in styles or [""]:
        subject = {STYLE: style} if style else None
        report = inspect_asset(project, asset, subject, shipping=True)
        verdicts[style or "asset"] = report.verdict
    seen = measure_context(project, asset, subjects=[{STYLE: s} for s in styles] or None)
    with project.edit() as edit:
        left = open_notes(edit, asset)
        bad = [name for name, verdict in verdicts.items() if verdict != "pass"]
        passed = not bad and not left
        why = "; ".join(
            ([f"{', '.join(bad)} did not pass inspection"] if bad else [])
            + ([f"{len(left)} remarks open"] if left else [])
        )
        mark(edit, asset, "refinement", "passed" if passed else "revise", why)
        if not bad:
            mark(edit, asset, "inspection", "passed", "as it ships")
    return RefinementResult(asset=asset, verdicts=verdicts, notes=[n.message for n in seen.notes], passed=passed)
