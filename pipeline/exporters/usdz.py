# SPDX-License-Identifier: Apache-2.0
"""USDZ: one flattened binary layer and its pictures in an uncompressed, aligned archive.

AR Quick Look's rules: a single `.usdc` first, pictures as PNG or JPEG, every file's data at a multiple of
64 bytes, nothing in the archive that is not used.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pxr import Sdf, Usd, UsdGeom, UsdShade

from pipeline.errors import ExportError
from pipeline.exporters.flatten import flattened, localise
from pipeline.exporters.pictures import decode, encode, kind_of, resized
from pipeline.exporters.seam import Reading
from pipeline.exporters.targets import Target
from pipeline.exporters.usd_reading import compare_stages, read_stage
from pipeline.usd.scene.model import Loss, Scene
from pipeline.usd.scene.report import Report

__all__ = ["read_back", "read_back_stage", "write_stage"]

_ALIGNED = 64
_PICTURES = {".png", ".jpg", ".jpeg", ".exr", ".tga", ".tif", ".tiff", ".bmp", ".hdr", ".webp", ".gif", ".tx"}


def write_stage(
    stage: Any,
    scene: Scene,
    out: Path,
    target: Target,
    *,
    variants: Mapping[str, str],
    prim: str | None,
) -> list[Loss]:
    """Write a stage as one `.usdz`."""
    report = Report()
    layer = flattened(stage, report, variants=variants, prim=prim)
    _drop_unused(layer, report)
    with TemporaryDirectory(dir=out.parent) as work:
        folder = Path(work)

        def change(name: str, data: bytes) -> tuple[str, bytes]:
            return _fitted(name, data, target, folder)

        names = localise(layer, folder / "textures", "textures/", scene, report, change=change, drop_missing=True)
        root = folder / f"{out.stem}.usdc"
        if not layer.Export(str(root)):
            raise ExportError("the layer cannot be written", path=out)
        with Sdf.ZipFileWriter.CreateNew(str(out)) as archive:
            archive.AddFile(str(root), root.name)
            for name in names:
                archive.AddFile(str(folder / "textures" / name), f"textures/{name}")
    return list(report.losses)


def _drop_unused(layer: Any, report: Report) -> None:
    """Take out guides, proxies and materials that nothing binds: an archive is no place for them."""
    stage = Usd.Stage.Open(layer)
    bound = set()
    for prim in stage.TraverseAll():
        for relation in prim.GetRelationships():
            if relation.GetName().startswith("material:binding"):
                bound.update(relation.GetTargets())
    dropped = []
    for prim in stage.TraverseAll():
        if prim.IsA(UsdShade.Material):
            if prim.GetPath() not in bound and not any(p.HasPrefix(prim.GetPath()) for p in bound):
                dropped.append(prim.GetPath())
        elif prim.IsA(UsdGeom.Gprim) and UsdGeom.Imageable(prim).ComputePurpose() == UsdGeom.Tokens.guide:
            report.lose(prim.GetPath(), "guide", "an archive for viewing has none")
            dropped.append(prim.GetPath())
    connected = _connected(stage)
    edit = Sdf.BatchNamespaceEdit()
    for path in dropped:
        if not any(other.HasPrefix(path) for other in connected):
            edit.Add(path, Sdf.Path.emptyPath)
    layer.Apply(edit)


def _connected(stage: Any) -> set[Any]:
    """Prims inside of materials that prims outside of them connect to."""
    found = set()
    for prim in stage.TraverseAll():
        for attribute in prim.GetAttributes():
            if attribute.HasAuthoredConnections():
                for source in attribute.GetConnections():
                    owner = source.GetPrimPath()
                    if owner.GetCommonPrefix(prim.GetPath()) == Sdf.Path.absoluteRootPath:
                        found.add(owner)
    return found


def _fitted(name: str, data: bytes, target: Target, folder: Path) -> tuple[str, bytes]:
    """A picture as PNG or JPEG within the target's size; other files as they are."""
    suffix = Path(name).suffix.lower()
    kind = kind_of(data)
    if suffix not in _PICTURES and not kind:
        return name, data
    most = target.textures.max_size
    if kind in {"png", "jpeg"} and not most:
        return name, data
    file = folder / f"picture{suffix}"
    file.write_bytes(data)
    pixels = decode(str(file), color=True)
    file.unlink()
    height, width = pixels.shape[:2]
    if kind in {"png", "jpeg"} and max(height, width) <= most:
        return name, data
    if most and max(height, width) > most:
        share = most / max(height, width)
        pixels = resized(pixels, max(1, round(width * share)), max(1, round(height * share)))
    if kind == "jpeg" and pixels.shape[2] in (1, 3):
        return name, encode(pixels, "jpeg", 92)
    return f"{Path(name).stem}.png", encode(pixels, "png")


def read_back(path: Path) -> Reading:
    """What OpenUSD finds in the archive, and whether the archive itself is as the format wants."""
    return _archive(path, read_stage(path, Usd.Stage.Open(str(path))))


def read_back_stage(
    stage: Any, path: Path, *, variants: Mapping[str, str], purposes: Iterable[str], prim: str | None
) -> Reading:
    """As `read_back`, and where the archive is not what OpenUSD finds in the stage."""
    written = Usd.Stage.Open(str(path))
    reading = _archive(path, read_stage(path, written, known=len(stage.GetCompositionErrors())))
    compare_stages(reading, written, stage, variants=variants, purposes=purposes, prim=prim, package=True)
    return reading


def _archive(path: Path, reading: Reading) -> Reading:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = archive.infolist()
        if not entries or not entries[0].filename.endswith((".usdc", ".usda", ".usd")):
            reading.problems.append("the first file of the archive is no USD layer")
        for entry in entries:
            file.seek(entry.header_offset + 26)
            sizes = file.read(4)
            begin = entry.header_offset + 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
            if entry.compress_type != zipfile.ZIP_STORED:
                reading.problems.append(f"{entry.filename} is compressed")
            if begin % _ALIGNED:
                reading.problems.append(f"{entry.filename} begins at {begin}, not at a multiple of {_ALIGNED}")
    reading.reader += " + zipfile"
    return reading
