# SPDX-License-Identifier: Apache-2.0
"""Small geometries are triangulated, welded and searched together; see `pipeline.mesh.company`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.company import Company, Member
from pipeline.mesh.once import once

if TYPE_CHECKING:
    from pipeline.checks.subject import Shape

#: corners up to which a mesh is small, how many of those make a company, and the corners of one company
SMALL, FEW, MOST = 1 << 13, 8, 1 << 20


def keep_company(shapes: Sequence[Shape]) -> None:
    """Give the small ones among some geometries their company."""
    small = [s for s in shapes if len(s.mesh.face_vertices) <= SMALL and len(s.mesh.points) <= SMALL]
    if len(small) < FEW:
        return
    size = np.cumsum([len(s.mesh.face_vertices) + len(s.mesh.points) for s in small])
    for run in np.split(np.arange(len(small)), np.flatnonzero(np.diff(size // MOST)) + 1):
        Companions([small[i] for i in run.tolist()])


class Companions:
    """Small geometries whose derived arrays are computed together when the first is asked for.

    Parameters
    ----------
    shapes
        Each learns that it is one of them.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.shapes = shapes
        for number, shape in enumerate(shapes):
            shape.company = self
            shape.number = number

    @once
    def points(self) -> list[NDArray[np.float32]]:
        """Their positions; those that are no numbers lie where another point does."""
        points = [np.ascontiguousarray(s.mesh.points, np.float32) for s in self.shapes]
        sound = np.isfinite(np.concatenate(points)).all()
        return points if sound else [s.sound_points() for s in self.shapes]

    @once
    def usable(self) -> list[bool]:
        """Whether their coordinates are numbers that areas can be computed of."""
        return [s.measurable() for s in self.shapes] if self._far else [True] * len(self.shapes)

    @once
    def _far(self) -> bool:
        from pipeline.checks.subject import HUGE

        return bool(np.abs(np.concatenate(self.points)).max(initial=0.0) >= HUGE)

    @once
    def triangles(self) -> list[NDArray[np.int32]]:
        """The triangles of each, indices into its points."""
        from pipeline.usd.scene.triangulate import triangulate

        meshes = [s.mesh for s in self.shapes]
        counts = np.concatenate([m.face_counts for m in meshes])
        corners = np.concatenate([m.face_vertices for m in meshes])
        first_point = np.cumsum([0, *(len(m.points) for m in meshes)])
        first_corner = np.cumsum([0, *(len(m.face_vertices) for m in meshes)])
        ends = np.cumsum([len(m.face_vertices) - 2 * len(m.face_counts) for m in meshes])
        shift = np.repeat(first_point[:-1], np.diff(first_corner)).astype(corners.dtype)
        flat = triangulate(np.concatenate(self.points), counts, corners + shift)
        vertices = corners[flat].astype(np.int32, copy=False)
        result, start = [], 0
        for mesh, stop, base in zip(meshes, ends.tolist(), first_corner[:-1].tolist(), strict=True):
            mesh.__dict__["triangles"] = flat[start:stop] - np.int32(base)
            result.append(vertices[start:stop])
            start = stop
        return result

    @once
    def company(self) -> Company:
        """Their topology as one."""
        usable = self.usable
        points = self.points
        if not all(usable):  # nobody looks at those; their squares must not overflow
            points = [p if fine else np.zeros_like(p) for p, fine in zip(points, usable, strict=True)]
        return Company(points, self.triangles)

    @once
    def topologies(self) -> list[Member]:
        """The topology of each."""
        return self.company.members()

    @once
    def boxes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(k, 3) lowest and highest corner of each in its own space; infinite the wrong way round without points."""
        points = np.concatenate(self.points)
        many = np.array([len(p) for p in self.points])
        low = np.full((len(many), 3), np.inf, np.float32)
        some = np.flatnonzero(many)
        start = (np.cumsum(many) - many)[some]
        high = -low
        if len(some):
            low[some], high[some] = np.minimum.reduceat(points, start), np.maximum.reduceat(points, start)
        return low, high
