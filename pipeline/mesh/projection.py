# SPDX-License-Identifier: Apache-2.0
"""What of one surface lies over places of another: rays from a cage inward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.nearest import Surface
from pipeline.mesh.rays import Rays
from pipeline.mesh.weld import weld

__all__ = ["Hits", "Target", "averaged", "project"]

#: surfaces that one ray may pass from behind before it is given up
_LAYERS = 64


@dataclass(frozen=True, eq=False)
class Hits:
    """What lies over each place.

    Attributes
    ----------
    face : (k,) int
    weights : (k, 3) float32
        Barycentric coordinates in it.
    turned : (k,) bool
        Only a face that looks away was met.
    missed : (k,) bool
        No ray met anything within the cage: the nearest place of the surface stands in.
    """

    face: NDArray
    weights: NDArray[np.float32]
    turned: NDArray[np.bool_]
    missed: NDArray[np.bool_]


class Target:
    """A surface that rays are sent to, ready for many batches."""

    def __init__(self, points: NDArray, faces: NDArray) -> None:
        self.points = np.asarray(points)
        self.faces = np.asarray(faces)
        self.rays = Rays(self.points, self.faces)
        self._nearest: Surface | None = None
        # what a float32 coordinate of this size can tell apart, with room
        self.step = 8 * float(np.finfo(np.float32).eps) * float(np.abs(self.points).max(initial=0))

    @property
    def nearest(self) -> Surface:
        """For what rays do not find; built when first asked for."""
        if self._nearest is None:
            self._nearest = Surface(self.points, self.faces)
        return self._nearest


def project(target: Target, places: NDArray, reach: NDArray, inward: float, outward: NDArray | None = None) -> Hits:
    """The first face that looks outward, on each ray from the cage inward.

    Where no such face is met, the one nearest to the place that looks away; where none at all, the nearest place.

    Parameters
    ----------
    target
    places : (k, 3) float32
        Of the low surface.
    reach : (k, 3) float32
        From each place to the cage.
    inward
        How far rays go on beneath the low surface.
    outward : (k,) float, optional
        How far from the place a ray may start, where that is nearer than the cage.
    """
    length = np.sqrt(np.einsum("ij,ij->i", reach, reach))
    along = reach / np.where(length > 0, length, 1)[:, None]
    begin = length if outward is None else np.minimum(length, outward)
    face = np.full(len(places), -1, np.int32)
    weights = np.zeros((len(places), 3), np.float32)
    turned = np.zeros(len(places), bool)
    best = np.full(len(places), np.inf, np.float32)
    todo = np.arange(len(places))
    done = np.zeros(len(places), np.float32)  # how far along each ray everything has been seen
    for _ in range(_LAYERS):
        start = begin[todo] - done[todo]
        found, distance, u, v, away = target.rays.meet(
            places[todo] + start[:, None] * along[todo], -along[todo], start + np.float32(inward)
        )
        met = found >= 0
        good = met & ~away
        back = met & away
        nearness = np.abs(start - distance)
        back &= nearness < best[todo]
        for chosen in (good, back):
            mine = todo[chosen]
            face[mine] = found[chosen]
            weights[mine] = np.stack([1 - u[chosen] - v[chosen], u[chosen], v[chosen]], axis=1)
        turned[todo[back]] = True
        turned[todo[good]] = False
        best[todo[back]] = nearness[back]
        on = met & away
        done[todo[on]] += distance[on] + target.step
        todo = todo[on]
        if not len(todo):
            break
    missed = face < 0
    lost = np.flatnonzero(missed)
    if len(lost):
        near = target.nearest.nearest(places[lost])
        face[lost], weights[lost] = near.face, near.weights
    return Hits(face, weights, turned, missed)


def averaged(points: NDArray, faces: NDArray, normals: NDArray) -> NDArray[np.float64]:
    """(t, 3, 3) one direction for each position: the mean of the face normals there, weighted by their angle.

    A cage along these has no gaps at hard edges. Where faces back to back cancel out, or the mean turns away from a
    corner's own normal, that normal stays.

    Parameters
    ----------
    points : (n, 3) float, faces : (t, 3) int
    normals : (t, 3, 3) float
        Shading normals at corners.
    """
    vertex = weld(np.ascontiguousarray(points)).index[faces]
    corner = np.asarray(points, np.float64)[faces]
    flat = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    u, v = np.roll(corner, -1, axis=1) - corner, np.roll(corner, 1, axis=1) - corner
    angle = np.arctan2(np.linalg.norm(np.cross(u, v), axis=2), np.einsum("tck,tck->tc", u, v)).reshape(-1)
    spread = np.repeat(flat, 3, axis=0) * angle[:, None]
    total = np.stack([np.bincount(vertex.reshape(-1), spread[:, k]) for k in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    unit = (total / np.where(length > 1e-9, length, 1))[vertex]
    against = np.einsum("tck,tck->tc", unit, np.asarray(normals, np.float64)) < 0.1
    return np.where(against[:, :, None], normals, unit)
