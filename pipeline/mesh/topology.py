# SPDX-License-Identifier: Apache-2.0
"""A mesh as topology sees it: welded, and each derived thing computed once when first asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh import faces as triangle
from pipeline.mesh.edges import Edges, edges
from pipeline.mesh.fans import split_vertices
from pipeline.mesh.loops import Loops, loops
from pipeline.mesh.once import once
from pipeline.mesh.orientation import minority
from pipeline.mesh.shells import Shells, shells
from pipeline.mesh.weld import Weld, weld

#: open borders closer than this share of the diagonal are one border
NEAR = 1e-6


class Topology:
    """Edges, shells, borders and fans of a triangle mesh.

    Parameters
    ----------
    points : (n, 3) float32 or float64
        Finite positions, points on UV seams repeated or not.
    faces : (m, 3) int
        Triangles, indices within `points`.
    """

    def __init__(self, points: NDArray, faces: NDArray) -> None:
        self.points = points
        self.faces = np.ascontiguousarray(faces, np.int32)

    @once
    def size(self) -> float:
        """The diagonal of the bounding box."""
        return triangle.diagonal(self.points)

    @once
    def weld(self) -> Weld:
        """Points to vertices: equal positions, and open borders that only rounding keeps apart."""
        exact = weld(self.points)
        if exact.count == len(self.points):
            welded = self.faces
        else:
            welded = exact.index.take(self.faces)
        broken = triangle.repeated(welded)
        self._first_edges = edges(welded[~broken] if broken.any() else welded)
        rim = self._first_edges.ends(self._first_edges.open)
        if len(rim) == 0:
            return exact
        ends = exact.first[rim]
        # a vertex is never joined with its neighbour on the border: small things in a large mesh stay what they are
        side = np.linalg.norm(self.points[ends[:, 0]].astype(np.float64) - self.points[ends[:, 1]], axis=1)
        reach = np.full(len(self.points), np.inf)
        np.minimum.at(reach, ends.reshape(-1), np.repeat(side / 4, 2))
        return weld(self.points, NEAR * self.size, np.isfinite(reach), reach)

    @once
    def vertices(self) -> NDArray:
        """(k, 3) position of each vertex."""
        return self.points.take(self.weld.first, axis=0)

    @once
    def welded(self) -> NDArray[np.int32]:
        """(m, 3) all triangles over vertices, broken ones included."""
        return self.weld.index.take(self.faces)

    @once
    def degenerate(self) -> NDArray[np.bool_]:
        """(m,) triangles without area."""
        return self._survey[1]

    @once
    def _survey(self) -> tuple[NDArray, NDArray[np.bool_]]:
        return triangle.survey(self.vertices, self.welded, self.size)

    @once
    def duplicate(self) -> NDArray[np.bool_]:
        """(m,) triangles that repeat an earlier one."""
        return triangle.duplicates(self.welded) & ~triangle.repeated(self.welded)

    @once
    def live(self) -> NDArray[np.int32]:
        """(l,) the triangles that topology is read from: three different vertices, and each once."""
        dead = triangle.repeated(self.welded) | self.duplicate
        return np.flatnonzero(~dead).astype(np.int32)

    @once
    def solid(self) -> NDArray[np.int32]:
        """(l, 3) those triangles."""
        return self.welded if len(self.live) == len(self.faces) else self.welded[self.live]

    @once
    def edges(self) -> Edges:
        """Edges of `solid`."""
        solid = self.solid  # welds, which finds the first edges
        first = self._first_edges
        if len(first.faces) == len(solid) and np.array_equal(first.faces, solid):
            return first
        return edges(solid)

    @once
    def shells(self) -> Shells:
        """Bodies of `solid`."""
        return shells(self.vertices, self.edges, self.cross)

    @once
    def loops(self) -> Loops:
        """Open borders of `solid`."""
        return loops(self.vertices, self.edges)

    @once
    def edge_lengths(self) -> NDArray[np.float64]:
        """(e,) length of each edge."""
        ends = self.edges.unique()
        span = self.vertices[ends[:, 1]] - self.vertices[ends[:, 0]]
        result: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", span, span, dtype=np.float64))
        return result

    @property
    def cross(self) -> NDArray:
        """(l, 3) normals of `solid`, as long as twice the area."""
        normal = self._survey[0]
        return normal if len(self.live) == len(normal) else normal[self.live]

    @once
    def area(self) -> NDArray[np.float64]:
        """(l,) area of each of `solid`."""
        return triangle.lengths(self.cross) / 2

    @once
    def split_vertices(self) -> NDArray[np.int32]:
        """Vertices where surfaces touch in one point."""
        return split_vertices(self.edges, len(self.vertices))

    @once
    def turned(self) -> NDArray[np.bool_]:
        """(l,) triangles of `solid` wound against the larger part of their shell."""
        if not self.edges.conflicting.any():
            return np.zeros(len(self.solid), bool)
        return minority(self.shells, self.area)
