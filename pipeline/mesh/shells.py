# SPDX-License-Identifier: Apache-2.0
"""Shells: bodies of faces that hang together by edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.edges import Edges
from pipeline.mesh.faces import cross, lengths
from pipeline.mesh.once import once

#: nodes up to which a graph is walked in Python
_FEW = 48


@dataclass(frozen=True)
class Shells:
    """The connected bodies of a welded mesh.

    Attributes
    ----------
    points : (n, 3) float
        Positions of the vertices.
    edges
        The mesh's edges.
    label : (m,) int32
        The shell of each face.
    count
        How many there are.
    cross : (m, 3) float
        Normals of the faces, as long as twice the area.
    """

    points: NDArray
    edges: Edges
    label: NDArray[np.int32]
    count: int
    cross: NDArray

    @once
    def faces(self) -> NDArray[np.int64]:
        """(s,) faces of each shell."""
        return np.bincount(self.label, minlength=self.count)

    @once
    def area(self) -> NDArray[np.float64]:
        """(s,) surface of each shell."""
        length = lengths(self.cross) / 2
        return np.bincount(self.label, length, minlength=self.count).astype(np.float64)

    @once
    def volume(self) -> NDArray[np.float64]:
        """(s,) signed volume of each shell, positive where faces look outward; means little where open."""
        if len(self.points) == 0:
            return np.zeros(self.count)
        middle = (self.points.min(axis=0) + self.points.max(axis=0)) / 2
        local = self.points - middle
        first = local.take(self.edges.faces[:, 0], axis=0)
        part = np.einsum("ij,ij->i", first, self.cross, dtype=np.float64) / 6
        return np.bincount(self.label, part, minlength=self.count).astype(np.float64)

    @once
    def closed(self) -> NDArray[np.bool_]:
        """(s,) shells in which every edge has exactly two faces."""
        result = np.ones(self.count, bool)
        if len(self.edges.half):
            first = self.edges.half[self.edges.start[self.edges.count != 2]]
            result[self.label[first // 3]] = False
        return result

    @once
    def box(self) -> tuple[NDArray, NDArray]:
        """(s, 3) lowest and (s, 3) highest corner of each shell."""
        order = np.argsort(self.label, kind="stable")
        at = np.searchsorted(self.label[order], np.arange(self.count))
        corners = self.edges.faces[order]
        low, high = [], []
        for axis in range(3):
            values = self.points[:, axis][corners]
            low.append(np.minimum.reduceat(values.min(axis=1), at))
            high.append(np.maximum.reduceat(values.max(axis=1), at))
        return np.stack(low, axis=1), np.stack(high, axis=1)


def shells(
    points: NDArray, edges: Edges, normals: NDArray | None = None, bodies: tuple[NDArray[np.int32], int] | None = None
) -> Shells:
    """The bodies of a mesh: faces are one body where they share an edge (a shared corner does not count).

    Parameters
    ----------
    points : (n, 3) float
    edges
        Edges of the welded triangles.
    normals : (m, 3) float, optional
        `cross` of the triangles where the caller has it.
    bodies : (label, count), optional
        `components` of the triangles where the caller has them.
    """
    label, count = components(edges.neighbours, len(edges.faces)) if bodies is None else bodies
    return Shells(points, edges, label, count, cross(points, edges.faces) if normals is None else normals)


def components(pairs: NDArray, size: int) -> tuple[NDArray[np.int32], int]:
    """Label the connected parts of a graph of `size` nodes with the edges `pairs`, (k, 2).

    Returns
    -------
    label : (size,) int32
    count : int
    """
    if len(pairs) == 0:
        return np.arange(size, dtype=np.int32), size
    if size <= _FEW:
        return _few_components(pairs, size)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    count, label = connected_components(graph, directed=False)
    return label.astype(np.int32), int(count)


def _few_components(pairs: NDArray, size: int) -> tuple[NDArray[np.int32], int]:
    """`components` of a handful of nodes, where making a sparse matrix takes far longer than walking it."""
    root = list(range(size))

    def top(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for a, b in pairs.tolist():
        one, other = top(a), top(b)
        if one != other:  # the lower number stays, so that labels count up with the nodes
            root[max(one, other)] = min(one, other)
    number: dict[int, int] = {}
    label = [number.setdefault(top(node), len(number)) for node in range(size)]
    return np.array(label, np.int32), len(number)
