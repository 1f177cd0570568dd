# SPDX-License-Identifier: Apache-2.0
"""Edges of a triangle mesh from one sort of its half-edges.

Half-edge `3 * face + corner` runs from that corner to the next one of its face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.once import once

#: half-edges from which on counting is faster than sorting
_MANY = 1 << 15


@dataclass(frozen=True)
class Edges:
    """The half-edges sorted so that those of one undirected edge follow each other.

    Attributes
    ----------
    faces : (m, 3) int32
        The welded triangles this was made of.
    half : (3 m,) int32
        Half-edges, edge by edge.
    start : (e,) int32
        Where each edge begins in `half`.
    count : (e,) int32
        How many faces each edge has: 1 is open, 2 is a surface, more is non-manifold.
    """

    faces: NDArray[np.int32]
    half: NDArray[np.int32]
    start: NDArray[np.int32]
    count: NDArray[np.int32]

    def ends(self, half: NDArray) -> NDArray[np.int32]:
        """(k, 2) the vertices each half-edge runs from and to."""
        flat = self.faces.reshape(-1)
        result = np.empty((len(half), 2), np.int32)
        result[:, 0] = flat.take(half)
        result[:, 1] = flat.take(following(half))
        return result

    @once
    def open(self) -> NDArray[np.int32]:
        """Half-edges without a second face."""
        result: NDArray[np.int32] = self.half[self.start[self.count == 1]]
        return result

    @once
    def crowded(self) -> NDArray[np.int32]:
        """Edges (positions in `start`) with more than two faces."""
        return np.flatnonzero(self.count > 2).astype(np.int32)

    @once
    def paired(self) -> NDArray[np.int32]:
        """(p, 2) the two half-edges of every edge that has exactly two faces."""
        at = self.start[self.count == 2]
        return np.stack([self.half[at], self.half[at + 1]], axis=1)

    @once
    def conflicting(self) -> NDArray[np.bool_]:
        """(p,) for each of `paired`: both faces run through the edge in the same direction."""
        flat = self.faces.reshape(-1)
        return np.equal(flat.take(self.paired[:, 0]), flat.take(self.paired[:, 1]))

    @property
    def neighbours(self) -> NDArray[np.int32]:
        """(k, 2) pairs of faces that share an edge, chained where more than two do."""
        same = np.ones(max(len(self.half) - 1, 0), bool)
        same[self.start[1:] - 1] = False
        face = self.half // np.int32(3)
        return np.stack([face[:-1][same], face[1:][same]], axis=1)

    @property
    def twin(self) -> NDArray[np.int32]:
        """(3 m,) the half-edge on the other side; -1 where open, crowded or wound against each other."""
        result = np.full(len(self.half), -1, np.int32)
        a, b = self.paired[~self.conflicting].T
        result[a] = b
        result[b] = a
        return result

    def unique(self) -> NDArray[np.int32]:
        """(e, 2) the vertices of every edge, in the direction of its first half-edge."""
        return self.ends(self.half[self.start])


def following(half: NDArray) -> NDArray:
    """The half-edge after each one around its face."""
    last = half - half // 3 * 3 == 2
    result: NDArray = half + 1 - 3 * last.astype(half.dtype)
    return result


def edges(faces: NDArray) -> Edges:
    """The edges of welded triangles.

    Parameters
    ----------
    faces : (m, 3) int
        Vertex indices; no index twice in one face (drop degenerate faces before).
    """
    faces = np.ascontiguousarray(faces, np.int32)
    m = len(faces)
    if m == 0:
        nothing = np.zeros(0, np.int32)
        return Edges(faces, nothing, nothing, nothing)
    wide = int(faces.max() + 1).bit_length()
    deep = (3 * m).bit_length()
    if 3 * m >= _MANY and faces.max() < 4 * m and 3 * m < 1 << 31:
        half, fresh = _counted(faces)
    elif 2 * wide + deep <= 64:
        half, fresh = _packed(faces, wide, deep)
    else:
        half, fresh = _argsorted(faces, wide)
    start = np.flatnonzero(fresh).astype(np.int32)
    count = np.diff(start, append=np.int32(3 * m)).astype(np.int32)
    return Edges(faces, half, start, count)


def _counted(faces: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Half-edges grouped by their higher, then by their lower vertex: two counting sorts, which keep the order within.

    Bringing the rows of a sparse matrix into columns is a counting sort in compiled code.
    """
    from scipy.sparse import csr_array

    begin = faces.reshape(-1)
    end = np.ascontiguousarray(faces[:, [1, 2, 0]]).reshape(-1)
    low, high = np.minimum(begin, end), np.maximum(begin, end)
    shape = len(begin), int(high.max()) + 1
    rows = np.arange(len(begin) + 1, dtype=np.int32)
    by_high = csr_array((low, high, rows), shape=shape).tocsc()
    half = csr_array((by_high.indices, by_high.data, rows), shape=shape).tocsc().data
    low, high = low.take(half), high.take(half)
    fresh = np.empty(len(half), bool)
    fresh[0] = True
    np.not_equal(low[1:], low[:-1], out=fresh[1:])
    fresh[1:] |= high[1:] != high[:-1]
    return half.astype(np.int32, copy=False), fresh


def _keys(faces: NDArray[np.int32], wide: int) -> NDArray[np.uint64]:
    key = np.empty(faces.shape, np.uint64)
    for corner in range(3):
        a, b = faces[:, corner], faces[:, (corner + 1) % 3]
        column = np.minimum(a, b).astype(np.uint64)
        column <<= np.uint64(wide)
        column |= np.maximum(a, b).astype(np.uint64)
        key[:, corner] = column
    return key.reshape(-1)


def _packed(faces: NDArray[np.int32], wide: int, deep: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Edge and half-edge share one word, so values are sorted and no order is gathered."""
    key = _keys(faces, wide)
    key <<= np.uint64(deep)
    key |= np.arange(len(key), dtype=np.uint64)
    key.sort()
    half = (key & np.uint64((1 << deep) - 1)).astype(np.int32)
    key >>= np.uint64(deep)
    return half, _fresh(key)


def _argsorted(faces: NDArray[np.int32], wide: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    key = _keys(faces, wide)
    order = np.argsort(key, kind="stable")
    return order.astype(np.int32), _fresh(key[order])


def _fresh(key: NDArray[np.uint64]) -> NDArray[np.bool_]:
    fresh = np.empty(len(key), bool)
    fresh[0] = True
    np.not_equal(key[1:], key[:-1], out=fresh[1:])
    return fresh
