# SPDX-License-Identifier: Apache-2.0
"""UV islands: faces that hang together in the layout, and what the layout does to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.edges import Edges, following
from pipeline.mesh.once import once
from pipeline.mesh.shells import components
from pipeline.mesh.weld import alike

_BATCH = 1 << 15


@dataclass(frozen=True)
class Islands:
    """A UV layout over the welded triangles of a mesh.

    Attributes
    ----------
    points : (n, 3) float
        Positions of the vertices, metres.
    edges
        The mesh's edges.
    uv : (k, 2) float
    corners : (m, 3) int32
        Index into `uv` of each triangle's corners.
    label : (m,) int32
        The island of each triangle.
    count
        How many islands there are.
    """

    points: NDArray
    edges: Edges
    uv: NDArray
    corners: NDArray[np.int32]
    label: NDArray[np.int32]
    count: int

    @once
    def signed(self) -> NDArray[np.float64]:
        """(m,) area of each triangle in the layout, negative where mirrored."""
        result = np.empty(len(self.corners))
        for part in _parts(len(result)):
            a, b, c = (self.uv.take(self.corners[part, i], axis=0).astype(np.float64) for i in range(3))
            u, v = b - a, c - a
            result[part] = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
        return result

    @once
    def island_signed(self) -> NDArray[np.float64]:
        """(count,) area of each island in the layout, negative where mirrored."""
        return np.bincount(self.label, self.signed, minlength=self.count).astype(np.float64)

    @once
    def stretch(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(m,) largest and (m,) smallest singular value of the map from the layout to the surface.

        Metres a UV unit; the largest is infinite where the layout has no area. From the first fundamental form of
        each triangle's linear map (Sander et al., Texture mapping progressive meshes, 2001).
        """
        large = np.empty(len(self.corners), np.float32)
        small = np.empty(len(self.corners), np.float32)
        for part in _parts(len(large)):
            large[part], small[part] = self._stretch(part)
        return large, small

    def _stretch(self, part: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        p, q, r = (self.points.take(self.edges.faces[part, i], axis=0).astype(np.float64) for i in range(3))
        s, t, o = (self.uv.take(self.corners[part, i], axis=0).astype(np.float64) for i in range(3))
        double = 2 * self.signed[part]
        sound = np.abs(double) > 1e-18
        inverse = 1 / np.where(sound, double, 1)
        by_u = (p * (t - o)[:, 1:] + q * (o - s)[:, 1:] + r * (s - t)[:, 1:]) * inverse[:, None]
        by_v = (p * (o - t)[:, :1] + q * (s - o)[:, :1] + r * (t - s)[:, :1]) * inverse[:, None]
        a = np.einsum("ij,ij->i", by_u, by_u)
        b = np.einsum("ij,ij->i", by_u, by_v)
        c = np.einsum("ij,ij->i", by_v, by_v)
        root = np.sqrt((a - c) ** 2 + 4 * b * b)
        large = np.sqrt((a + c + root) / 2)
        small = np.sqrt(np.maximum(a + c - root, 0) / 2)
        return np.where(sound, large, np.inf), np.where(sound, small, 0)


def _parts(count: int) -> list[slice]:
    """Runs of triangles that are worked on at once: bounds the memory."""
    return [slice(start, start + _BATCH) for start in range(0, count, _BATCH)]


def islands(points: NDArray, edges: Edges, uv: NDArray, corners: NDArray) -> Islands:
    """Cut a layout into islands: two faces are one island where they share an edge in space and in the layout.

    Parameters
    ----------
    points : (n, 3) float
    edges
        Edges of the welded triangles.
    uv : (k, 2) float
    corners : (m, 3) int
        Index into `uv` of each corner of `edges.faces`.
    """
    flat = _one_for_each_place(uv).take(np.ascontiguousarray(corners).reshape(-1))
    a, b = np.ascontiguousarray(edges.paired.T)
    start_a, end_a = flat.take(a), flat.take(following(a))
    start_b, end_b = flat.take(b), flat.take(following(b))
    joined = (start_a == end_b) & (end_a == start_b)
    if edges.conflicting.any():
        joined = np.where(edges.conflicting, (start_a == start_b) & (end_a == end_b), joined)
    label, count = components(edges.paired[joined] // 3, len(corners))
    return Islands(points, edges, uv, np.ascontiguousarray(corners, np.int32), label, count)


def _one_for_each_place(uv: NDArray) -> NDArray[np.int32]:
    """(k,) a number for each UV value, the same for equal ones (to a ten-thousandth of a texel at 8k)."""
    steps = np.round(np.nan_to_num(np.asarray(uv, np.float64)) * (1 << 26)).clip(-(2**40), 2**40)
    return alike(np.ascontiguousarray(steps.astype(np.int64)).view(np.uint64)).index
