# SPDX-License-Identifier: Apache-2.0
"""Triangles one by one: area, normal, height, repeated corners, the same triangle twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.distinct import distinct

#: a triangle lower than this share of the mesh's diagonal has no area (float32 cannot hold its height)
FLAT = 1e-8
#: triangles worked on at once: their corners stay in the processor's cache
_BATCH = 1 << 14


def cross(points: NDArray, faces: NDArray) -> NDArray:
    """(m, 3) normals whose length is twice the area, float32 or as `points`."""
    return _survey(points, faces, None)[0]


@dataclass(frozen=True)
class Survey:
    """What one pass over the triangles tells.

    Attributes
    ----------
    cross : (m, 3) float
        As `cross`.
    degenerate : (m,) bool
        As `degenerate`.
    slender : (m,) float32
        Twice the area over the sum of two squared sides: never more than twice the sine of the smallest angle.
    """

    cross: NDArray
    degenerate: NDArray[np.bool_]
    slender: NDArray[np.float32]


def survey(points: NDArray, faces: NDArray, size: float | NDArray) -> Survey:
    """`cross`, `degenerate` and how slender each triangle is, in one pass; `size` of all, or one for each."""
    normal, doubtful, slender = _survey(points, faces, size)
    flat = repeated(faces)
    few = np.flatnonzero(doubtful)
    flat[few] |= _no_height(points, faces[few], size[few] if isinstance(size, np.ndarray) else size)
    return Survey(normal, flat, slender)


def _survey(
    points: NDArray, faces: NDArray, size: float | NDArray | None
) -> tuple[NDArray, NDArray[np.bool_], NDArray[np.float32]]:
    """Normals, which triangles are so low that their height must be measured exactly, and how slender each is."""
    normal = np.empty((len(faces), 3), points.dtype)
    doubtful = np.zeros(len(faces), bool)
    slender = np.zeros(len(faces) if size is not None else 0, np.float32)
    for start in range(0, len(faces), _BATCH):
        part = slice(start, start + _BATCH)
        corners = points.take(faces[part].reshape(-1), axis=0).reshape(-1, 3, 3)
        u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        n = normal[part]
        for axis in range(3):
            one, two = (axis + 1) % 3, (axis + 2) % 3
            np.subtract(u[:, one] * v[:, two], u[:, two] * v[:, one], out=n[:, axis])
        if size is not None:
            reach = _squared(u) + _squared(v)  # at least a quarter of the longest side's square
            own = size[part] if isinstance(size, np.ndarray) else size
            square = _squared(n)
            bound = np.maximum((8 * FLAT * own) ** 2 * reach, 1e-10 * reach * reach)
            np.less_equal(square, bound, out=doubtful[part])
            np.divide(np.sqrt(square), reach, out=slender[part], where=reach > 0, casting="same_kind")
    return normal, doubtful, slender


def areas(points: NDArray, faces: NDArray) -> NDArray[np.float64]:
    """(m,) areas of triangles."""
    return lengths(cross(points, faces)) / 2


def lengths(vectors: NDArray) -> NDArray[np.float64]:
    """(m,) length of each vector."""
    return np.sqrt(_squared(vectors))


def normals(points: NDArray, faces: NDArray) -> NDArray:
    """(m, 3) unit normals; zero where a triangle has no area."""
    n = cross(points, faces)
    length = np.sqrt(_squared(n))
    result: NDArray = n / np.where(length > 0, length, 1)[:, None].astype(n.dtype)
    return result


def diagonal(points: NDArray) -> float:
    """The length of the bounding box's diagonal."""
    if len(points) == 0:
        return 0.0
    low, high = bounds(points)
    return float(np.linalg.norm(high - low))


