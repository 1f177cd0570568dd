# SPDX-License-Identifier: Apache-2.0
"""Safe fixers on a file: the original stays, a new file holds what they made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from pipeline.checks.engine import inspect
from pipeline.checks.fixers import ordered, settings_for
from pipeline.checks.reading import USD, import_to
from pipeline.checks.report import FindingReport
from pipeline.errors import RefineError, StageError, UsageError
from pipeline.settings.jobs import Brief, brief_for

#: one fixer may uncover work for another
ROUNDS = 3


class Fixed(BaseModel):
    """What the fixers did.

    Attributes
    ----------
    path
        The new file.
    operations
        The operations that changed something, in order.
    failed
        Operation -> why it did not serve.
    notes
        What the operations and the export say besides.
    """

    path: str
    operations: list[str] = Field(default_factory=list)
    failed: dict[str, str] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


#: root prims that flattening makes of prototypes
PROTOTYPE = "Flattened_Prototype_"


def fix_file(
    source: Path,
    out: Path,
    job: Any = None,
    rules: Sequence[str] | None = None,
    prim: str | None = None,
    project: Path | None = None,
) -> Fixed:
    """Run the safe fixers of all findings and write the result.

    Parameters
    ----------
    source
        A USD file or any mesh file; it is not touched.
    out
        The new file, of any format that export writes.
    job, rules, prim, project
        As in `inspect`.

    Raises
    ------
    ImportRefused, StageError
        The source cannot be read.
    ExportError
        The result cannot be written.
    """
    from pipeline.exporters import export

    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"{out} is the file itself: the original stays", remedy="name another file with --fix")
    brief = brief_for(job, project)
    with tempfile.TemporaryDirectory(prefix="gates-fix-") as folder:
        path = source if source.suffix.lower() in USD else import_to(source, Path(folder) / "package")
        stage = _editable(_over(path))
        target = prim or str(stage.GetDefaultPrim().GetPath())
        if not stage.GetPrimAtPath(target):
            raise StageError("there is nothing to fix: no default prim", path=source, remedy="name one with --prim")
        result = Fixed(path=str(out))
        for _ in range(ROUNDS):
            if not _round(stage, target, brief, rules, Path(folder) / "new", result):
                break
        _set_prototypes(stage, "SpecifierClass")  # they are drawn by their instances only
        written = export(stage, out, prim=prim, project=project)
        result.notes += [f"{loss.what} of {loss.prim}: {loss.why}" for loss in written.losses]
    return result


def _over(path: Path) -> Any:
    """A stage that edits in memory, on top of the file, with the file's own metadata."""
    from pxr import Sdf, Usd

    from pipeline.usd.scene import open_stage

    below = open_stage(path)
    root = Sdf.Layer.CreateAnonymous("fixes.usda")
    root.TransferContent(Sdf.Layer.CreateAnonymous(".usda"))
    root.subLayerPaths = [below.GetRootLayer().identifier]
    stage = Usd.Stage.Open(root)
    for key in below.GetRootLayer().pseudoRoot.ListInfoKeys():
        if key not in ("subLayers", "subLayerOffsets", "expressionVariables"):
            root.pseudoRoot.SetInfo(key, below.GetRootLayer().pseudoRoot.GetInfo(key))
    return stage


def _editable(stage: Any) -> Any:
    """The stage; where it has native instances, flattened, so that their prototypes are prims that can be mended."""
    from pxr import Usd

    if not stage.GetPrototypes():
        return stage
    flat = Usd.Stage.Open(stage.Flatten(addSourceFileComment=False))
    _set_prototypes(flat, "SpecifierDef")
    return flat


def _set_prototypes(stage: Any, specifier: str) -> None:
    from pxr import Sdf

    for spec in stage.GetRootLayer().rootPrims:
        if spec.name.startswith(PROTOTYPE):
            spec.specifier = getattr(Sdf, specifier)


def _targets(stage: Any, target: str, findings: Sequence[FindingReport]) -> list[str]:
    """What is to be mended: the asset, unless all of it is instances, and the prototypes of those it was found on."""
    found: list[str] = []
    for finding in findings:
        prim = stage.GetPrimAtPath(finding.prim) if finding.prim.startswith("/") else None
        if not prim or not prim.IsInstanceProxy():
            found.insert(0, target)
            continue
        found += [
            str(spec.path.GetPrefixes()[0])
            for spec in prim.GetPrimInPrototype().GetPrimStack()
            if spec.path.GetPrefixes()[0].name.startswith(PROTOTYPE)
        ]
    return list(dict.fromkeys(found))


def _round(stage: Any, target: str, brief: Brief, rules: Sequence[str] | None, folder: Path, result: Fixed) -> bool:
    """Inspect, and run what mends it; whether anything changed."""
    from pipeline.refiners import FolderStore, refine
    from pipeline.refiners.core.registry import names

    report = inspect(stage, job=brief, rules=rules, prim=target)
    wanted = ordered(f.fixer for f in report.findings if f.fixable and f.severity != "info")
    known = set(names())
    found = {f.rule for f in report.findings}
    changed = False
    for operation in wanted:
        if operation not in known or operation in result.failed:
            continue
        settings = settings_for(operation, brief, found)
        for place in _targets(stage, target, [f for f in report.findings if f.fixer == operation]):
            try:
                done = refine(stage, place, operation, settings, store=FolderStore(folder))
            except RefineError as error:
                result.failed[operation] = str(error)
                break
            if done.changed:
                changed = True
                result.operations.append(operation)
                result.notes += done.notes
    return changed
