# SPDX-License-Identifier: Apache-2.0
"""Asset paths of a flattened layer: pictures are copied into the package, everything else is cut off."""

from __future__ import annotations

import re
from pathlib import Path

from pxr import Sdf, UsdUtils

from pipeline.errors import ImportRefused
from pipeline.importers.package.textures import Textures
from pipeline.importers.scene import Image, Scene
from pipeline.sandbox.paths import resolve_inside

_TILE = "<UDIM>"


def localise(layer: Sdf.Layer, base: Path, folder: Path, textures: Textures, scene: Scene) -> None:
    """Rewrite every asset path of the layer to one inside the package, or to nothing with a loss."""
    known: dict[str, str] = {}

    def rewrite(path: str) -> str:
        if path not in known:
            known[path] = _picture(path, base, folder, textures, scene)
        return known[path]

    UsdUtils.ModifyAssetPaths(layer, rewrite)


def _picture(path: str, base: Path, folder: Path, textures: Textures, scene: Scene) -> str:
    if not path or path in textures.files.values():
        return path
    name = path if not path.startswith("file:") else path[5:]
    try:
        if _TILE in name:
            return _tiles(name, base, folder, textures, scene)
        return _copy(resolve_inside(name, base, [folder]), textures, scene)
    except ImportRefused as e:
        scene.lose("asset path", _short(path, folder), e.message)
        return ""


def _short(path: str, folder: Path) -> str:
    inside = path.removeprefix(f"{folder}/")
    return inside if len(inside) < 200 else f"…{inside[-200:]}"


def _copy(path: Path, textures: Textures, scene: Scene) -> str:
    index = len(scene.images)
    scene.images.append(Image(path.name, path=path))
    textures.add(index)
    return textures.files.get(index, "")


def _tiles(name: str, base: Path, folder: Path, textures: Textures, scene: Scene) -> str:
    """All tiles of a UDIM set, kept under one common name."""
    pattern = Path(name).name
    directory = (base / name).parent.resolve()
    if not directory.is_relative_to(folder.resolve()) or not directory.is_dir():
        raise ImportRefused(f"names {name[:120]!r}, which lies outside its folder or is not there")
    fits = re.compile(re.escape(pattern).replace(re.escape(_TILE), r"(1\d{3})") + "$")
    written = ""
    for entry in sorted(directory.iterdir()):
        match = fits.match(entry.name)
        if match:
            relative = _copy(resolve_inside(entry.name, directory, [folder]), textures, scene)
            if relative:
                written = re.sub(r"1\d{3}(?=[^/]*$)", _TILE, relative)
    if not written:
        raise ImportRefused(f"no tile of {pattern!r} can be read")
    return written
