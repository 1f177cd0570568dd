# SPDX-License-Identifier: Apache-2.0
"""A UsdGeomMesh to a Mesh: faces that can be drawn, and what is on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Floats, Ints, Mesh, Primvar, Slot
from pipeline.usd.scene.normals import unit
from pipeline.usd.scene.primvars import Fit
from pipeline.usd.scene.raw import RawMesh
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["build_mesh", "uv_rank"]

_FIRST = ("st", "st0", "uv", "UVMap", "map1", "Texture_uv", "st_0", "uv0")


def build_mesh(raw: RawMesh, space: Space, report: Report) -> Mesh | None:
    """Checked and converted arrays; None where no face is left. What had to go is reported."""
    path = raw.path
    points = space.points(raw.points)
    faces = _sound_faces(raw, points, path, report)
    if faces is None:
        return None
    counts, vertices, corners, kept, edges = faces
    total = len(raw.counts)
    fit = Fit(len(points), total, len(raw.vertices), corners, kept, vertices)
    found = {p.name: p for p in (fit.primvar(raw_primvar, path, report) for raw_primvar in raw.primvars) if p}
    directions = {n: _directions(found.pop(n), space) for n in ("normals", "tangents") if n in found}
    color, opacity = found.pop("displayColor", None), found.pop("displayOpacity", None)
    slots, face_slots = _slots(raw, total, kept, report)
    return Mesh(
        name=raw.prim.GetName(),
        path=path,
        points=points,
        face_counts=counts,
        face_vertices=vertices,
        uvs=tuple(sorted(found.values(), key=uv_rank)),
        normals=directions.get("normals"),
        tangents=directions.get("tangents"),
        color=color,
        opacity=opacity,
        slots=slots,
        face_slots=face_slots,
        double_sided=raw.double_sided,
        faceted=raw.scheme == "none",
        subdivision=raw.scheme,
        edges=edges,
        source_faces=None if kept is None else np.flatnonzero(kept).astype(np.int32),
    )


def uv_rank(primvar: Primvar) -> int:
    """Where a UV set stands among others: the names that renderers take first come first."""
    return _FIRST.index(primvar.name) if primvar.name in _FIRST else len(_FIRST)


def _directions(primvar: Primvar, space: Space) -> Primvar:
    return Primvar(
        primvar.name,
        unit(space.vectors(primvar.values[:, :3])),
        primvar.indices,
        primvar.interpolation,
    )


def _sound_faces(
    raw: RawMesh, points: Floats, path: str, report: Report
) -> tuple[Ints, Ints, Ints | None, NDArray[np.bool_] | None, Ints | None] | None:
    """Face counts and vertices that can be drawn, the corner each came from, the faces that stayed, loose edges."""
    counts = np.asarray(raw.counts, np.int32)
    vertices = np.asarray(raw.vertices, np.int32)
    low, high = int(counts.min()), int(counts.max())
    if low < 0:
        report.lose(path, "faces", f"faceVertexCounts has negative numbers ({low}): the mesh was left out")
        return None
    keep: NDArray[np.bool_] | None = None
    named = low * len(counts) if low == high else int(counts.sum(dtype=np.int64))
    if named > len(vertices):
        ends = np.cumsum(counts, dtype=np.int64)
        keep = ends <= len(vertices)
        report.lose(path, "faces", f"faceVertexIndices ends early: {int((~keep).sum())} faces were left out")
    elif named < len(vertices):
        report.lose(path, "face corners", f"{len(vertices) - named} faceVertexIndices belong to no face")
        vertices = vertices[:named]
    bad = _bad_corners(points, vertices, path, report)
    if bad is not None:
        face_of = np.repeat(np.arange(len(counts)), counts)[: len(vertices)]
        keep = np.ones(len(counts), bool) if keep is None else keep
        keep[face_of[bad]] = False
    edges: Ints | None = None
    if low < 3:
        keep = np.ones(len(counts), bool) if keep is None else keep
        pairs = np.flatnonzero(keep & (counts == 2))
        if len(pairs):
            first = (np.cumsum(counts) - counts)[pairs]
            edges = np.stack([vertices[first], vertices[first + 1]], -1)
        keep &= counts >= 3
    if raw.holes is not None and len(raw.holes):
        keep = np.ones(len(counts), bool) if keep is None else keep
        holes = np.asarray(raw.holes)
        keep[holes[(holes >= 0) & (holes < len(counts))]] = False
    corners: Ints | None = None
    if keep is not None and keep.all():
        keep = None
    if keep is not None:
        if not keep.any():
            return None
        corners = np.flatnonzero(np.repeat(keep, counts)[: len(vertices)]).astype(np.int32)
        counts = counts[keep]
    if raw.left_handed:
        turned = _turned(counts)
        corners = turned if corners is None else corners[turned]
    if corners is not None:
        vertices = vertices[corners]
    return counts, vertices, corners, keep, edges


def _bad_corners(points: Floats, vertices: Ints, path: str, report: Report) -> Any:
    """Which corners name a point that is not there or not finite; None where all are sound."""
    low, high = int(vertices.min()), int(vertices.max())
    outside = None
    if low < 0 or high >= len(points):
        outside = (vertices < 0) | (vertices >= len(points))
        report.lose(path, "faces", f"{int(outside.sum())} corners name points that are not there")
    if np.isfinite(points).all():
        return outside
    broken = np.asarray(~np.isfinite(points).all(axis=1))
    report.lose(path, "points", f"{int(broken.sum())} points are not finite: their faces were left out")
    inside = np.clip(vertices, 0, len(points) - 1)
    return broken[inside] if outside is None else broken[inside] | outside


def _turned(counts: Ints) -> Ints:
    """For each corner the corner that takes its place when every face turns round, the first staying first."""
    starts = np.zeros(len(counts), np.int32)
    np.cumsum(counts[:-1], out=starts[1:])
    first = np.repeat(starts, counts)
    place = np.arange(int(counts.sum()), dtype=np.int32) - first
    size = np.repeat(counts, counts)
    return np.asarray(first + (size - place) % size, np.int32)


def _slots(
    raw: RawMesh, faces: int, kept: NDArray[np.bool_] | None, report: Report
) -> tuple[tuple[Slot, ...], Ints | None]:
    """The parts that may have their own materials, and the part of each face that stayed."""
    whole = Slot(raw.prim.GetName(), raw.path)
    if not raw.subsets:
        return (whole,), None
    part = np.zeros(faces, np.int32)
    slots = [whole]
    for prim, indices in raw.subsets:
        inside = indices[(indices >= 0) & (indices < faces)]
        if len(inside) < len(indices):
            report.lose(str(prim.GetPath()), "faces of a subset", "they are not faces of the mesh")
        part[inside] = len(slots)
        slots.append(Slot(prim.GetName(), str(prim.GetPath())))
    if kept is not None:
        part = part[kept]
    used = np.flatnonzero(np.bincount(part, minlength=len(slots)))
    renumber = np.zeros(len(slots), np.int32)
    renumber[used] = np.arange(len(used))
    return tuple(slots[i] for i in used.tolist()), (renumber[part] if len(used) > 1 else None)
