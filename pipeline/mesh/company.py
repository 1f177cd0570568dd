# SPDX-License-Identifier: Apache-2.0
"""Small meshes in company: what topology derives is computed for thousands of them at once, and cut up again.

A call of numpy costs the same for ten triangles as for a thousand. So the meshes stand one after the other in the same
arrays, and everything that counts vertices, edges or shells counts through: what belongs to one mesh stays together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh import faces as triangle
from pipeline.mesh.edges import Edges
from pipeline.mesh.loops import Loops
from pipeline.mesh.once import once
from pipeline.mesh.shells import Shells
from pipeline.mesh.topology import NEAR, Topology
from pipeline.mesh.weld import Weld

__all__ = ["Company", "Member"]


class Company(Topology):
    """Several meshes as one, whose points are never welded with each other's.

    Parameters
    ----------
    points : sequence of (n, 3) float32
    faces : sequence of (m, 3) int
        Triangles of each, indices within its own points.
    """

    owner: NDArray[np.int32]

    def __init__(self, points: Sequence[NDArray], faces: Sequence[NDArray]) -> None:
        self.point_start = _starts([len(p) for p in points])
        self.face_start = _starts([len(f) for f in faces])
        self.owner = _owners(self.point_start)
        self.face_owner = _owners(self.face_start)
        everything = np.concatenate(faces).astype(np.int32, copy=False)
        shift = self.point_start[:-1].astype(np.int32)[self.face_owner]
        super().__init__(np.concatenate(points), everything + shift[:, None])

    def __len__(self) -> int:
        return len(self.point_start) - 1

    def members(self) -> list[Member]:
        """The topology of each mesh."""
        return [Member(self, i) for i in range(len(self))]

    @once
    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(k, 3) lowest and highest corner of each mesh, zero where it has no points."""
        low, high = (np.zeros((len(self), 3)) for _ in range(2))
        some = np.flatnonzero(np.diff(self.point_start))
        if len(some):
            low[some] = np.minimum.reduceat(self.points, self.point_start[some])
            high[some] = np.maximum.reduceat(self.points, self.point_start[some])
        return low, high

    @once
    def sizes(self) -> NDArray[np.float64]:
        """(k,) diagonal of each mesh's bounding box."""
        low, high = self.box
        result: NDArray[np.float64] = np.linalg.norm(high - low, axis=1)
        return result

    @property
    def near(self) -> NDArray[np.float64]:
        return NEAR * self.sizes[self.owner]

    @once
    def _survey(self) -> triangle.Survey:
        return triangle.survey(self.vertices, self.welded, self.sizes[self.face_owner])

    @once
    def vertex_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the vertices of each mesh begin."""
        return np.searchsorted(self.weld.first, self.point_start)

    @once
    def live_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the live triangles of each mesh begin."""
        return np.searchsorted(self.live, self.face_start)

    @once
    def edge_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the edges of each mesh begin."""
        return np.searchsorted(self.edges.start, 3 * self.live_start)

    @once
    def shell_owner(self) -> NDArray[np.int32]:
        """(s,) the mesh each shell belongs to."""
        result = np.zeros(self.shells.count, np.int32)
        result[self.shells.label] = self.face_owner[self.live]
        return result

    @once
    def shell_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the shells of each mesh begin."""
        return np.searchsorted(self.shell_owner, np.arange(len(self) + 1))

    @once
    def open_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the open half-edges of each mesh begin."""
        return np.searchsorted(self.face_owner[self.live][self.edges.open // 3], np.arange(len(self) + 1))

    @once
    def loop_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the borders of each mesh begin."""
        owner = np.zeros(self.loops.count, np.int32)
        owner[self.loops.label] = self.face_owner[self.live][self.loops.half // 3]
        return np.searchsorted(owner, np.arange(len(self) + 1))

    @once
    def volume(self) -> NDArray[np.float64]:
        """(s,) signed volume of each shell, measured from the middle of its mesh."""
        low, high = (side.astype(self.points.dtype) for side in self.box)
        middle = (low + high) / 2
        solid = self.solid
        owner = self.face_owner[self.live]
        local = self.vertices.take(solid[:, 0], axis=0) - middle[owner]
        part = np.einsum("ij,ij->i", local, self.cross, dtype=np.float64) / 6
        return np.bincount(self.shells.label, part, minlength=self.shells.count).astype(np.float64)

    @once
    def split_start(self) -> NDArray[np.int64]:
        """(k + 1,) where the split vertices of each mesh begin."""
        return np.searchsorted(self.split_vertices, self.vertex_start)

    @once
    def suspects(self) -> Mapping[str, NDArray[np.bool_]]:
        """(k,) by what may be wrong: the meshes that have any of it."""
        edges, owner = self.edges, self.face_owner[self.live]

        def some(owners: NDArray) -> NDArray[np.bool_]:
            result: NDArray[np.bool_] = np.bincount(owners, minlength=len(self)) > 0
            return result

        return {
            "degenerate": some(self.face_owner[self.degenerate]),
            "duplicate": some(self.face_owner[self.duplicate]),
            "crowded": some(owner[edges.half[edges.start[edges.crowded]] // 3]),
            "open": np.diff(self.open_start) > 0,
            "split": np.diff(self.split_start) > 0,
            "turned": some(owner[edges.paired[edges.conflicting, 0] // 3])
            | some(self.shell_owner[self.shells.closed & (self.volume <= 0)]),
        }


class Member(Topology):
    """The topology of one mesh of a company: cut out of its arrays whenever it is asked for, and not kept."""

    def __init__(self, company: Company, number: int) -> None:
        self.company = company
        self.number = number

    def suspect(self, kind: str) -> bool:
        return bool(self.company.suspects[kind][self.number])

    def _run(self, start: NDArray[np.int64]) -> slice:
        return slice(int(start[self.number]), int(start[self.number + 1]))

    @property
    def points(self) -> NDArray:  # type: ignore[override]
        return self.company.points[self._run(self.company.point_start)]

    @property
    def faces(self) -> NDArray[np.int32]:  # type: ignore[override]
        faces = self.company.faces[self._run(self.company.face_start)]
        return faces - np.int32(self.company.point_start[self.number])

    @property
    def size(self) -> float:
        return float(self.company.sizes[self.number])

    @property
    def weld(self) -> Weld:
        whole = self.company.weld
        vertices = self._run(self.company.vertex_start)
        points = self._run(self.company.point_start)
        index = whole.index[points] - np.int32(vertices.start)
        return Weld(index, whole.first[vertices] - np.int32(points.start))

    @property
    def vertex_count(self) -> int:
        start = self.company.vertex_start
        return int(start[self.number + 1] - start[self.number])

    @property
    def shell_count(self) -> int:
        start = self.company.shell_start
        return int(start[self.number + 1] - start[self.number])

    @property
    def vertices(self) -> NDArray:
        return self.company.vertices[self._run(self.company.vertex_start)]

    @property
    def welded(self) -> NDArray[np.int32]:
        welded = self.company.welded[self._run(self.company.face_start)]
        return welded - np.int32(self.company.vertex_start[self.number])

    @property
    def _survey(self) -> triangle.Survey:
        faces, whole = self._run(self.company.face_start), self.company._survey
        return triangle.Survey(whole.cross[faces], whole.degenerate[faces], whole.slender[faces])

    @property
    def duplicate(self) -> NDArray[np.bool_]:
        return self.company.duplicate[self._run(self.company.face_start)]

    @property
    def live(self) -> NDArray[np.int32]:
        live = self.company.live[self._run(self.company.live_start)]
        return live - np.int32(self.company.face_start[self.number])

    @property
    def solid(self) -> NDArray[np.int32]:
        solid = self.company.solid[self._run(self.company.live_start)]
        return solid - np.int32(self.company.vertex_start[self.number])

    @property
    def edges(self) -> Edges:
        whole = self.company.edges
        edges, live = self._run(self.company.edge_start), self._run(self.company.live_start)
        first = np.int32(3 * live.start)
        half = whole.half[3 * live.start : 3 * live.stop] - first
        return Edges(self.solid, half, whole.start[edges] - first, whole.count[edges])

    @property
    def shells(self) -> Shells:
        whole, own = self.company.shells, self._run(self.company.shell_start)
        label = whole.label[self._run(self.company.live_start)] - np.int32(own.start)
        made = Shells(self.vertices, self.edges, label, own.stop - own.start, self.cross)
        # known already: `once` looks there first
        made.__dict__.update(
            faces=whole.faces[own], area=whole.area[own], closed=whole.closed[own], volume=self.company.volume[own]
        )
        return made

    @property
    def loops(self) -> Loops:
        whole = self.company.loops
        half, own = self._run(self.company.open_start), self._run(self.company.loop_start)
        first = np.int32(3 * self.company.live_start[self.number])
        label = whole.label[half] - np.int32(own.start)
        return Loops(whole.half[half] - first, label, own.stop - own.start, whole.length[own])

    @property
    def edge_lengths(self) -> NDArray[np.float64]:
        return self.company.edge_lengths[self._run(self.company.edge_start)]

    @property
    def area(self) -> NDArray[np.float64]:
        return self.company.area[self._run(self.company.live_start)]

    @property
    def split_vertices(self) -> NDArray[np.int32]:
        split = self.company.split_vertices[self._run(self.company.split_start)]
        return split - np.int32(self.company.vertex_start[self.number])

    @property
    def turned(self) -> NDArray[np.bool_]:
        return self.company.turned[self._run(self.company.live_start)]


def _starts(sizes: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _owners(starts: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
