# SPDX-License-Identifier: Apache-2.0
"""Directions around an object and points on a surface, evenly and the same every time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sphere(count: int) -> NDArray[np.float64]:
    """(count, 3) unit vectors, evenly spread (Fibonacci lattice)."""
    i = np.arange(count) + 0.5
    y = 1 - 2 * i / count
    r = np.sqrt(1 - y * y)
    turn = np.pi * (1 + 5**0.5) * i
    return np.stack([r * np.cos(turn), y, r * np.sin(turn)], axis=1)


def compass() -> NDArray[np.float64]:
    """(26, 3) unit vectors to the faces, edges and corners of a cube."""
    steps = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[np.any(steps != 0, axis=1)]
    result: NDArray[np.float64] = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    return result


def frame(direction: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two unit vectors at right angles to a direction: to the right and upward (Y up) of who looks along it."""
    up = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.99 else np.array([0.0, 0.0, -1.0])
    right = np.cross(direction, up)
    right /= np.linalg.norm(right)
    return right, np.cross(right, direction)


def scatter(
    points: NDArray, faces: NDArray, area: NDArray, count: int, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points spread over a surface by area: stratified, so that small bodies get their share.

    Returns
    -------
    places : (count, 3) float64
    face : (count,) int64
        The triangle each lies on.
    """
    random = np.random.default_rng(seed)
    total = np.cumsum(area)
    if len(total) == 0 or not total[-1] > 0:
        return np.zeros((0, 3)), np.zeros(0, np.int64)
    at = (np.arange(count) + random.random(count)) * (total[-1] / count)
    face = np.minimum(np.searchsorted(total, at, side="right"), len(faces) - 1)
    u, v = random.random((2, count))
    fold = u + v > 1
    u, v = np.where(fold, 1 - u, u), np.where(fold, 1 - v, v)
    a, b, c = (points[faces[face, i]].astype(np.float64) for i in range(3))
    return a + u[:, None] * (b - a) + v[:, None] * (c - a), face
