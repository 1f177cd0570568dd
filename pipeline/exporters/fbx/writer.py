# SPDX-License-Identifier: Apache-2.0
"""Write a scene as binary FBX 7.4 or 7.5."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import ExportError
from pipeline.exporters.key_shapes import with_key_shapes
from pipeline.exporters.tiles import with_tiles
from pipeline.usd.scene import Loss, Scene
from pipeline.usd.scene.report import Report

from .assembly import Assembly
from .deflate import Deflater
from .document import Document
from .materials import MaterialLibrary
from .motion import add_clips
from .options import FbxOptions
from .records import LARGE, RecordWriter
from .textures import TextureLibrary

__all__ = ["FbxWritten", "write_fbx"]


@dataclass(frozen=True, slots=True)
class FbxWritten:
    """What was written.

    Attributes
    ----------
    bytes
        Size of the file.
    losses
        What FBX could not hold.
    files
        Every file, the FBX first.
    materials, textures, models, curves
        How many of each.
    """

    bytes: int
    losses: tuple[Loss, ...]
    files: tuple[Path, ...]
    version: int
    models: int
    materials: int
    textures: int
    curves: int
    hulls: int = 0
    clips: tuple[str, ...] = field(default=())


def write_fbx(scene: Scene, out: str | os.PathLike[str], options: FbxOptions | None = None) -> FbxWritten:
    """Write a scene as binary FBX.

    Parameters
    ----------
    scene
        From `pipeline.usd.scene.read_scene`.
    out
        The file; it is replaced only when the new one is whole.
    options
        See `FbxOptions`.

    Raises
    ------
    ExportError
        The file cannot be written.

    Examples
    --------
    >>> from pipeline.usd.scene import read_scene
    >>> write_fbx(read_scene("chair.usda"), "chair.fbx").bytes  # doctest: +SKIP
    35120
    """
    path = Path(out)
    chosen = options or FbxOptions()
    report = Report()
    scene = with_key_shapes(with_tiles(scene, report), report)
    rate = scene.clips[0].time_codes_per_second if scene.clips else 24.0
    document = Document(100.0 / chosen.units_per_metre, rate, chosen.up_axis)
    textures = TextureLibrary(document, chosen, f"{path.stem}.fbm", report)
    materials = MaterialLibrary(document, chosen, textures, report)
    with Deflater() as deflater:
        assembly = Assembly(scene, document, chosen, deflater, materials, report)
        assembly.add_all()
        hulls = 0
        if chosen.collision:
            from .hulls import add_hulls

            hulls = add_hulls(scene, assembly, document, chosen, deflater, report)
        curves = add_clips(scene, assembly, document, deflater, report)
        version = chosen.version or (7500 if _most_bytes(scene, textures) > LARGE else 7400)
        try:
            size = _write_file(document, path, version)
            copies = _write_copies(path.parent, textures.copies)
        except OSError as e:
            raise ExportError(f"the FBX file cannot be written: {e.strerror or e}", path=path) from e
    return FbxWritten(
        bytes=size,
        losses=report.losses,
        files=(path, *copies),
        version=version,
        models=assembly.writer.count,
        materials=materials.count,
        textures=textures.count,
        curves=curves,
        hulls=hulls,
        clips=tuple(t.name for t in document.takes),
    )


def _write_file(document: Document, path: Path, version: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            size = document.write(RecordWriter(file, version))
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return size


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_copies(folder: Path, copies: dict[str, bytes]) -> list[Path]:
    written = []
    for name, data in copies.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.write_bytes(data)
        temporary.replace(target)
        written.append(target)
    return written


def _most_bytes(scene: Scene, textures: TextureLibrary) -> int:
    """No less than the file can become: every array as doubles, uncompressed."""
    total = textures.bytes
    for mesh in scene.meshes:
        corners, points = len(mesh.face_vertices), len(mesh.points)
        total += 24 * points + corners * (4 + 28 + 64 + 20 * len(mesh.uvs) + 36)
        total += sum(28 * points * len(b.shapes) for b in mesh.blend_shapes)
    return total
