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
from pipeline.mesh.shells import Shells, components, shells
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

    #: which points may become one: those of one owner; all where None
    owner: NDArray[np.int32] | None = None

    def __init__(self, points: NDArray, faces: NDArray) -> None:
        self.points = points
        self.faces = np.ascontiguousarray(faces, np.int32)

    @once
    def size(self) -> float:
        """The diagonal of the bounding box."""
        return triangle.diagonal(self.points)

    def suspect(self, kind: str) -> bool:
        """Whether there may be something of a kind: `degenerate`, `duplicate`, `crowded`, `open`, `split`, `turned`.

        A mesh alone does not know before it is looked at; one in company does.
        """
        return True

    @property
    def near(self) -> float | NDArray:
        """How near open borders are one, in the unit of the points."""
        return NEAR * self.size

    @once
    def weld(self) -> Weld:
        """Points to vertices: equal positions, and open borders that only rounding keeps apart."""
        exact = weld(self.points, owner=self.owner)
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
        return weld(self.points, self.near, np.isfinite(reach), reach, self.owner)

    @property
    def vertex_count(self) -> int:
        """How many vertices there are."""
        return self.weld.count

    @property
    def shell_count(self) -> int:
        """How many bodies there are."""
        return self.shells.count

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
        return self._survey.degenerate

    @once
    def _survey(self) -> triangle.Survey:
        return triangle.survey(self.vertices, self.welded, self.size)

    def narrow(self, sine: float) -> NDArray[np.bool_]:
        """(l,) triangles of `solid` whose smallest angle has less than this sine."""
        slender = self._survey.slender
        if len(self.live) != len(slender):
            slender = slender[self.live]
        return triangle.narrow(self.vertices, self.solid, slender, sine)

    @once
    def _sound(self) -> NDArray[np.int32]:
        """Triangles with three different vertices."""
        return np.flatnonzero(~triangle.repeated(self.welded)).astype(np.int32)

    @once
    def _sound_edges(self) -> Edges:
        """Edges of those triangles, the repeated ones among them."""
        # `welded` welds, which finds the first edges
        sound = self.welded if len(self._sound) == len(self.faces) else self.welded[self._sound]
        first = self._first_edges
        if len(first.faces) == len(sound) and np.array_equal(first.faces, sound):
            return first
        return edges(sound)

    @once
    def _bodies(self) -> tuple[NDArray[np.int32], int]:
        """Bodies of the triangles of `_sound_edges`."""
        return components(self._sound_edges.neighbours, len(self._sound_edges.faces))

    @once
    def duplicate(self) -> NDArray[np.bool_]:
        """(m,) triangles that repeat an earlier one.

        Two that do share all three edges: with others, so that the edges are crowded, or as a body of the two alone.
        """
        edges, (label, count) = self._sound_edges, self._bodies
        suspect = (np.bincount(label, minlength=count) == 2)[label]
        if len(edges.crowded):
            suspect[edges.half[np.repeat(edges.count > 2, edges.count)] // 3] = True
        few = self._sound[suspect]
        result = np.zeros(len(self.faces), bool)
        result[few] = triangle.duplicates(self.welded[few])
        return result

    @once
    def live(self) -> NDArray[np.int32]:
        """(l,) the triangles that topology is read from: three different vertices, and each once."""
        again = self.duplicate[self._sound]
        return self._sound[~again] if again.any() else self._sound

    @once
    def solid(self) -> NDArray[np.int32]:
        """(l, 3) those triangles."""
        return self.welded if len(self.live) == len(self.faces) else self.welded[self.live]

    @once
    def edges(self) -> Edges:
        """Edges of `solid`."""
        return self._sound_edges if len(self.live) == len(self._sound) else edges(self.solid)

    @once
    def shells(self) -> Shells:
        """Bodies of `solid`."""
        bodies = self._bodies if self.edges is self._sound_edges else None
        return shells(self.vertices, self.edges, self.cross, bodies)

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
        normal = self._survey.cross
        return normal if len(self.live) == len(normal) else normal[self.live]

    @once
    def area(self) -> NDArray[np.float64]:
        """(l,) area of each of `solid`."""
        return triangle.lengths(self.cross) / 2

    @once
    def split_vertices(self) -> NDArray[np.int32]:
        """Vertices where surfaces touch in one point."""
        if self._sphere_like:
            return np.zeros(0, np.int32)
        return split_vertices(self.edges, len(self.vertices))

    @property
    def _sphere_like(self) -> bool:
        """Whether Euler's number is as high as it can be: then every vertex has one fan.

        V - E + F of a surface is at most 2 for each closed body and 1 for each open one. A vertex with several fans
        counts once where the surface has it several times, so there can be none where that bound is reached.
        """
        used = np.zeros(len(self.vertices), bool)
        used[self.solid.reshape(-1)] = True
        closed = self.shells.closed
        euler = int(np.count_nonzero(used)) - len(self.edges.start) + len(self.solid)
        return not len(self.edges.crowded) and euler == len(closed) + int(np.count_nonzero(closed))

    @once
    def turned(self) -> NDArray[np.bool_]:
        """(l,) triangles of `solid` wound against the larger part of their shell."""
        if not self.edges.conflicting.any():
            return np.zeros(len(self.solid), bool)
        return minority(self.shells, self.area)
