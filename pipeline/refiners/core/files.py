# SPDX-License-Identifier: Apache-2.0
"""A mended copy of a file, outside any project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pxr import Sdf, Usd, UsdUtils

from pipeline.errors import RefineError, StageError
from pipeline.refiners.core.apply import refine
from pipeline.refiners.core.base import RefineResult
from pipeline.refiners.core.stores import FolderStore
from pipeline.usd.anchoring import is_local, relative
from pipeline.usd.reasons import reason
from pipeline.usd.writing import replace_layer

__all__ = ["refine_file"]

_LAYERS = (".usd", ".usda", ".usdc")


def refine_file(
    path: str | Path,
    out: str | Path,
    ops: Iterable[str | tuple[str, Mapping[str, Any]]],
    prim_path: str | None = None,
) -> list[RefineResult]:
    """Do operations one after another to a USD file and write the result to `out`.

    The copy keeps references, payloads and variants of the source and names its files by relative paths; what
    the operations make (textures) lies in a folder beside it, `<out>.files`. The source is not touched.

    Parameters
    ----------
    path
        A .usd, .usda, .usdc or .usdz file.
    out
        A .usd, .usda or .usdc file; replaced whole or not at all.
    ops
        Names, or pairs of name and settings.
    prim_path
        What is refined; the default prim, or the only root prim, where not given.

    Raises
    ------
    StageError
        The source does not open, or holds no prim to begin from.
    RefineError
        An operation cannot be done, or `out` is no USD layer.
    """
    source, target = Path(path).absolute(), Path(out).absolute()
    if target.suffix.lower() not in _LAYERS:
        raise RefineError(
            f"a mended copy is a USD layer, not {target.suffix or 'a file without extension'}", path=target,
            remedy="name the copy .usd, .usda or .usdc, then `gates export` it",
        )  # fmt: skip
    stage = _opened(source)
    stage_layer = _localised(stage, target.parent)
    with tempfile.TemporaryDirectory(prefix=".refining-", dir=_folder(target)) as scratch:
        # the working file lies where the copy will lie one folder deeper, so paths are anchored for `out`
        working = target.parent / f"{Path(scratch).name}{target.suffix}"
        try:
            replace_layer(working, stage_layer)
            results = _run(working, target, ops, prim_path, stage)
        except OSError as error:
            raise RefineError(
                f"the copy could not be written: {error.strerror}", path=target,
                remedy="free space or check the folder's permissions",
            ) from error  # fmt: skip
        finally:
            working.unlink(missing_ok=True)
    return results


def _run(
    working: Path,
    target: Path,
    ops: Iterable[str | tuple[str, Mapping[str, Any]]],
    prim_path: str | None,
    original: Usd.Stage,
) -> list[RefineResult]:
    stage = Usd.Stage.Open(str(working))
    prim = _prim(stage, prim_path, target)
    store = _TextureStore(FolderStore(target.with_name(f"{target.name}.files"), target.parent))
    results = []
    for op in ops:
        name, settings = (op, {}) if isinstance(op, str) else op
        results.append(refine(stage, prim, name, dict(settings), store=store, source=original.GetPrimAtPath(prim)))
        results[-1].layer = str(target)
    replace_layer(target, stage.GetRootLayer())
    held = Sdf.Layer.Find(str(target))
    if held:
        held.Reload(force=True)
    return results


class _TextureStore:
    """Textures go into the folder; geometry stays in the copy itself."""

    inline_geometry = True

    def __init__(self, folder: FolderStore) -> None:
        self.folder = folder

    def keep(self, path: Path) -> str:
        return self.folder.keep(path)


def _folder(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent


def _opened(source: Path) -> Usd.Stage:
    from pxr import Tf

    if not source.is_file():
        raise StageError("there is no such file", path=source, remedy="check the path")
    try:
        stage = Usd.Stage.Open(str(source))
    except Tf.ErrorException as error:
        raise StageError(
            f"the file does not open: {reason(error)}", path=source, remedy="ingest it again from its source"
        ) from error
    if not stage:
        raise StageError("the file does not open", path=source, remedy="ingest it again from its source")
    return stage


def _localised(stage: Usd.Stage, folder: Path) -> Sdf.Layer:
    """The stage's layer stack as one layer whose paths are relative to `folder`."""

    def anchor(layer: Sdf.Layer, asset: str) -> str:
        if not is_local(asset):
            return asset
        resolved = layer.ComputeAbsolutePath(asset)
        outer, bracket, inner = resolved.partition("[")
        return relative(Path(outer), folder) + bracket + inner if Path(outer).is_absolute() else asset

    layer: Sdf.Layer = UsdUtils.FlattenLayerStack(stage, anchor)
    return layer


def _prim(stage: Usd.Stage, prim_path: str | None, source: Path) -> Sdf.Path:
    if prim_path:
        return Sdf.Path(prim_path)
    default = stage.GetDefaultPrim()
    if default:
        return default.GetPath()
    roots = [p for p in stage.GetPseudoRoot().GetChildren() if p.IsDefined() and not p.IsAbstract()]
    if len(roots) != 1:
        raise StageError(
            f"the file has no default prim and {len(roots)} roots", path=source, remedy="name the prim to refine"
        )
    return roots[0].GetPath()
