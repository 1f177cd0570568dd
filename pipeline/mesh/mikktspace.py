# SPDX-License-Identifier: Apache-2.0
"""Tangents as engines compute them: MikkTSpace (Mikkelsen, Simulation of Wrinkled Surfaces Revisited, 2008).

A normal map shows no seams only where whoever reads it uses the tangents it was baked with. Blender, Unreal, Unity,
Godot and glTF's specification name this algorithm, for triangles: corners are one where position, normal and UV are
equal; around each such vertex, triangles that share an edge and lie the same way in the layout form a group; a
group's tangent is the mean of its triangles' directions of growing u, each laid into the plane across the normal and
weighted by its angle there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.shells import components

__all__ = ["mikktspace"]

_TINY = float(np.finfo(np.float32).tiny)


def mikktspace(
    points: NDArray, faces: NDArray, uv: NDArray, uv_corners: NDArray, normals: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tangents and signs at the corners of triangles.

    Parameters
    ----------
    points : (n, 3) float, faces : (t, 3) int
        Counter-clockwise seen from outside.
    uv : (k, 2) float, uv_corners : (t, 3) int
        v upward.
    normals : (t, 3, 3) float
        Unit, at corners.

    Returns
    -------
    tangents : (t, 3, 3) float64
        Unit, orthogonal to the normals, along increasing u.
    sign : (t, 3) float64
        1, or -1 where the layout is mirrored: bitangent = sign * cross(normal, tangent).
    """
    count = len(faces)
    if count == 0:
        return np.zeros((0, 3, 3)), np.ones((0, 3))
    place = np.asarray(points, np.float32)[faces]
    coordinate = np.asarray(uv, np.float32)[uv_corners]
    corner = np.concatenate([place, np.asarray(normals, np.float32), coordinate], axis=2).reshape(3 * count, 8)
    vertex, vertices = _equal(corner)
    index = vertex.reshape(-1, 3)
    same = [np.all(place[:, i] == place[:, (i + 1) % 3], axis=1) for i in range(3)]
    point = same[0] | same[1] | same[2]
    along, area = _directions(place.astype(np.float64), coordinate)
    free = np.abs(area) <= _TINY  # such a triangle takes part in whatever group comes by
    a, b = _neighbours(index, ~point)
    upright = _lying(area > 0, free, a // 3, b // 3)
    joined = upright[a // 3] == upright[b // 3]
    a, b = a[joined], b[joined]
    group, groups = components(np.concatenate([np.stack([a, _next(b)], 1), np.stack([_next(a), b], 1)]), 3 * count)
    normal = np.asarray(normals, np.float64)
    share = (
        _across(np.repeat(along[:, None], 3, axis=1), normal) * _angles(place.astype(np.float64), normal)[:, :, None]
    )
    share[free | point] = 0
    total = np.stack([np.bincount(group, share[:, :, k].reshape(-1), minlength=groups) for k in range(3)], axis=1)
    result = _unit(total[group])
    sign = np.where(np.repeat(upright, 3), 1.0, -1.0)
    _lend(result, sign, vertex, vertices, np.repeat(point, 3))
    return _orthogonal(result.reshape(-1, 3, 3), normal), sign.reshape(-1, 3)


def _equal(rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], int]:
    """(k,) a number for each row, the same for equal rows, and how many there are."""
    bits = (rows + np.float32(0)).view(np.uint32)  # no negative zero
    key = np.zeros(len(rows), np.uint64)
    for column in range(rows.shape[1]):
        key = (key ^ bits[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    ranked = bits[order]
    fresh = np.ones(len(rows), bool)
    fresh[1:] = np.any(ranked[1:] != ranked[:-1], axis=1)
    number = np.empty(len(rows), np.int64)
    number[order] = np.cumsum(fresh) - 1
    return number, int(fresh.sum())


def _directions(place: NDArray, coordinate: NDArray) -> tuple[NDArray[np.float64], NDArray]:
    """(t, 3) unit directions of growing u, and (t,) twice the area in the layout."""
    d1, d2 = place[:, 1] - place[:, 0], place[:, 2] - place[:, 0]
    t1, t2 = coordinate[:, 1] - coordinate[:, 0], coordinate[:, 2] - coordinate[:, 0]
    area = t1[:, 0] * t2[:, 1] - t1[:, 1] * t2[:, 0]
    along = d1 * t2[:, 1:] - d2 * t1[:, 1:]
    return _unit(along * np.where(area > 0, 1.0, -1.0)[:, None]), area


def _neighbours(index: NDArray, use: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Pairs of half-edges that run against each other between the same two vertices."""
    start, end = index.reshape(-1), np.roll(index, -1, axis=1).reshape(-1)
    half = np.flatnonzero(np.repeat(use, 3) & (start != end))
    start, end = start[half], end[half]
    edge = np.minimum(start, end) << 32 | np.maximum(start, end)
    order = np.lexsort((start > end, edge))
    half, edge, back = half[order], edge[order], (start > end)[order]
    # the k-th that runs forward meets the k-th that runs backward
    first = np.ones(len(edge), bool)
    first[1:] = (edge[1:] != edge[:-1]) | (back[1:] != back[:-1])
    begin = np.flatnonzero(first)
    turn = np.arange(len(edge)) - np.repeat(begin, np.diff(np.append(begin, len(edge))))
    again = np.lexsort((back, turn, edge))
    half, edge, turn, back = half[again], edge[again], turn[again], back[again]
    met = np.flatnonzero((edge[1:] == edge[:-1]) & (turn[1:] == turn[:-1]) & (back[1:] != back[:-1]))
    return half[met], half[met + 1]


def _lying(upright: NDArray[np.bool_], free: NDArray[np.bool_], a: NDArray, b: NDArray) -> NDArray[np.bool_]:
    """(t,) which triangles lie upright; those without area as the neighbour with the lowest number."""
    if not free.any():
        return upright
    upright, known = upright.copy(), ~free
    one, two = np.concatenate([a, b]), np.concatenate([b, a])
    while True:
        hopeful = ~known[one] & known[two]
        if not hopeful.any():
            return upright
        order = np.argsort(two[hopeful], kind="stable")[::-1]  # the last one written is the lowest
        target, giver = one[hopeful][order], two[hopeful][order]
        upright[target] = upright[giver]
        known[target] = True


def _across(vectors: NDArray, normal: NDArray) -> NDArray[np.float64]:
    """Unit vectors in the plane across each normal."""
    return _unit(vectors - np.einsum("tck,tck->tc", vectors, normal)[:, :, None] * normal)


def _angles(place: NDArray, normal: NDArray) -> NDArray[np.float64]:
    """(t, 3) angle of each corner as seen along its normal, radians."""
    u = _across(np.roll(place, -1, axis=1) - place, normal)
    v = _across(np.roll(place, 1, axis=1) - place, normal)
    result: NDArray[np.float64] = np.arccos(np.clip(np.einsum("tck,tck->tc", u, v), -1, 1))
    return result


def _lend(result: NDArray, sign: NDArray, vertex: NDArray, vertices: int, point: NDArray[np.bool_]) -> None:
    """Corners of triangles that are no more than a line or point take what another has at the same vertex."""
    if not point.any():
        return
    good = np.flatnonzero(~point)[::-1]
    giver = np.full(vertices, -1)
    giver[vertex[good]] = good
    needy = np.flatnonzero(point)
    source = giver[vertex[needy]]
    needy, source = needy[source >= 0], source[source >= 0]
    result[needy], sign[needy] = result[source], sign[source]


def _orthogonal(tangent: NDArray, normal: NDArray) -> NDArray[np.float64]:
    """Where no triangle says a direction, any across the normal."""
    lost = np.einsum("tck,tck->tc", tangent, tangent) < 0.5
    if lost.any():
        spare = np.cross(normal, np.where(np.abs(normal[:, :, :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0]))
        tangent = np.where(lost[:, :, None], _unit(spare), tangent)
    return np.asarray(tangent)


def _unit(vectors: NDArray) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > _TINY, length, 1))


def _next(half: NDArray) -> NDArray:
    return np.asarray(half - half % 3 + (half + 1) % 3)