def bounds(points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3,) lowest and (3,) highest corner of (n, 3) points, n > 0.

    Column by column: numpy reduces the short rows of such an array several times slower.
    """
    columns = [points[:, k] for k in range(points.shape[1])]
    return np.array([c.min() for c in columns], np.float64), np.array([c.max() for c in columns], np.float64)


def repeated(faces: NDArray) -> NDArray[np.bool_]:
    """(m,) triangles that name one vertex twice."""
    a, b, c = faces[:, 0], faces[:, 1], faces[:, 2]
    result: NDArray[np.bool_] = (a == b) | (b == c) | (c == a)
    return result


def degenerate(points: NDArray, faces: NDArray, size: float | None = None) -> NDArray[np.bool_]:
    """(m,) triangles without area: a vertex twice, or a height under `FLAT` of the size.

    Parameters
    ----------
    points : (n, 3) float
    faces : (m, 3) int
        Welded triangles.
    size
        What heights are compared with; the diagonal of the bounding box where not given.
    """
    return survey(points, faces, diagonal(points) if size is None else size).degenerate


def _no_height(points: NDArray, faces: NDArray, size: float | NDArray) -> NDArray[np.bool_]:
    a, b, c = (np.asarray(points[faces[:, i]], np.float64) for i in range(3))
    double = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = np.sqrt(np.maximum.reduce([_squared(b - a), _squared(c - b), _squared(a - c)]))
    result: NDArray[np.bool_] = double <= FLAT * size * longest
    return result


def smallest_sine(points: NDArray, faces: NDArray) -> NDArray[np.float64]:
    """(m,) sine of the smallest angle of each triangle; zero where it has no area."""
    result = np.zeros(len(faces))
    for start in range(0, len(faces), _BATCH):
        corners = points.take(faces[start : start + _BATCH].reshape(-1), axis=0).reshape(-1, 3, 3)
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        double = lengths(np.cross(b - a, c - a))
        sides = np.sqrt(np.sort(np.stack([_squared(b - a), _squared(c - b), _squared(a - c)]), axis=0))
        # the smallest angle lies between the two longer sides
        part = result[start : start + _BATCH]
        np.divide(double, sides[1] * sides[2], out=part, where=sides[1] > 0)
    return result


def narrow(points: NDArray, faces: NDArray, slender: NDArray, sine: float) -> NDArray[np.bool_]:
    """(m,) triangles whose smallest angle has less than this sine; only the slender ones are measured.

    Parameters
    ----------
    slender : (m,) float
        From `Survey`.
    """
    result: NDArray[np.bool_] = slender <= 2.001 * sine
    few = np.flatnonzero(result)
    result[few] = smallest_sine(points, faces[few]) < sine
    return result


def duplicates(faces: NDArray) -> NDArray[np.bool_]:
    """(m,) triangles whose three vertices an earlier triangle has as well, in whatever order."""
    m = len(faces)
    result = np.zeros(m, bool)
    if m < 2:
        return result
    key = _unordered(faces)
    ranked = np.sort(key)
    if not np.any(ranked[1:] == ranked[:-1]):
        return result
    twice = distinct(ranked[1:][ranked[1:] == ranked[:-1]])
    suspects = np.flatnonzero(np.isin(key, twice))
    corners = np.sort(faces[suspects], axis=1)
    order = np.lexsort((suspects, corners[:, 2], corners[:, 1], corners[:, 0]))
    again = np.all(corners[order[1:]] == corners[order[:-1]], axis=1)
    result[suspects[order[1:][again]]] = True
    return result


def _unordered(faces: NDArray) -> NDArray[np.uint64]:
    """A number for each triangle that does not depend on the order of its corners; may collide."""
    total = np.zeros(len(faces), np.uint64)
    for corner in range(3):
        part = faces[:, corner].astype(np.uint64)
        part *= np.uint64(0x9E3779B97F4A7C15)
        part ^= part >> np.uint64(31)
        part *= np.uint64(0xBF58476D1CE4E5B9)
        part ^= part >> np.uint64(27)
        total += part
    return total


def _squared(vectors: NDArray) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return result
