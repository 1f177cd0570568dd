# SPDX-License-Identifier: Apache-2.0
"""Polygons with values at their corners to vertices, as graphics cards want them: one index for everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.usd.scene.model import Floats, Ints, Mesh, Primvar
from pipeline.usd.scene.triangulate import triangle_points

__all__ = ["Vertices", "weld"]

#: a vertex with more different corners than this keeps the rest apart
_ROUNDS = 64


@dataclass(frozen=True, eq=False)
class Vertices:
    """Vertices of a mesh.

    Attributes
    ----------
    points
        `(v,) int32` the point of each vertex; None where vertex i is point i.
    corners
        `(v,) int32` a corner that each vertex stands for; None where no corner matters.
    triangles
        `(t, 3) int32` vertices.
    count
        v.
    """

    points: Ints | None
    corners: Ints | None
    triangles: Ints
    count: int

    def of_points(self, values: Floats) -> Floats:
        """Values of points `(n, k)` as values of vertices `(v, k)`."""
        return values if self.points is None else values[self.points]

    def of(self, primvar: Primvar, mesh: Mesh) -> Floats:
        """The value of a primvar at each vertex, `(v, k) float32`."""
        values = primvar.values
        if primvar.interpolation == "constant":
            return np.broadcast_to(values[:1], (self.count, values.shape[1]))
        if primvar.interpolation == "vertex":
            if primvar.indices is not None:
                own = primvar.indices if self.points is None else primvar.indices[self.points]
                return values[own]
            return self.of_points(values)
        if self.corners is None:
            raise ValueError(f"primvar {primvar.name} varies at corners that were not kept apart")
        if primvar.interpolation == "faceVarying":
            return values[self.corners if primvar.indices is None else primvar.indices[self.corners]]
        return values[primvar.at_corners(mesh)[self.corners]]


def weld(mesh: Mesh, primvars: Sequence[Primvar]) -> Vertices:
    """Vertices for which every primvar has one value.

    Corners of a point whose values are equal share a vertex. Each round compares all corners that are left with
    one chosen corner of their point, so nothing is sorted: the rounds are as many as the different corners of the
    busiest point.
    """
    apart = [p for p in primvars if p.interpolation in {"faceVarying", "uniform"}]
    if not apart:
        indices = triangle_points(mesh.points, mesh.face_counts, mesh.face_vertices)
        used = np.bincount(mesh.face_vertices, minlength=len(mesh.points)) > 0
        if used.all():
            return Vertices(None, None, indices, len(mesh.points))
        kept = np.flatnonzero(used).astype(np.int32)
        number = np.cumsum(used, dtype=np.int32) - 1
        return Vertices(kept, None, number[indices], len(kept))
    chosen = _representatives(mesh, [(p.values, p.at_corners(mesh)) for p in apart])
    kept_mask = np.zeros(len(chosen), bool)
    kept_mask[chosen] = True
    kept = np.flatnonzero(kept_mask).astype(np.int32)
    number = np.cumsum(kept_mask, dtype=np.int32) - 1
    return Vertices(mesh.face_vertices[kept], kept, number[chosen[mesh.triangles]], len(kept))


def _representatives(mesh: Mesh, columns: list[tuple[Floats, Ints]]) -> Ints:
    """For each corner the corner whose vertex it shares, `(corners,) int32`."""
    points = mesh.face_vertices
    chosen = np.empty(len(points), np.int32)
    first = np.empty(len(mesh.points), np.int32)
    left = np.arange(len(points), dtype=np.int32)
    for _ in range(_ROUNDS):
        own = points[left]
        first[own[::-1]] = left[::-1]
        candidate = first[own]
        same = np.ones(len(left), bool)
        for values, indices in columns:
            a, b = indices[left], indices[candidate]
            unequal = np.flatnonzero(same & (a != b))
            if len(unequal):
                x, y = values[a[unequal]], values[b[unequal]]
                same[unequal] = (x == y).all(axis=1)
        chosen[left[same]] = candidate[same]
        if same.all():
            return chosen
        left = left[~same]
    chosen[left] = left
    return chosen
