# SPDX-License-Identifier: Apache-2.0
"""OBJ with MTL and the textures beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.exporters.digits import decimal_places, decimals, integers, joined
from pipeline.exporters.mtl import MaterialFile
from pipeline.exporters.placed import Placed, placed_meshes, report_still
from pipeline.exporters.seam import Reading
from pipeline.exporters.targets import Target
from pipeline.exporters.tiles import with_tiles
from pipeline.usd.scene import Loss, Scene, bounds
from pipeline.usd.scene.report import Report

__all__ = ["read_back", "reading", "write"]

_BATCH = 200_000  # corners that are turned into text together
_UNITS = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


def write(scene: Scene, out: Path, target: Target) -> list[Loss]:
    """Write the scene as one OBJ, with an MTL and a folder of textures where it has materials.

    Y-up metres unless the target says otherwise; polygons stay polygons; what is posed is written posed.

    Raises
    ------
    ExportError
        The file cannot be written.
    """
    report = Report()
    report_still(scene, report, "OBJ")
    scene = with_tiles(scene, report)
    materials = MaterialFile(scene, out, target, report)
    box = bounds(scene)
    scale = _UNITS[target.unit]
    extent = float(np.ptp(box, axis=0).max()) * scale if box is not None else 1.0
    writer = _Writer(decimal_places(extent), materials)
    with out.open("wb") as file:
        file.write(f"# Seven Gates, unit {target.unit}, up {target.up_axis}\n".encode())
        head = file.tell()
        used = False
        for placed in placed_meshes(scene, report, "OBJ", scale=scale, z_up=target.up_axis == "Z"):
            if not used and any(m >= 0 for m in placed.materials):
                file.write(f"mtllib {materials.file_name}\n".encode())
                used = True
            if placed.mesh.edges is not None:
                writer.flush(file)
            writer.add(file, placed)
            if placed.mesh.edges is not None:  # faces of two corners: lines of the same object
                writer.flush(file)
                writer.lines(file, placed)
        writer.flush(file)
        if file.tell() == head:
            file.write(b"# nothing is drawn\n")
    if used:
        materials.save()
    return list(report.losses)


def reading(target: Target) -> dict[str, Any]:
    """Arguments for `read_scene`: OBJ stands still."""
    return {
        "clips": False,
        "refine_level": target.geometry.refine_level,
        "curves": target.geometry.curves,
    }


def read_back(path: Path) -> Reading:
    """Read the written file with trimesh."""
    from pipeline.exporters.trimesh_reader import read_with_trimesh

    return read_with_trimesh(path)


@dataclass(slots=True)
class _Part:
    """Lines that stand before a run of faces: the object's name, the material's."""

    lines: bytes
    faces: int


class _Writer:
    """Collects meshes and turns them into text a batch at a time."""

    def __init__(self, places: int, materials: MaterialFile) -> None:
        self.places = places
        self.materials = materials
        self._names: dict[str, int] = {}
        self._count = [0, 0, 0]  # v, vt, vn written so far
        self._reset()

    def _reset(self) -> None:
        self._corners = 0
        self._columns = 3
        self._kind = ""
        self._points: list[NDArray[np.floating]] = []
        self._uvs: list[NDArray[np.floating]] = []
        self._normals: list[NDArray[np.floating]] = []
        self._sizes: list[NDArray[np.integer]] = []
        self._indices: list[tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]]] = []
        self._parts: list[_Part] = []

    def add(self, file: BinaryIO, placed: Placed) -> None:
        """Take one mesh in one place."""
        columns = 3 if placed.colors is None else 6
        if self._corners and (
            columns != self._columns or placed.mesh.kind != self._kind or self._corners + len(placed.vertices) > _BATCH
        ):
            self.flush(file)
        self._columns, self._kind = columns, placed.mesh.kind
        v0, t0, n0 = self._count
        points = placed.points
        self._points.append(points if placed.colors is None else np.concatenate([points, placed.colors], 1))
        v = placed.vertices + (v0 + 1)
        t: NDArray[np.integer] = np.zeros(len(v), np.int64)
        n = t
        if placed.uv is not None:
            self._uvs.append(placed.uv)
            t = placed.uv_indices + (t0 + 1)
            self._count[1] += len(placed.uv)
        if placed.normals is not None:
            self._normals.append(placed.normals)
            n = placed.normal_indices + (n0 + 1)
            self._count[2] += len(placed.normals)
        self._count[0] += len(points)
        counts = placed.counts
        runs = list(self._runs(placed))
        if len(runs) > 1:  # faces of one material together
            assert placed.mesh.face_slots is not None
            order = np.argsort(placed.mesh.face_slots, kind="stable")
            corner = _corner_order(counts, order)
            counts, v, t, n = counts[order], v[corner], t[corner], n[corner]
        self._sizes.append(counts)
        self._indices.append((v, t, n))
        self._parts += runs
        self._corners += len(v)

    def _runs(self, placed: Placed) -> Iterator[_Part]:
        """The object's line, and a `usemtl` for each part of the mesh."""
        name = placed.name
        seen = self._names[name] = self._names.get(name, 0) + 1
        lines = f"o {name if seen == 1 else f'{name}.{seen - 1:03d}'}\n".encode()
        slots = placed.mesh.face_slots
        if slots is None or len(placed.materials) < 2:
            if placed.materials and placed.materials[0] >= 0:
                lines += f"usemtl {self.materials.name(placed.materials[0])}\n".encode()
            yield _Part(lines, len(placed.counts))
            return
        for slot, faces in enumerate(np.bincount(slots, minlength=len(placed.materials)).tolist()):
            if not faces:
                continue
            material = placed.materials[slot]
            if material >= 0:
                lines += f"usemtl {self.materials.name(material)}\n".encode()
            lines += f"g {placed.mesh.slots[slot].name}\n".encode()
            yield _Part(lines, faces)
            lines = b""

    def flush(self, file: BinaryIO) -> None:
        """Write what was collected."""
        if not self._corners:
            return
        for key, rows in ((b"v ", self._points), (b"vt ", self._uvs), (b"vn ", self._normals)):
            if rows:
                self._rows(file, key, np.concatenate(rows))
        counts = np.concatenate(self._sizes)
        v, t, n = (np.concatenate([i[k] for i in self._indices]) for k in range(3))
        key = {"polygons": b"f ", "lines": b"l ", "points": b"p "}[self._kind]
        text, ends = _faces(key, counts, v, t, n)
        if len(self._parts) == 1:
            file.write(self._parts[0].lines)
            file.write(text)
        else:
            after = np.concatenate([[0], ends[np.cumsum(counts) - 1]])
            stops = after[np.cumsum([p.faces for p in self._parts])].tolist()
            pieces, start = [], 0
            for part, stop in zip(self._parts, stops, strict=True):
                pieces += [part.lines, text[start:stop]]
                start = stop
            file.write(b"".join(pieces))
        self._reset()

    def lines(self, file: BinaryIO, placed: Placed) -> None:
        """Write the faces of two corners of the mesh that was written last."""
        edges = placed.mesh.edges
        if edges is None:
            return
        first = edges + (self._count[0] - len(placed.points) + 1)
        file.write(joined([b"l ", integers(first[:, 0]), b" ", integers(first[:, 1]), b"\n"], len(first))[0])

    def _rows(self, file: BinaryIO, key: bytes, values: NDArray[np.floating]) -> None:
        for start in range(0, len(values), _BATCH):
            chunk = values[start : start + _BATCH]
            columns: list[Any] = [key]
            for c in range(chunk.shape[1]):
                places = self.places if key == b"v " and c < 3 else 6
                columns += [decimals(chunk[:, c], places), b" "]
            columns[-1] = b"\n"
            file.write(joined(columns, len(chunk))[0])


