# SPDX-License-Identifier: Apache-2.0
"""What can be seen from outside, and how thick walls are, by rays from points on the surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.directions import sphere
from pipeline.mesh.rays import Rays

#: directions tried in each round; what no ray left in one round is tried again in the next
ROUNDS = (6, 26, 64, 192)
#: places that are tried in the costlier rounds; more are represented by as many of them
MOST = 3000


def hidden_samples(rays: Rays, places: NDArray, normals: NDArray, size: float) -> NDArray[np.bool_]:
    """(k,) places from which no ray escapes, on either side of the surface.

    Parameters
    ----------
    rays
        All triangles.
    places, normals : (k, 3) float64
        Points on the surface and its unit normals there.
    size
        The mesh's size; rays start a hundred-thousandth of it off the surface.
    """
    hidden = np.ones(len(places), bool)
    for turn, many in enumerate(ROUNDS):
        active = np.flatnonzero(hidden)
        if len(active) == 0:
            break
        if turn >= 2 and len(active) > MOST:  # a large share is hidden: a part of it tells how much escapes
            chosen = active[:: len(active) // MOST + 1]
            escaped = _escape(rays, places[chosen], normals[chosen], size, many, turn)
            if escaped.mean() < 0.01:
                break
        hidden[active] = ~_escape(rays, places[active], normals[active], size, many, turn)
    return hidden


def _escape(rays: Rays, places: NDArray, normals: NDArray, size: float, many: int, turn: int) -> NDArray[np.bool_]:
    free = np.zeros(len(places), bool)
    directions = sphere(many) @ _turned(turn)
    directions[0] = -directions[1]
    lift = normals * (1e-5 * size)
    for direction in directions:
        left = np.flatnonzero(~free)
        if len(left) == 0:
            break
        outward = normals[left] @ direction >= 0
        origins = places[left] + np.where(outward[:, None], lift[left], -lift[left])
        free[left] = ~rays.blocked(origins, np.broadcast_to(direction, origins.shape))
    return free


def _turned(turn: int) -> NDArray[np.float64]:
    """A rotation for each round, so that no direction is tried twice."""
    angle = 0.7 + turn
    c, s = np.cos(angle), np.sin(angle)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    result: NDArray[np.float64] = about_y @ about_x
    return result


def thickness(rays: Rays, places: NDArray, normals: NDArray, size: float, cross: NDArray) -> NDArray[np.float64]:
    """(k,) distance through the solid along the inward normal; infinite where the ray does not leave a body.

    Parameters
    ----------
    cross : (m, 3)
        Normals of the triangles, of any length.
    """
    lift = 1e-5 * size
    inward = -normals
    face, distance = rays.first(places + inward * lift, inward)
    result = np.full(len(places), np.inf)
    hit = np.flatnonzero(face >= 0)
    leaves = np.einsum("ij,ij->i", cross[face[hit]].astype(np.float64), inward[hit]) > 0
    result[hit[leaves]] = distance[hit[leaves]] + lift
    return result
