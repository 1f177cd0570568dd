# SPDX-License-Identifier: Apache-2.0
"""A stage's own layers, copied beside one file with everything that they name, by relative paths.

Files keep their places relative to the root layer, beneath one folder; a folder above the root's is called `_up`
there. UsdUtils.LocalizeAsset is no help: in a folder, as against an archive, the paths that it writes for files
above the root layer (`0/red.usda`) lead nowhere from layers in subfolders.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from pxr import Ar, Sdf, Tf, UsdShade, UsdUtils

from pipeline.errors import ExportError, StageError
from pipeline.usd.materialx import read_materialx, rewrite_materialx
from pipeline.usd.reasons import reason
from pipeline.usd.scene.report import Report

__all__ = ["Package", "save_layer"]

_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


class Package:
    """The copies of one stage's files.

    Parameters
    ----------
    root
        The root layer, saved on disk.
    out
        Where its copy goes; everything else goes to `<stem>_files` beside it.
    """

    def __init__(self, root: Any, out: Path, report: Report) -> None:
        self.out, self.report = out, report
        self.folder = out.parent / f"{out.stem}_files"
        self.home = Path(root.realPath).parent
        self._places: dict[str, Path] = {os.path.realpath(root.realPath): out}
        self._left: list[tuple[Any, Path]] = [(root, out)]

    def write(self) -> None:
        """Copy everything.

        Raises
        ------
        ExportError
            A layer or a file cannot be written.
        """
        while self._left:
            layer, goal = self._left.pop()
            copy = Sdf.Layer.CreateAnonymous(f".{layer.GetFileFormat().primaryFileExtension}")
            copy.TransferContent(layer)
            UsdUtils.ModifyAssetPaths(copy, lambda path, of=layer, at=goal: self._moved(path, of, at))
            goal.parent.mkdir(parents=True, exist_ok=True)
            save_layer(copy, goal)

    def _moved(self, path: str, layer: Any, goal: Path) -> str:
        """What a layer's copy at `goal` calls the file that the layer calls `path`."""
        if not path or path.startswith("`"):
            return path
        if _URI.match(path) and not Path(path).is_absolute():
            self.report.lose("/", f"asset {path}", "it is not on this disk: the address stays as it was authored")
            return path
        outer, inner = Ar.SplitPackageRelativePathOuter(path)
        if UsdShade.UdimUtils.IsUdimIdentifier(outer):
            return self._tiles(outer, layer, goal)
        found = str(Ar.GetResolver().Resolve(Sdf.ComputeAssetPathRelativeToLayer(layer, outer)))
        found = Ar.SplitPackageRelativePathOuter(found)[0]
        if not Path(found).is_file():
            what = "it is no file: the path is left out" if found else "it does not resolve: the path stays as authored"
            self.report.lose("/", f"asset {path}", what)
            return "" if found else path
        written = _relative(self._place(found), goal)
        return Ar.JoinPackageRelativePath([written, inner]) if inner else written

    def _tiles(self, path: str, layer: Any, goal: Path) -> str:
        tiles = UsdShade.UdimUtils.ResolveUdimTilePaths(path, layer)
        if not tiles:
            self.report.lose("/", f"asset {path}", "none of its tiles resolves: the path stays as it was authored")
            return path
        places = [self._place(str(tile)) for tile, _ in tiles]
        return _relative(places[0].with_name(path.replace("\\", "/").rsplit("/", 1)[-1]), goal)

    def _place(self, found: str) -> Path:
        """Where the copy of a file lies; a file that is met for the first time is copied, a layer put in line."""
        real = os.path.realpath(found)
        known = self._places.get(real)
        if known is not None:
            return known
        try:
            parts = Path(os.path.relpath(real, self.home)).parts
        except ValueError:  # on another drive
            parts = ("_up", Path(real).name)
        goal = self.folder.joinpath(*("_up" if part == os.pardir else part for part in parts))
        self._places[real] = goal
        layer = None
        if Sdf.FileFormat.FindByExtension(Path(real).suffix.lstrip(".")) and not real.endswith(".usdz"):
            try:
                layer = Sdf.Layer.FindOrOpen(real)
            except Tf.ErrorException:
                layer = None
        if layer:
            self._left.append((layer, goal))
            return goal
        goal.parent.mkdir(parents=True, exist_ok=True)
        if real.endswith(".mtlx"):
            self._materialx(real, goal)
        else:
            _copy(real, goal)
        return goal

    def _materialx(self, real: str, goal: Path) -> None:
        """Copy a MaterialX document with the pictures and documents that it names."""
        text = None
        try:
            document = read_materialx(Path(real))
        except StageError as error:
            self.report.lose("/", f"asset {real}", f"{error.message}: copied as it is")
        else:
            text = rewrite_materialx(document, lambda name: self._named(name, Path(real).parent, goal))
        if text is None:
            _copy(real, goal)
        else:
            goal.write_bytes(text)

    def _named(self, name: str, folder: Path, goal: Path) -> str:
        """What the copy of a MaterialX document calls a file."""
        whole = folder / name
        tiles = list(whole.parent.glob(whole.name.replace("<UDIM>", "[0-9]" * 4))) if "<UDIM>" in name else []
        if tiles:
            places = [self._place(str(t)) for t in tiles]
            return _relative(places[0].with_name(whole.name), goal).removeprefix("./")
        if whole.is_file():
            return _relative(self._place(str(whole)), goal).removeprefix("./")
        self.report.lose("/", f"asset {name}", f"{goal.name} names it and it is not there")
        return name


def _relative(place: Path, goal: Path) -> str:
    """A copy's path as another copy writes it."""
    path = Path(os.path.relpath(place, goal.parent)).as_posix()
    return path if path.startswith("..") else f"./{path}"


def _copy(real: str, goal: Path) -> None:
    try:
        shutil.copyfile(real, goal)
    except OSError as error:
        raise ExportError(f"it cannot be copied: {error.strerror or error}", path=real) from error


def save_layer(layer: Any, out: Path) -> None:
    """Write a layer to a file whose suffix says how: `.usda` is text, `.usdc` and `.usd` binary.

    Raises
    ------
    ExportError
        It cannot be written.
    """
    arguments = {"format": "usdc"} if out.suffix == ".usd" else {}
    try:
        done = layer.Export(str(out), args=arguments)
    except Tf.ErrorException as error:
        raise ExportError(f"the layer cannot be written: {reason(error)}", path=out) from error
    if not done:
        raise ExportError("the layer cannot be written", path=out, remedy="check the disk's space and permissions")
