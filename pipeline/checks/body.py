# SPDX-License-Identifier: Apache-2.0
"""All parts of an asset as one set of welded triangles in the world, for rays and views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.blocks import blocks
from pipeline.checks.protocol import Marks
from pipeline.checks.subject import Part
from pipeline.mesh import faces as triangle
from pipeline.mesh.crossing import crossings
from pipeline.mesh.directions import compass, scatter
from pipeline.mesh.distinct import distinct, firsts
from pipeline.mesh.once import once
from pipeline.mesh.rays import Rays
from pipeline.mesh.views import View, look

#: side of the views from around the object, pixels
VIEW = 96


class Body:
    """What light would meet.

    Attributes
    ----------
    points : (n, 3) float32
        Welded vertices in the world, metres.
    faces : (m, 3) int32
        Triangles with three different corners, each once, outward as wound.
    part : (m,) int32
        The part each belongs to.
    local : (m,) int32
        Its number among the triangles of that part.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = [p for p in parts if len(p.shape.triangles) and p.shape.usable]
        self._blocks = made = list(blocks(self.parts))
        base = np.cumsum([0, *(len(b.points) for b in made)]).tolist()
        self.points = np.concatenate([b.points for b in made]) if made else np.zeros((0, 3), np.float32)
        self.faces = np.zeros((0, 3), np.int32)
        if made:
            self.faces = np.concatenate([b.faces + np.int32(n) for b, n in zip(made, base, strict=False)])
        self.part = np.concatenate([b.part for b in made]) if made else np.zeros(0, np.int32)
        self.local = np.concatenate([b.local for b in made]) if made else np.zeros(0, np.int32)

    @once
    def size(self) -> float:
        """Diagonal of the bounding box, metres."""
        return triangle.diagonal(self.points)

    @once
    def cross(self) -> NDArray:
        """(m, 3) normals as long as twice the area."""
        if len(self.parts) == 1 and self.parts[0].matrix is None:
            return self.parts[0].shape.topology.cross
        return triangle.cross(self.points, self.faces)

    @once
    def area(self) -> NDArray[np.float64]:
        """(m,) areas, square metres."""
        return triangle.lengths(self.cross) / 2

    @once
    def shell(self) -> NDArray[np.int32]:
        """(m,) number of the shell, counted through all parts."""
        labels, base = [], 0
        for block in self._blocks:
            labels.append(block.shell + np.int32(base))
            base += len(block.closed)
        return np.concatenate(labels) if labels else np.zeros(0, np.int32)

    @once
    def shells(self) -> int:
        """How many shells there are in all parts."""
        return sum(len(b.closed) for b in self._blocks)

    @once
    def shell_area(self) -> NDArray[np.float64]:
        """(s,) area of each shell, square metres."""
        return np.bincount(self.shell, self.area, minlength=self.shells).astype(np.float64)

    @once
    def shell_closed(self) -> NDArray[np.bool_]:
        """(s,) whether a shell has no open edge and none of more than two faces."""
        closed = [b.closed for b in self._blocks]
        return np.concatenate(closed) if closed else np.zeros(0, bool)

    @once
    def turned(self) -> NDArray[np.bool_]:
        """(m,) faces wound against the larger part of their shell."""
        turned = [b.turned for b in self._blocks]
        return np.concatenate(turned) if turned else np.zeros(0, bool)

    @once
    def rays(self) -> Rays:
        """The bounding volume hierarchy."""
        return Rays(self.points, self.faces)

    @once
    def views(self) -> tuple[View, ...]:
        """What is seen from 26 directions around the object, parallel projection."""
        return tuple(look(self.rays, direction, VIEW) for direction in compass())

    def crossing(self, most: float = 0.0) -> NDArray[np.bool_]:
        """(m,) faces that cross others which are not their neighbours.

        Parameters
        ----------
        most
            So many or fewer need not all be found, which is quicker on large meshes.
        """
        points = np.cumsum([0, *(len(b.points) for b in self._blocks)])
        edges = [b.edges for b in self._blocks]
        pairs = [e.unique() + np.int32(base) for e, base in zip(edges, points, strict=False)]
        if not pairs:
            return np.zeros(0, bool)
        together = pairs[0] if len(pairs) == 1 else np.concatenate(pairs)
        marks = max(int(e.count.max(initial=0)) for e in edges)
        pierced, piercing = crossings(self.rays, together, self.size, most, marks)
        if not piercing.any():
            return pierced
        first = 0
        face = 0
        for e in edges:
            mine = np.repeat(piercing[first : first + len(e.start)], e.count)
            pierced[e.half[mine] // 3 + face] = True
            first += len(e.start)
            face += len(e.faces)
        return pierced

    def normals(self, face: NDArray) -> NDArray[np.float64]:
        """(k, 3) unit normals of some faces."""
        n = self.cross[face].astype(np.float64)
        length = np.linalg.norm(n, axis=1, keepdims=True)
        result: NDArray[np.float64] = n / np.where(length > 0, length, 1)
        return result

    def samples(self, count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Points spread over the surface by area, and the face each lies on."""
        return scatter(self.points, self.faces, self.area, count, seed)

    def marks(self, face: NDArray) -> tuple[Marks, ...]:
        """Faces of the body as marks on the parts they come from."""
        face = distinct(face)  # in order, so the parts are as well
        if not len(face):
            return ()
        start = np.flatnonzero(firsts(self.part[face]))
        runs = np.split(face, start[1:])
        return tuple(Marks(int(self.part[run[0]]), faces=self.local[run].astype(np.int32)) for run in runs)

    def part_of(self, number: int) -> Part:
        """The part of that number."""
        return self._by_number[number]

    @once
    def _by_number(self) -> dict[int, Part]:
        return {p.number: p for p in self.parts}

    def faces_of(self, part: int) -> slice:
        """Where the faces of one part are."""
        first, last = np.searchsorted(self.part, [part, part + 1])
        return slice(int(first), int(last))

    def prim(self, face: NDArray) -> str:
        """The prim that most of some faces belong to; empty where there are none."""
        if len(face) == 0:
            return ""
        number = int(np.bincount(self.part[face]).argmax())
        return self._by_number[number].prim