def _corner_order(counts: NDArray[np.integer], faces: NDArray[np.integer]) -> NDArray[np.integer]:
    """Corners in the order of reordered faces."""
    starts = np.cumsum(counts) - counts
    sizes = counts[faces]
    first = np.repeat(starts[faces], sizes)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(first + within)


def _faces(
    key: bytes,
    counts: NDArray[np.integer],
    v: NDArray[np.integer],
    t: NDArray[np.integer],
    n: NDArray[np.integer],
) -> tuple[bytes, NDArray[np.int64]]:
    """Faces as text, and the byte at which each corner ends. A 0 in `t` or `n` is left out."""
    rows = len(v)
    ends = np.cumsum(counts) - 1
    first = np.zeros(rows, bool)
    first[ends[:-1] + 1] = True
    first[0] = True
    space = np.full((rows, 1), 32, np.uint8)
    space[ends] = 10
    head = np.broadcast_to(np.frombuffer(key, np.uint8), (rows, len(key)))
    shown = np.broadcast_to(first[:, None], head.shape)
    same = np.array_equal
    both, any_n = (t > 0) | (n > 0), n > 0
    slash = np.full((rows, 1), 47, np.uint8)
    first_number = integers(v)
    columns: list[Any] = [(head, shown), first_number]
    if both.any():
        columns += [(slash, both[:, None]), first_number if same(t, v) else integers(t, hide_zero=True)]
    if any_n.any():
        columns += [(slash, any_n[:, None]), first_number if same(n, v) else integers(n, hide_zero=True)]
    columns.append((space, np.ones((rows, 1), bool)))
    return joined(columns, rows, ends=True)
