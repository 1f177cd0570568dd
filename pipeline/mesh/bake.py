# SPDX-License-Identifier: Apache-2.0
"""From a surface to texels: where each texel lies, what of another surface lies there, and the padding around.

Grids are `(side, side, …)` with row 0 at v = 0; pictures have their first row at the top, so flip before writing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.nearest import Surface, closest_weights
from pipeline.mesh.rays import Rays
from pipeline.mesh.uvraster import covered

__all__ = ["Hits", "Texels", "dilated", "gathered", "occlusion", "project", "texels"]


@dataclass(frozen=True, eq=False)
class Texels:
    """Texels that a layout covers.

    Attributes
    ----------
    side
        Texels along the unit square.
    index : (k,) int64
        `row * side + column`.
    triangle : (k,) int
        Which triangle covers the texel's middle.
    weights : (k, 3) float64
        Barycentric coordinates of the middle in it.
    shared
        Texels of the unit square that more than one triangle covers.
    """

    side: int
    index: NDArray[np.int64]
    triangle: NDArray
    weights: NDArray[np.float64]
    shared: int

    def grid(self, values: NDArray, empty: float = 0.0) -> NDArray[np.float32]:
        """(side, side, c) values laid out; `empty` where no texel is."""
        flat = np.full((self.side * self.side, *values.shape[1:]), empty, np.float32)
        flat[self.index] = values
        return flat.reshape(self.side, self.side, *values.shape[1:])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(side, side) where texels are."""
        flat = np.zeros(self.side * self.side, bool)
        flat[self.index] = True
        return flat.reshape(self.side, self.side)


def texels(uv: NDArray, corners: NDArray, side: int) -> Texels:
    """The texels of the unit square that triangles cover; UVs outside repeat into it.

    Parameters
    ----------
    uv : (k, 2) float, corners : (t, 3) int
    """
    columns, rows, owners = [], [], []
    for column, row, triangle in covered(uv, corners, side):
        columns.append(column)
        rows.append(row)
        owners.append(triangle)
    if not owners:
        return Texels(side, np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros((0, 3)), 0)
    x, y, owner = np.concatenate(columns), np.concatenate(rows), np.concatenate(owners)
    place = np.stack([x + 0.5, y + 0.5, np.zeros(len(x))], axis=1)
    flat = np.zeros((len(uv), 3))
    flat[:, :2] = np.asarray(uv, np.float64) * side
    weights = closest_weights(place, *(flat[corners[owner, i]] for i in range(3)))
    index = (y % side) * side + x % side
    first, at, times = np.unique(index, return_index=True, return_counts=True)
    return Texels(side, first, owner[at], weights[at], int((times > 1).sum()))


def gathered(values: NDArray, found: Texels) -> NDArray[np.float64]:
    """(k, c) corner values (t, 3, c) at the texels."""
    result: NDArray[np.float64] = np.einsum("ki,kic->kc", found.weights, values[found.triangle])
    return result


@dataclass(frozen=True, eq=False)
class Hits:
    """What lies over each texel.

    Attributes
    ----------
    face : (k,) int
    weights : (k, 3) float64
    distance : (k,) float64
        Along the normal, signed: positive outside.
    missed
        Texels that no ray served within the cage; they take the nearest place.
    """

    face: NDArray
    weights: NDArray[np.float64]
    distance: NDArray[np.float64]
    missed: int


def project(places: NDArray, outward: NDArray, points: NDArray, faces: NDArray, normals: NDArray, cage: float) -> Hits:
    """Find what of a surface lies along each normal, outward and inward, within the cage.

    The nearer of both ways counts when it faces the same side; a face that looks away counts only where nothing
    else was met, so the far side of a thin wall does not bleed through.

    Parameters
    ----------
    places, outward : (k, 3) float
        Points of the low surface and its smooth unit normals.
    points : (n, 3) float, faces : (m, 3) int
        The high surface.
    normals : (m, 3) float
        Its face normals.
    cage
        How far to look, in the unit of `points`.
    """
    rays = Rays(points, faces)
    lift = 1e-4 * cage
    best = np.full(len(places), np.inf)
    face = np.full(len(places), -1)
    signed = np.zeros(len(places))
    for way in (1.0, -1.0):
        found, distance = rays.first(places - way * lift * outward, way * outward, cage + lift)
        met = found >= 0
        facing = np.einsum("ij,ij->i", normals[found], outward) > 0
        cost = np.where(met, np.abs(distance - lift) + np.where(facing, 0, 4 * cage), np.inf)
        better = cost < best
        best = np.where(better, cost, best)
        face = np.where(better, found, face)
        signed = np.where(better, way * (distance - lift), signed)
    lost = np.flatnonzero((face < 0) | (best > 3 * cage))
    missed = 0
    weights = np.zeros((len(places), 3))
    ok = np.flatnonzero((face >= 0) & (best <= 3 * cage))
    at = places[ok] + signed[ok, None] * outward[ok]
    corner = np.asarray(points, np.float64)[faces[face[ok]]]
    weights[ok] = closest_weights(at, corner[:, 0], corner[:, 1], corner[:, 2])
    if len(lost):
        near = Surface(points, faces).nearest(places[lost])
        face[lost], weights[lost], signed[lost] = near.face, near.weights, near.distance
        missed = len(lost)
    return Hits(face, weights, signed, missed)


def occlusion(rays: Rays, places: NDArray, outward: NDArray, count: int, reach: float) -> NDArray[np.float64]:
    """(k,) share of the hemisphere that is open, weighted by the cosine: 1 is free.

    Each place turns the same cosine-weighted set of directions by an angle of its own, so noise is even.

    Parameters
    ----------
    count
        Rays at each place.
    reach
        How far something may be away to count.
    """
    step = np.arange(count) + 0.5
    radius = np.sqrt(step / count)
    angle = np.pi * (1 + 5**0.5) * step
    height = np.sqrt(1 - radius**2)
    # a frame around each normal (Duff et al., Building an orthonormal basis, revisited, 2017)
    sign = np.where(outward[:, 2] >= 0, 1.0, -1.0)
    a = -1.0 / (sign + outward[:, 2])
    b = outward[:, 0] * outward[:, 1] * a
    one = np.stack([1 + sign * outward[:, 0] ** 2 * a, sign * b, -sign * outward[:, 0]], axis=1)
    two = np.stack([b, sign + outward[:, 1] ** 2 * a, -outward[:, 1]], axis=1)
    turn = np.random.default_rng(9).random(len(places)) * 2 * np.pi
    free = np.zeros(len(places))
    origin = places + outward * (1e-4 * reach)
    for r, t, h in zip(radius, angle, height, strict=True):
        x, y = r * np.cos(t + turn), r * np.sin(t + turn)
        direction = one * x[:, None] + two * y[:, None] + outward * h
        free += ~rays.blocked(origin, direction, reach)
    return free / count


def dilated(grid: NDArray, mask: NDArray, padding: int = 0) -> NDArray:
    """Fill texels outside the mask with the nearest inside, so that filtering finds no edge.

    Parameters
    ----------
    grid : (h, w, …)
    padding
        How far, texels; 0 fills everything.
    """
    from scipy.ndimage import distance_transform_edt

    if mask.all() or not mask.any():
        return grid
    distance, (row, column) = distance_transform_edt(~mask, return_indices=True)
    result = grid[row, column]
    if padding:
        far = distance > padding
        result[far] = grid[far]
    return np.asarray(result)
