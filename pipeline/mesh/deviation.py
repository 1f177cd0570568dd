# SPDX-License-Identifier: Apache-2.0
"""How far two surfaces are apart, by samples in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.nearest import Surface, samples

__all__ = ["Deviation", "deviation"]


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
    points: NDArray, faces: NDArray, other_points: NDArray, other_faces: NDArray, count: int = 20_000
) -> Deviation:
    """Measure from up to `count` places of each surface to the other; small ones need fewer.

    Parameters
    ----------
    points, other_points : (n, 3) float
    faces, other_faces : (m, 3) int
        Triangles. A surface without any is infinitely far.
    """
    if len(faces) == 0 or len(other_faces) == 0:
        both = len(faces) == len(other_faces)
        return Deviation(0.0, 0.0) if both else Deviation(float("inf"), float("inf"))
    count = min(count, 2000 + 4 * (len(faces) + len(other_faces)))
    there = _one_way(points, faces, other_points, other_faces, count)
    back = _one_way(other_points, other_faces, points, faces, count)
    return Deviation(float((there.mean() + back.mean()) / 2), float(max(there.max(), back.max())))


def _one_way(points: NDArray, faces: NDArray, goal: NDArray, goal_faces: NDArray, count: int) -> NDArray:
    places, _, _ = samples(points, faces, count, seed=3)
    # corners stick out furthest: half of the samples as many vertices
    used = np.unique(faces)
    chosen = used[np.random.default_rng(4).permutation(len(used))[: count // 2]]
    places = np.concatenate([places, np.asarray(points, np.float64)[chosen]])
    return Surface(goal, goal_faces, spread=min(200_000, 100_000 + 16 * len(goal_faces))).nearest(places).distance
