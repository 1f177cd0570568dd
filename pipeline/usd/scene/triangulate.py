# SPDX-License-Identifier: Apache-2.0
"""Polygons to triangles that keep the outline, also where a polygon is concave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.arrays import Doubles, Floats, Ints

__all__ = ["triangle_points", "triangulate"]

#: quads looked at at once, so that the intermediate arrays stay in the cache
_CHUNK = 1 << 14
#: fewer quads than this are one small array
_SMALL = 2048
_FIRST = np.array([0, 1, 2, 0, 2, 3], np.int32)
_SECOND = np.array([0, 1, 3, 1, 2, 3], np.int32)
#: concave polygons of more corners than this are cut one by one
_LARGE = 24


def triangulate(points: Floats, counts: Ints, vertices: Ints) -> Ints:
    """Cut polygons into triangles.

    Parameters
    ----------
    points
        `(n, 3)`.
    counts
        `(f,)` corners of each face, all at least 3.
    vertices
        `(corners,)` points of the faces.

    Returns
    -------
    (t, 3) int32
        Corner numbers, in the order of the faces; always `count - 2` a face.
    """
    if not len(counts):
        return np.zeros((0, 3), np.int32)
    low, high = int(counts.min()), int(counts.max())
    if high == 3:
        return np.arange(len(vertices), dtype=np.int32).reshape(-1, 3)
    if low == high == 4:
        starts = np.arange(0, len(vertices), 4, dtype=np.int32)
        return _quads(points, vertices.reshape(-1, 4), starts).reshape(-1, 3)
    starts = np.zeros(len(counts), np.int32)
    np.cumsum(counts[:-1], out=starts[1:])
    pieces = counts - 2
    first = np.zeros(len(counts), np.int64)
    np.cumsum(pieces[:-1], out=first[1:])
    result = np.empty((int(pieces.sum()), 3), np.int32)
    for count in np.flatnonzero(np.bincount(counts)).tolist():
        faces = np.flatnonzero(counts == count)
        corners = starts[faces]
        if count == 3:
            result[first[faces]] = corners[:, None] + np.arange(3, dtype=np.int32)
            continue
        outline = vertices[corners[:, None] + np.arange(count)]
        cut = _quads(points, outline, corners) if count == 4 else _polygons(points, outline, corners)
        result[first[faces][:, None] + np.arange(count - 2)] = cut
    return result


def triangle_points(points: Floats, counts: Ints, vertices: Ints) -> Ints:
    """The same triangles as point numbers, `vertices[triangulate(points, counts, vertices)]`, `(t, 3) int32`.

    Meshes of quads, the large ones above all, get there without the corner numbers.
    """
    if not len(counts):
        return np.zeros((0, 3), np.int32)
    low, high = int(counts.min()), int(counts.max())
    if high == 3:
        return np.asarray(vertices, np.int32).reshape(-1, 3)
    if low == high == 4:
        outline = vertices.reshape(-1, 4)
        result = np.empty((len(outline), 6), np.int32)
        for start in range(0, len(outline), _CHUNK):
            rows, filled = outline[start : start + _CHUNK], result[start : start + _CHUNK]
            for place, corner in enumerate(_FIRST.tolist()):
                filled[:, place] = rows[:, corner]
        flip = _second_diagonals(points, outline)
        result[flip] = outline[flip][:, _SECOND]
        return result.reshape(-1, 3)
    return vertices[triangulate(points, counts, vertices)]


def _quads(points: Floats, outline: Ints, corners: Ints) -> Ints:
    """`(q, 2, 3)`: along the first diagonal, or the second where a reflex corner sees the first from outside."""
    result = np.empty((len(outline), 6), np.int32)
    np.add(corners[:, None], _FIRST, out=result)
    flip = _second_diagonals(points, outline)
    result[flip] = corners[flip, None] + _SECOND
    return result.reshape(-1, 2, 3)


def _second_diagonals(points: Floats, outline: Ints) -> NDArray[np.intp]:
    """The quads whose two triangles along the first diagonal face against each other."""
    if len(outline) < _SMALL:
        return _few_second_diagonals(points, outline)
    x, y, z = (np.ascontiguousarray(points[:, axis]) for axis in range(3))
    found = []
    for start in range(0, len(outline), _CHUNK):
        # rows a, b, c, d: one gather an axis, then the edges from a, then both cross products at once
        rows = np.ascontiguousarray(outline[start : start + _CHUNK].T)
        ex, ey, ez = (axis[rows[1:]] - axis[rows[0]] for axis in (x, y, z))
        nx = ey[:2] * ez[1:] - ez[:2] * ey[1:]
        ny = ez[:2] * ex[1:] - ex[:2] * ez[1:]
        nz = ex[:2] * ey[1:] - ey[:2] * ex[1:]
        facing = nx[0] * nx[1] + ny[0] * ny[1] + nz[0] * nz[1]
        if facing.size and facing.min() < 0:
            found.append(np.flatnonzero(facing < 0) + start)
    return np.concatenate(found) if found else np.zeros(0, np.intp)


def _few_second_diagonals(points: Floats, outline: Ints) -> NDArray[np.intp]:
    """The same with few calls: (b x c) . (c x d) = (b . c)(c . d) - (b . d)(c . c), edges from the first corner."""
    placed = points[outline].astype(np.float64)
    edges = placed[:, 1:] - placed[:, :1]
    dots = edges @ edges.transpose(0, 2, 1)
    facing = dots[:, 0, 1] * dots[:, 1, 2] - dots[:, 0, 2] * dots[:, 1, 1]
    # dot products of nearly flat quads cancel: only what is clearly turned counts
    return np.flatnonzero(facing < -1e-12 * dots[:, 1, 1] * dots[:, 1, 1])


def _polygons(points: Floats, outline: Ints, corners: Ints) -> Ints:
    """`(m, n - 2, 3)` for m polygons of the same number n of corners, n > 4."""
    n = outline.shape[1]
    fan = np.stack([np.zeros(n - 2), np.arange(1, n - 1), np.arange(2, n)], -1).astype(np.int32)
    result: Ints = np.broadcast_to(fan, (len(outline), n - 2, 3)).copy()
    step = max(1, (1 << 20) // n)
    for start in range(0, len(outline), step):
        flat = _flattened(points[outline[start : start + step]].astype(np.float64))
        concave = np.flatnonzero((_turns(flat) < 0).any(axis=1))
        if not len(concave):
            continue
        if n > _LARGE:
            for polygon in concave.tolist():
                result[start + polygon] = _large(flat[polygon])
        else:
            batch = max(1, (1 << 21) // (n * n))
            for at in range(0, len(concave), batch):
                chosen = concave[at : at + batch]
                result[start + chosen] = _clip_ears(flat[chosen])
    return result + corners[:, None, None]


def _flattened(polygons: Doubles) -> Doubles:
    """Polygons `(m, n, 3)` seen along their own normals, anticlockwise: `(m, n, 2)`."""
    local = polygons - polygons.mean(axis=1, keepdims=True)
    normal = np.cross(local, np.roll(local, -1, axis=1)).sum(axis=1)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = np.where(length > 0, normal / np.where(length > 0, length, 1), (0.0, 0.0, 1.0))
    helper = np.zeros_like(normal)
    helper[np.arange(len(normal)), np.abs(normal).argmin(axis=1)] = 1.0
    u = np.cross(helper, normal)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normal, u)
    return np.stack([np.einsum("mni,mi->mn", local, u), np.einsum("mni,mi->mn", local, v)], -1)


def _turns(flat: Doubles) -> Doubles:
    """Twice the area at each corner `(m, n)`: negative where the outline turns right, tiny values as zero."""
    before, after = np.roll(flat, 1, axis=1), np.roll(flat, -1, axis=1)
    turn = _cross(flat - before, after - flat)
    size = np.ptp(flat, axis=1).max(axis=1, keepdims=True)
    return np.where(np.abs(turn) < 1e-10 * size * size, 0.0, turn)


def _cross(a: Doubles, b: Doubles) -> Doubles:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _clip_ears(flat: Doubles) -> Ints:
    """Cut ears off m concave polygons at once, `(m, n, 2)` to `(m, n - 2, 3)`."""
    m, n = flat.shape[:2]
    rows = np.arange(m)
    left = np.broadcast_to(np.arange(n), (m, n)).copy()
    result = np.empty((m, n - 2, 3), np.int32)
    for step in range(n - 3):
        here = flat[rows[:, None], left]
        before, after = np.roll(here, 1, axis=1), np.roll(here, -1, axis=1)
        turn = _cross(here - before, after - here)
        blocked = _blocked(before, here, after)
        # the roundest free ear first; where none is free (the outline crosses itself) the largest turn
        sides = ((here - before) ** 2 + (after - here) ** 2 + (before - after) ** 2).sum(-1)
        score = turn / np.where(sides > 0, sides, 1)
        ear = np.where((turn > 0) & ~blocked, score + 2, np.where(turn == 0, 0, score)).argmax(axis=1)
        k = left.shape[1]
        result[:, step] = left[rows[:, None], np.stack([ear - 1, ear, (ear + 1) % k], -1)]
        keep: NDArray[np.bool_] = np.ones((m, k), bool)
        keep[rows, ear] = False
        left = left[keep].reshape(m, k - 1)
    result[:, n - 3] = left
    return result


def _blocked(before: Doubles, here: Doubles, after: Doubles) -> NDArray[np.bool_]:
    """Whether some other corner lies in the ear at each corner, `(m, k)`."""
    p = here[:, None]
    inside: NDArray[np.bool_] = np.ones((here.shape[0], here.shape[1], here.shape[1]), bool)
    for a, b in ((before, here), (here, after), (after, before)):
        inside &= _cross((b - a)[:, :, None], p - a[:, :, None]) >= 0
        inside &= (p != a[:, :, None]).any(-1)
    return np.asarray(inside.any(axis=2))


def _large(flat: Doubles) -> Ints:
    """One concave polygon of many corners, `(n, 2)` to `(n - 2, 3)`."""
    import manifold3d

    found = np.asarray(manifold3d.triangulate([flat]), np.int32)
    if found.shape == (len(flat) - 2, 3):
        return found
    return np.asarray(_clip_ears(flat[None])[0])
