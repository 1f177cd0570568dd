# SPDX-License-Identifier: Apache-2.0
"""Triangles without area in the middle of a surface: to remove one would open a hole as thin as a line.

A needle has two corners at nearly one place: they become one. A cap has a corner on its longest side: that side is
turned, so that the cap takes a part of the triangle beyond it and the surface stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import FLAT
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.weld import Weld, weld

__all__ = ["needles", "without_caps"]

_ROUNDS = 32
#: corners of a needle are closer than this many of the heights that count as none
_NEAR = 16.0


def needles(mesh: PolygonMesh) -> Weld | None:
    """Which points to join so that no needle is left; None where there is none."""
    topology = mesh.topology
    flat = topology.welded[topology.degenerate]
    corner = topology.vertices[flat].astype(np.float64)
    side = np.linalg.norm(corner - np.roll(corner, -1, axis=1), axis=2)
    near = _NEAR * FLAT * topology.size
    thin = (side.min(axis=1) < near) & (side.min(axis=1) > 0)
    if not thin.any():
        return None
    among = np.zeros(len(topology.vertices), bool)
    among[flat[thin]] = True
    joined = weld(mesh.points, near, among[topology.weld.index])
    return joined if joined.count < len(mesh.points) else None


def without_caps(mesh: PolygonMesh, renumber: bool = True) -> tuple[PolygonMesh, int]:
    """The same surface with the long sides of its caps turned, and how many were.

    Parameters
    ----------
    renumber
        Whether points may be added, where a cap lies on a seam of values by point.
    """
    turned = 0
    for _ in range(_ROUNDS):
        found = _turnable(mesh)
        if not renumber:
            found = found.chosen(~_apart(mesh, found))
        if len(found.cap) == 0:
            break
        mesh = _turn(mesh, found)
        turned += len(found.cap)
    return mesh, turned


@dataclass(frozen=True)
class _Turns:
    """Corners of caps and of the triangles beyond their longest sides.

    Attributes
    ----------
    cap, beyond : (k, 3) int
        Corners at the start and the end of the side and opposite to it; of the triangle beyond at the same two
        places and opposite.
    share : (k,) float
        How far along the side the cap's third corner lies.
    """

    cap: NDArray[np.int64]
    beyond: NDArray[np.int64]
    share: NDArray[np.float64]

    def chosen(self, mask: NDArray) -> _Turns:
        return _Turns(self.cap[mask], self.beyond[mask], self.share[mask])


def _turnable(mesh: PolygonMesh) -> _Turns:
    """Caps within a closed surface next to a sound triangle; no triangle twice."""
    topology = mesh.topology
    edges = topology.edges
    flat = topology.degenerate[topology.live]
    three = (mesh.counts == 3)[mesh.triangle_face[topology.live]]
    caps = np.flatnonzero(flat & three)
    corner = topology.vertices[edges.faces[caps]].astype(np.float64)
    side = np.linalg.norm(np.roll(corner, -1, axis=1) - corner, axis=2)
    half = 3 * caps + side.argmax(axis=1)
    faces = np.zeros(len(edges.half), np.int32)
    faces[edges.half] = np.repeat(edges.count, edges.count)
    twin = edges.twin[half].astype(np.int64)
    ok = (twin >= 0) & np.all(faces[half[:, None] // 3 * 3 + np.arange(3)] == 2, axis=1)
    ok[ok] &= ~flat[twin[ok] // 3] & three[twin[ok] // 3]
    half, twin = half[ok], twin[ok]
    flat_faces = edges.faces.reshape(-1)
    tip, foot = (flat_faces[h // 3 * 3 + (h + 2) % 3].astype(np.int64) for h in (half, twin))
    fresh = ~_joined(edges.unique().astype(np.int64), tip, foot, len(topology.vertices)) & (tip != foot)
    half, twin = half[fresh], twin[fresh]
    # one turn for a triangle: the first cap that asks
    first = np.full(len(edges.faces), len(half))
    np.minimum.at(first, twin // 3, np.arange(len(half)))
    mine = first[twin // 3] == np.arange(len(half))
    half, twin = half[mine], twin[mine]
    # and no new edge twice
    foot = flat_faces[twin // 3 * 3 + (twin + 2) % 3].astype(np.int64)
    tip = flat_faces[half // 3 * 3 + (half + 2) % 3].astype(np.int64)
    key = np.minimum(tip, foot) * len(topology.vertices) + np.maximum(tip, foot)
    once = np.sort(np.unique(key, return_index=True)[1])
    half, twin = half[once], twin[once]
    live = mesh.triangle_corners[topology.live].astype(np.int64)

    def at(h: NDArray, step: int) -> NDArray[np.int64]:
        return np.asarray(live[h // 3, (h + step) % 3])

    cap = np.stack([at(half, 0), at(half, 1), at(half, 2)], axis=1)
    beyond = np.stack([at(twin, 1), at(twin, 0), at(twin, 2)], axis=1)
    a, b, m = (mesh.points[mesh.corners[cap[:, k]]].astype(np.float64) for k in range(3))
    along = b - a
    share = np.einsum("ij,ij->i", m - a, along) / np.maximum(np.einsum("ij,ij->i", along, along), 1e-300)
    return _Turns(cap, beyond, share.clip(0, 1))


def _joined(ends: NDArray, one: NDArray, other: NDArray, count: int) -> NDArray[np.bool_]:
    """(k,) whether two vertices have an edge already: to turn another one there would give it four faces."""
    if len(one) == 0:
        return np.zeros(0, bool)
    wanted = np.minimum(one, other) * count + np.maximum(one, other)
    return np.isin(wanted, ends.min(axis=1) * count + ends.max(axis=1))


def _apart(mesh: PolygonMesh, found: _Turns) -> NDArray[np.bool_]:
    """(k,) turns over a side whose ends are different points on its two sides."""
    return np.asarray(np.any(mesh.corners[found.cap[:, :2]] != mesh.corners[found.beyond[:, :2]], axis=1))


def _turn(mesh: PolygonMesh, found: _Turns) -> PolygonMesh:
    cap, beyond = found.cap, found.beyond
    apart = np.flatnonzero(_apart(mesh, found))
    corners = mesh.corners.copy()
    middle = corners[cap[:, 2]].copy()
    middle[apart] = len(mesh.points) + np.arange(len(apart))
    ends = corners[beyond[:, :2]]
    # cap: start, end, tip become opposite, end, tip; beyond: its end becomes the tip
    corners[cap[:, 0]], corners[cap[:, 1]] = corners[beyond[:, 2]], ends[:, 1]
    corners[cap[:, 2]], corners[beyond[:, 1]] = middle, middle
    faces = mesh.face_of_corner[cap[:, 0]], mesh.face_of_corner[beyond[:, 0]]
    primvars = {}
    for name, primvar in mesh.primvars.items():
        if primvar.interpolation == "faceVarying":
            primvars[name] = _by_corner(primvar, found, len(mesh.corners))
        elif primvar.interpolation == "uniform":
            index = primvar.index(len(mesh.counts)).copy()
            index[faces[0]] = index[faces[1]]
            primvars[name] = replace(primvar, indices=index)
        elif primvar.interpolation in ("vertex", "varying") and len(apart):
            primvars[name] = _by_point(primvar, ends[apart], found.share[apart], len(mesh.points))
        else:
            primvars[name] = primvar
    subsets = {}
    for name, members in mesh.subsets.items():
        inside = np.zeros(len(mesh.counts), bool)
        inside[members] = True
        inside[faces[0]] = inside[faces[1]]
        subsets[name] = np.flatnonzero(inside).astype(np.int32)
    points = np.concatenate([mesh.points, mesh.points[mesh.corners[cap[apart, 2]]]])
    return replace(mesh, points=points, corners=corners, primvars=primvars, subsets=subsets)


def _by_corner(primvar: Primvar, found: _Turns, count: int) -> Primvar:
    index = primvar.index(count).copy()
    rows = primvar.rows()
    ends = index[found.beyond[:, :2]]
    more = _between(rows, ends, found.share)
    number = len(rows) + np.arange(len(more))
    index[found.cap[:, 0]], index[found.cap[:, 1]] = index[found.beyond[:, 2]], ends[:, 1]
    index[found.cap[:, 2]] = index[found.beyond[:, 1]] = number
    values = np.concatenate([rows, more])
    flat = values.reshape(-1) if primvar.width > 1 else values
    return replace(primvar, values=flat, indices=index.astype(np.int32)).compact()


def _by_point(primvar: Primvar, ends: NDArray, share: NDArray, count: int) -> Primvar:
    index = primvar.index(count)
    rows = primvar.rows()
    values = np.concatenate([rows, _between(rows, index[ends], share)])
    index = np.concatenate([index, len(rows) + np.arange(len(ends))]).astype(np.int32)
    if primvar.indices is None:
        values, index = values[index], None  # type: ignore[assignment]
    return replace(primvar, values=values.reshape(-1) if primvar.width > 1 else values, indices=index)


def _between(rows: NDArray, ends: NDArray, share: NDArray) -> NDArray:
    """Values between two rows; the nearer one's where they are no numbers."""
    if rows.dtype.kind != "f":
        return np.asarray(rows[np.where(share < 0.5, ends[:, 0], ends[:, 1])])
    weight = share.reshape(-1, *([1] * (rows.ndim - 1)))
    return np.asarray((rows[ends[:, 0]] * (1 - weight) + rows[ends[:, 1]] * weight).astype(rows.dtype))
