# SPDX-License-Identifier: Apache-2.0
"""Skin weights as rows of joints and weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["blended", "limited"]


def limited(
    joints: NDArray, weights: NDArray, most: int, root: int = 0
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Merge repeated joints, keep the `most` strongest, make rows sum to one.

    Parameters
    ----------
    joints : (n, k) int, weights : (n, k) float
        Negative and non-finite weights count as none.
    most
        Influences a point may keep.
    root
        The joint of points that nothing moves.

    Returns
    -------
    joints : (n, min(k, most)) int32, weights : (n, min(k, most)) float32
        Strongest first.
    """
    value = np.where(np.isfinite(weights) & (weights > 0), weights, 0).astype(np.float64)
    index = np.array(joints, np.int64)
    # the same joint twice in a row: the later adds to the first
    order = np.argsort(index, axis=1, kind="stable")
    index = np.take_along_axis(index, order, 1)
    value = np.take_along_axis(value, order, 1)
    for column in range(index.shape[1] - 1, 0, -1):
        same = index[:, column] == index[:, column - 1]
        value[same, column - 1] += value[same, column]
        value[same, column] = 0
    order = np.argsort(-value, axis=1, kind="stable")[:, :most]
    index = np.take_along_axis(index, order, 1)
    value = np.take_along_axis(value, order, 1)
    total = value.sum(axis=1)
    lost = total <= 0
    index[lost, 0], value[lost, 0], total[lost] = root, 1.0, 1.0
    value = value / total[:, None]
    index[value == 0] = 0
    return index.astype(np.int32), value.astype(np.float32)


def blended(joints: NDArray, weights: NDArray, mixture: NDArray) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Mix the influences of several points into one, as many as each has; their sum is mixed as well.

    Parameters
    ----------
    joints : (n, p, k) int, weights : (n, p, k) float
        Of `p` points for each result.
    mixture : (n, p) float
        Sums to one.

    Returns
    -------
    joints : (n, k) int32, weights : (n, k) float32
    """
    count, _, most = joints.shape
    value = weights * mixture[:, :, None]
    index, share = limited(joints.reshape(count, -1), value.reshape(count, -1), most)
    return index, np.asarray(share * value.sum(axis=(1, 2))[:, None], np.float32)
