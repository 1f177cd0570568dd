# SPDX-License-Identifier: Apache-2.0
"""USD: one flattened layer, or the stage's own layers, with everything they need in folders beside them.

`.usda` is text; `.usdc` and `.usd` are binary.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf, Usd, UsdUtils

from pipeline.errors import ExportError
from pipeline.exporters.flatten import flattened, localise
from pipeline.exporters.seam import Reading
from pipeline.exporters.targets import Target
from pipeline.exporters.usd_reading import read_stage
from pipeline.usd.scene.model import Loss, Scene
from pipeline.usd.scene.report import Report

__all__ = ["read_back", "write_stage"]


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
        _localised(root, out, report)
        return list(report.losses)
    layer = flattened(stage, report, variants=variants, prim=prim)
    folder = out.parent / f"{out.stem}_files"
    localise(layer, folder, f"./{folder.name}/", scene, report)
    _save(layer, out)
    return list(report.losses)


def _packaged(layer: Any) -> bool:
    return bool(layer.realPath.endswith(".usdz"))


def _whole(stage: Any) -> bool:
    """Whether the layers on disk say all of it: nothing in the session, missing, broken or unsaved."""
    session = stage.GetSessionLayer()
    if (session and not session.empty) or stage.GetCompositionErrors():
        return False
    if any(layer.dirty for layer in stage.GetUsedLayers() if not layer.anonymous):
        return False
    layers, _, missing = UsdUtils.ComputeAllDependencies(stage.GetRootLayer().realPath)
    uses_expressions = any("expressionVariables" in layer.pseudoRoot.ListInfoKeys() for layer in layers)
    return not missing and not uses_expressions


def _localised(root: Any, out: Path, report: Report) -> None:
    """Copies of all layers and files, with paths that stay inside."""
    folder = out.parent / f"{out.stem}_files"
    folder.mkdir()
    try:
        done = UsdUtils.LocalizeAsset(Sdf.AssetPath(root.realPath), str(folder))
    except Tf.ErrorException as error:
        raise ExportError(f"its files cannot be gathered: {error}", path=root.realPath,
                          remedy="export with a target whose usd is flattened") from error  # fmt: skip
    copy = folder / Path(root.realPath).name
    if not done or not copy.exists():
        raise ExportError("its files cannot be gathered", path=root.realPath,
                          remedy="export with a target whose usd is flattened")  # fmt: skip
    layer = Sdf.Layer.OpenAsAnonymous(str(copy))
    UsdUtils.ModifyAssetPaths(layer, lambda path: _beneath(path, folder.name))
    _save(layer, out)
    copy.unlink()
    if not any(folder.iterdir()):
        shutil.rmtree(folder)


def _beneath(path: str, folder: str) -> str:
    if not path or path.startswith("/") or "://" in path:
        return path
    return f"./{folder}/{path.removeprefix('./')}"


def _save(layer: Any, out: Path) -> None:
    arguments = {"format": "usdc"} if out.suffix == ".usd" else {}
    try:
        done = layer.Export(str(out), args=arguments)
    except Tf.ErrorException as error:
        raise ExportError(f"the layer cannot be written: {error}", path=out) from error
    if not done:
        raise ExportError("the layer cannot be written", path=out, remedy="check the disk's space and permissions")


def read_back(path: Path) -> Reading:
    """What Pixar's USD finds in the file, opened anew."""
    return read_stage(path, Usd.Stage.Open(str(path), Usd.Stage.LoadAll))
