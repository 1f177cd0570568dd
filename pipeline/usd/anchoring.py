# SPDX-License-Identifier: Apache-2.0
"""Asset paths of a layer, and what becomes of them when the layer moves.

USD keeps relative paths as they are written when a layer is exported or copied elsewhere, so they must be
rewritten. `UsdUtils.ModifyAssetPaths` finds sublayers, references, payloads (inside variants too), asset
attributes, arrays, time samples and metadata, and in some releases, but not in all,
the plain string `templateAssetPath` of value clips: that one is always changed from what it was before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pxr import Sdf, UsdUtils

__all__ = ["asset_paths", "is_local", "reanchor", "relative", "rewrite_asset_paths"]


def is_local(asset: str) -> bool:
    """Whether an asset path names a file; not an expression, an anonymous layer or a URI."""
    if not asset or asset.startswith(("`", "anon:")):
        return False
    scheme, colon, _ = asset.partition(":")
    return not (colon and len(scheme) > 1 and "/" not in scheme)


def relative(target: Path, folder: Path) -> str:
    """The asset path that names `target` in a layer that lies in `folder`; always starts with a dot."""
    path = Path(os.path.relpath(target, folder)).as_posix()
    return path if path.startswith("..") else f"./{path}"


def rewrite_asset_paths(layer: Sdf.Layer, change: Callable[[str], str]) -> None:
    """Replace every authored asset path of a layer in place by what `change` returns."""
    clips = _clips(layer)
    UsdUtils.ModifyAssetPaths(layer, lambda asset: change(asset) if asset else asset)
    for spec, old in clips:
        new = dict(spec.GetInfo("clips"))
        for name, one in old.items():
            if one.get("templateAssetPath"):
                new[name] = {**new[name], "templateAssetPath": change(one["templateAssetPath"])}
        if new != spec.GetInfo("clips"):
            spec.SetInfo("clips", new)


def asset_paths(layer: Sdf.Layer) -> list[str]:
    """Every asset path a layer authors, in order of appearance, each once."""
    found: dict[str, None] = {}

    def note(asset: str) -> str:
        found[asset] = None
        return asset

    copy = Sdf.Layer.CreateAnonymous(".usda")
    copy.TransferContent(layer)
    rewrite_asset_paths(copy, note)
    return list(found)


def reanchor(layer: Sdf.Layer, old: Path, new: Path) -> None:
    """Rewrite the relative paths of a layer that moves from folder `old` to folder `new`."""

    def move(asset: str) -> str:
        if not is_local(asset) or Path(asset).is_absolute():
            return asset
        if not asset.startswith("."):  # a search path, or a file beside the layer
            return relative(old / asset, new) if (old / asset.partition("[")[0]).exists() else asset
        outer, bracket, inner = asset.partition("[")
        return relative(old / outer, new) + bracket + inner

    rewrite_asset_paths(layer, move)


def _clips(layer: Sdf.Layer) -> list[tuple[Sdf.PrimSpec, dict]]:
    found: list[tuple[Sdf.PrimSpec, dict]] = []

    def visit(path: Sdf.Path) -> None:
        if path.IsPrimPath() or path.IsPrimVariantSelectionPath():
            spec = layer.GetPrimAtPath(path)
            if spec and spec.HasInfo("clips"):
                found.append((spec, dict(spec.GetInfo("clips"))))

    layer.Traverse(Sdf.Path.absoluteRootPath, visit)
    return found
