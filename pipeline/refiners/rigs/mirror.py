# SPDX-License-Identifier: Apache-2.0
"""Left and right alike: places and frames of joints, and the weights of points."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.weights import limited
from pipeline.refiners.rigs.frames import Doubles, upright

__all__ = ["Plane", "even_joints", "even_weights", "plane_of"]

Plane = tuple[int, float]
#: the ways in which a frame of the other side may be turned: one axis or all three the other way round
_WAYS = [np.diag(signs).astype(float) for signs in itertools.product((1, -1), repeat=3) if np.prod(signs) < 0]


def plane_of(bind: Doubles, pairs: NDArray[np.integer], tolerance: float) -> Plane:
    """Axis and height of the plane between left and right, from the pairs of joints; zero where it is near that."""
    left = np.flatnonzero(pairs > np.arange(len(pairs)))
    place = bind[:, 3, :3]
    apart = np.abs(place[left] - place[pairs[left]]).sum(axis=0) if len(left) else np.array([1.0, 0, 0])
    axis = int(apart.argmax())
    middle = np.median((place[left, axis] + place[pairs[left], axis]) / 2) if len(left) else 0.0
    return axis, 0.0 if abs(middle) < tolerance else float(middle)


def even_joints(bind: Doubles, pairs: NDArray[np.integer], plane: Plane) -> Doubles:
    """Frames in which every pair is a mirror image, in the mean of what both sides were.

    Which way a right frame is turned against the left one's mirror image is a convention of the rig's maker: the one
    that fits best is kept.
    """
    axis, height = plane
    flip = np.eye(3)
    flip[axis, axis] = -1
    frames = upright(bind)
    turn, place = frames[:, :3, :3], frames[:, 3, :3]
    image = place @ flip
    image[:, axis] += 2 * height
    result = bind.copy()
    result[:, 3, :3] = (place + image[pairs]) / 2
    other = turn[pairs] @ flip
    best = np.full(len(bind), -np.inf)
    mean = turn.copy()
    for way in _WAYS:
        reflected = way @ other
        fit = np.einsum("nij,nij->n", turn, reflected)
        better = fit > best + 1e-9
        best = np.where(better, fit, best)
        mean = np.where(better[:, None, None], turn + reflected, mean)
    frames[:, :3, :3] = mean
    # two that are opposite have no mean
    usable = np.abs(np.linalg.det(mean)) > 1e-6
    result[usable, :3, :3] = upright(frames[usable])[:, :3, :3]
    return result


def even_weights(
    points: Doubles, joints: NDArray, weights: NDArray, pairs: NDArray[np.integer], plane: Plane, tolerance: float,
    most: int,
) -> tuple[NDArray, NDArray, int]:  # fmt: skip
    """Each point's weights and those of its mirror image as their mean; at most `most` joints a point.

    Returns
    -------
    joints, weights : (n, k)
    matched : int
        Points that have a mirror image, those on the plane included.
    """
    from scipy.spatial import cKDTree

    axis, height = plane
    offset = np.asarray(points[:, axis], np.float64) - height
    image = np.array(points, np.float64)
    image[:, axis] = height - offset
    distance, twin = cKDTree(points).query(image)
    number = np.arange(len(points))
    middle = np.abs(offset) <= 0.05 * tolerance
    near = (distance <= tolerance) & ~middle & ~middle[twin]
    # points may lie on each other, at seams: only those that are each other's nearest are averaged
    mutual = near & (twin[twin] == number)
    other = np.where(mutual, twin, number)
    swap = mutual | middle
    swapped = np.where(swap[:, None], pairs[joints[other]], joints)
    index, value = limited(
        np.concatenate([joints, swapped], axis=1), np.concatenate([weights, weights[other]], axis=1) / 2, most
    )
    # dropping the weakest may choose differently on either side: one side decides
    follows = near & (offset < 0)
    index[follows], value[follows] = pairs[index[twin[follows]]], value[twin[follows]]
    if middle.any():
        index[middle], value[middle] = _centred(index[middle], value[middle], pairs)
    return index, value, int((near | middle).sum())


def _centred(joints: NDArray, weights: NDArray, pairs: NDArray[np.integer]) -> tuple[NDArray, NDArray]:
    """Rows of points on the plane: a joint of one side whose partner was dropped goes too."""
    partner = pairs[joints]
    there = (partner[:, :, None] == joints[:, None, :]) & (weights[:, None, :] > 0)
    own = np.where(there.any(axis=2), weights, 0.0)
    empty = own.sum(axis=1) <= 0
    own[empty] = weights[empty]
    share = np.where(there, weights[:, None, :], 0).sum(axis=2)
    even = np.where(empty[:, None] | (own <= 0), own, (own + share) / 2)
    return np.where(even > 0, joints, 0), (even / even.sum(axis=1, keepdims=True)).astype(np.float32)
