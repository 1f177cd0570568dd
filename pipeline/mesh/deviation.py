# SPDX-License-Identifier: Apache-2.0
"""How far two surfaces are apart, by samples in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.nearest import Surface, samples

__all__ = ["Deviation", "deviation"]

#: places that are looked at again at once, and among how many triangles
_AGAIN, _MANY = 256, 64


@dataclass(frozen=True)
class Deviation:
    """Distances between two surfaces, in their unit.

    Attributes
    ----------
    mean
        Mean of both directions.
    maximum
        The largest distance met: a sampled Hausdorff distance, a lower bound of the true one.
    """

    mean: float
    maximum: float


def deviation(
    points: NDArray, faces: NDArray, other_points: NDArray, other_faces: NDArray, count: int = 20_000, seed: int = 3
) -> Deviation:
    """Measure from up to `count` places of each surface to the other; small ones need fewer.

    Parameters
    ----------
    points, other_points : (n, 3) float
    faces, other_faces : (m, 3) int
        Triangles. A surface without any is infinitely far.
    count
        Places on each.
    seed
        Of the sampling.
    """
    if len(faces) == 0 or len(other_faces) == 0:
        both = len(faces) == len(other_faces)
        return Deviation(0.0, 0.0) if both else Deviation(float("inf"), float("inf"))
    count = min(count, 2000 + 4 * (len(faces) + len(other_faces)))
    there = _one_way(points, faces, other_points, other_faces, count, seed)
    back = _one_way(other_points, other_faces, points, faces, count, seed)
    return Deviation(float((there.mean() + back.mean()) / 2), float(max(there.max(), back.max())))


def _one_way(points: NDArray, faces: NDArray, goal: NDArray, goal_faces: NDArray, count: int, seed: int) -> NDArray:
    places, _, _ = samples(points, faces, count, seed=seed)
    # corners stick out furthest: half of the samples as many vertices
    used = np.unique(faces)
    chosen = used[np.random.default_rng(seed + 1).permutation(len(used))[: count // 2]]
    places = np.concatenate([places, np.asarray(points, np.float64)[chosen]])
    surface = Surface(goal, goal_faces, spread=min(200_000, 100_000 + 16 * len(goal_faces)))
    return _settled(surface, places, surface.nearest(places).distance)


def _settled(surface: Surface, places: NDArray, distance: NDArray) -> NDArray:
    """Distances whose largest is right: a nearest place that was missed makes one too long, never too short.

    The longest are looked at again among many more triangles, until the longest of those is longer than all others.
    """
    distance = distance.copy()
    doubtful = np.ones(len(places), bool)
    sure = 0.0
    while True:
        left = np.flatnonzero(doubtful & (distance > sure))
        if len(left) == 0:
            return distance
        worst = left[np.argsort(-distance[left], kind="stable")[:_AGAIN]]
        again = surface.nearest(places[worst], candidates=_MANY).distance
        distance[worst] = np.minimum(distance[worst], again)
        doubtful[worst] = False
        sure = max(sure, float(distance[worst].max()))
