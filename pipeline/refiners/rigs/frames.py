# SPDX-License-Identifier: Apache-2.0
"""Transforms of joints as arrays: against the parent, in skeleton space, and turned frames. Row vectors throughout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Doubles", "local", "skew", "upright", "world"]

Doubles = NDArray[np.float64]


def local(placed: Doubles, parents: NDArray[np.integer]) -> Doubles:
    """(j, 4, 4) transforms in skeleton space to those against the parent joint."""
    below = parents >= 0
    result = placed.copy()
    result[below] = placed[below] @ np.linalg.inv(placed[parents[below]])
    return result


def world(against: Doubles, parents: NDArray[np.integer]) -> Doubles:
    """(j, 4, 4) transforms against the parent to skeleton space; parents come first."""
    result = against.copy()
    for joint, parent in enumerate(parents.tolist()):
        if parent >= 0:
            result[joint] = against[joint] @ result[parent]
    return result


def upright(placed: Doubles) -> Doubles:
    """The nearest transforms without scale, shear and mirror, at the same places."""
    u, _, v = np.linalg.svd(placed[:, :3, :3])
    turn = u @ v
    turn[np.linalg.det(turn) < 0] *= -1  # a mirrored frame becomes its opposite
    result = placed.copy()
    result[:, :3, :3] = turn
    result[:, :, 3] = [0, 0, 0, 1]
    return result


def skew(frames: Doubles) -> Doubles:
    """(j,) how far each (j, 4, 4) is from a rotation times one scale: largest difference of its axes, as a share."""
    linear = frames[:, :3, :3]
    size = np.cbrt(np.abs(np.linalg.det(linear)))[:, None, None]
    unit = linear / np.where(size > 0, size, 1)
    return np.asarray(np.abs(unit @ np.swapaxes(unit, 1, 2) - np.eye(3)).max(axis=(1, 2)))
