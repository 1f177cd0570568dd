# SPDX-License-Identifier: Apache-2.0
"""USD: one flattened layer, or the stage's own layers, with everything they need in folders beside them.

`.usda` is text; `.usdc` and `.usd` are binary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pxr import Pcp, Usd, UsdUtils

from pipeline.exporters.flatten import flattened, localise
from pipeline.exporters.package import Package, save_layer
from pipeline.exporters.seam import Reading
from pipeline.exporters.targets import Target
from pipeline.exporters.usd_reading import compare_stages, read_stage
from pipeline.usd.scene.model import Loss, Scene
from pipeline.usd.scene.report import Report

__all__ = ["read_back", "read_back_stage", "write_stage"]


def write_stage(
    stage: Any,
    scene: Scene,
    out: Path,
    target: Target,
    *,
    variants: Mapping[str, str],
    prim: str | None,
) -> list[Loss]:
    """Write a stage as a package: `out`, and `<name>_files/` with all that it names.

    A whole stage keeps its composition (references, payloads, variants) in copies of its layers, as far as
    `target.usd` is `composed`; a single prim, selected variants or an unsaved stage are flattened.
    """
    report = Report()
    root = stage.GetRootLayer()
    composed = target.usd == "composed" and not variants and prim is None
    if composed and root.realPath and not root.dirty and not _packaged(root) and _whole(stage):
        Package(root, out, report).write()
        return list(report.losses)
    layer = flattened(stage, report, variants=variants, prim=prim)
    folder = out.parent / f"{out.stem}_files"
    localise(layer, folder, f"./{folder.name}/", scene, report)
    save_layer(layer, out)
    return list(report.losses)


def _packaged(layer: Any) -> bool:
    return bool(layer.realPath.endswith(".usdz"))


def _whole(stage: Any) -> bool:
    """Whether the layers on disk say all of it: nothing in the session, missing, broken or unsaved."""
    session = stage.GetSessionLayer()
    if (session and not session.empty) or any(not _only_materialx(e) for e in stage.GetCompositionErrors()):
        return False
    if any(layer.dirty for layer in stage.GetUsedLayers() if not layer.anonymous):
        return False
    layers, _, missing = UsdUtils.ComputeAllDependencies(stage.GetRootLayer().realPath)
    uses_expressions = any("expressionVariables" in layer.pseudoRoot.ListInfoKeys() for layer in layers)
    return not missing and not uses_expressions


def _only_materialx(error: Any) -> bool:
    """Whether all that is wrong is that this OpenUSD has no reader of MaterialX: another one may."""
    return isinstance(error, Pcp.ErrorInvalidAssetPath) and ".mtlx@" in str(error)


def read_back(path: Path) -> Reading:
    """What Pixar's USD finds in the file, opened anew."""
    return read_stage(path, Usd.Stage.Open(str(path), Usd.Stage.LoadAll))


def read_back_stage(
    stage: Any, path: Path, *, variants: Mapping[str, str], purposes: Iterable[str], prim: str | None
) -> Reading:
    """What Pixar's USD finds in the file, opened anew, and where that is not what it finds in the stage."""
    written = Usd.Stage.Open(str(path), Usd.Stage.LoadAll)
    reading = read_stage(path, written, known=len(stage.GetCompositionErrors()))
    compare_stages(reading, written, stage, variants=variants, purposes=purposes, prim=prim)
    return reading
