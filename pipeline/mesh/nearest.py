# SPDX-License-Identifier: Apache-2.0
"""The nearest place on a surface, for many points at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import areas

#: triangles looked at for each point
CANDIDATES = 8


@dataclass(frozen=True)
class Nearest:
    """Places on a surface.

    Attributes
    ----------
    face : (k,) int
        The triangle.
    weights : (k, 3) float64
        Barycentric coordinates of the place in it.
    distance : (k,) float64
        From the point to the place.
    """

    face: NDArray
    weights: NDArray[np.float64]
    distance: NDArray[np.float64]


class Surface:
    """A surface that is asked for nearest places.

    The triangles near a point are found by a tree over samples of the surface, the distance to each is exact.
    A triangle can only be missed where others are within the samples' spacing, so distances err upward by
    less than that spacing squared over the distance.

    Parameters
    ----------
    points : (n, 3) float
    faces : (m, 3) int
        Triangles; at least one.
    spread
        Samples of the surface in the tree, on top of one a triangle.
    label : (m,) int, optional
        The island of each triangle, where places are asked for on one of them.
    """

    def __init__(self, points: NDArray, faces: NDArray, spread: int = 200_000, label: NDArray | None = None) -> None:
        self.points = np.asarray(points, np.float64)
        self.faces = np.asarray(faces)
        self.label = label
        area = areas(self.points, self.faces)
        total = float(area.sum())
        middle = self.points[self.faces].mean(axis=1)
        places, owners = [middle], [np.arange(len(self.faces))]
        if total > 0 and len(self.faces) < spread:
            more, owner, _ = samples(self.points, self.faces, spread, seed=7, area=area)
            places.append(more)
            owners.append(owner)
        self._owner = np.concatenate(owners)
        # islands lie apart along a fourth axis, further than any two places of one
        self._apart = 4 * float(np.linalg.norm(np.ptp(self.points, axis=0))) + 1e-30 if len(self.points) else 1.0
        at = self._lifted(np.concatenate(places), None if label is None else label[self._owner])
        self._tree = self._tree_of(at)
        self._flat: Any = None

    def candidates(self, places: NDArray, count: int = CANDIDATES, label: NDArray | None = None) -> NDArray:
        """(k, c) triangles near each of `places`; without labels, those of all islands."""
        if len(self.faces) <= count:
            return np.tile(np.arange(len(self.faces)), (len(places), 1))
        count = min(count, len(self._owner))
        if label is None and self.label is not None:
            if self._flat is None:
                self._flat = self._tree_of(np.asarray(self._tree.data)[:, :3])
            _, found = self._flat.query(places, k=count)
        else:
            _, found = self._tree.query(self._lifted(places, label), k=count)
        return np.asarray(self._owner[np.reshape(found, (len(places), count))])

    @staticmethod
    def _tree_of(places: NDArray) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(places, balanced_tree=False, compact_nodes=False)

    def _lifted(self, places: NDArray, label: NDArray | None) -> NDArray:
        return places if label is None else np.column_stack([places, label * self._apart])

    def nearest(self, places: NDArray, candidates: int = CANDIDATES, label: NDArray | None = None) -> Nearest:
        """The nearest place on the surface of each of `places`, (k, 3).

        With labels, (k,), only triangles of that island count; where it has none near, the distance is infinite.
        """
        places = np.asarray(places, np.float64)
        found = self.candidates(places, candidates, label)
        best = Nearest(found[:, 0], np.zeros((len(places), 3)), np.full(len(places), np.inf))
        for column in range(found.shape[1]):
            face = found[:, column]
            weights = closest_weights(places, *(self.points[self.faces[face, i]] for i in range(3)))
            at = np.einsum("ki,kij->kj", weights, self.points[self.faces[face]])
            distance = np.linalg.norm(places - at, axis=1)
            nearer = distance < best.distance
            if label is not None and self.label is not None:
                nearer &= self.label[face] == label
            best = Nearest(
                np.where(nearer, face, best.face),
                np.where(nearer[:, None], weights, best.weights),
                np.where(nearer, distance, best.distance),
            )
        return best


def closest_weights(p: NDArray, a: NDArray, b: NDArray, c: NDArray) -> NDArray[np.float64]:
    """(k, 3) barycentric coordinates of the place of triangle k that is nearest to point k.

    The inside of the plane first, else the best of the three sides.
    """
    ab, ac, ap = b - a, c - a, p - a
    d00, d01, d11 = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    d20, d21 = _dot(ap, ab), _dot(ap, ac)
    area = d00 * d11 - d01 * d01
    usable = area > 1e-30 * np.maximum(d00 * d11, 1e-300)
    safe = np.where(usable, area, 1.0)
    v = (d11 * d20 - d01 * d21) / safe
    w = (d00 * d21 - d01 * d20) / safe
    u = 1.0 - v - w
    result = np.stack([u, v, w], axis=1)
    outside = ~usable | (u < 0) | (v < 0) | (w < 0)
    if outside.any():
        result[outside] = _on_sides(p[outside], a[outside], b[outside], c[outside])
    return result


def samples(
    points: NDArray, faces: NDArray, count: int, seed: int = 0, area: NDArray | None = None
) -> tuple[NDArray[np.float64], NDArray, NDArray[np.float64]]:
    """Random places spread evenly over a surface: (k, 3) places, (k,) triangles, (k, 3) barycentric."""
    random = np.random.default_rng(seed)
    area = areas(points, faces) if area is None else area
    steps = np.cumsum(area)
    face = np.searchsorted(steps, random.random(count) * steps[-1]).clip(0, len(faces) - 1)
    r = np.sqrt(random.random(count))
    s = random.random(count)
    weights = np.stack([1 - r, r * (1 - s), r * s], axis=1)
    corners = np.asarray(points, np.float64)[faces[face]]
    return np.einsum("ki,kij->kj", weights, corners), face, weights


def _on_sides(p: NDArray, a: NDArray, b: NDArray, c: NDArray) -> NDArray[np.float64]:
    best = np.zeros((len(p), 3))
    nearest = np.full(len(p), np.inf)
    for side, (start, end) in enumerate(((a, b), (b, c), (c, a))):
        along = end - start
        t = np.clip(_dot(p - start, along) / np.maximum(_dot(along, along), 1e-300), 0, 1)
        gap = p - (start + t[:, None] * along)
        distance = _dot(gap, gap)
        nearer = distance < nearest
        nearest = np.where(nearer, distance, nearest)
        weights = np.zeros((len(p), 3))
        weights[:, side] = 1 - t
        weights[:, (side + 1) % 3] = t
        best = np.where(nearer[:, None], weights, best)
    return best


def _dot(x: NDArray, y: NDArray) -> NDArray:
    return np.asarray(np.einsum("ij,ij->i", x, y))
