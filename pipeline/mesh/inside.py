# SPDX-License-Identifier: Apache-2.0
"""Inside and outside: which closed shells are turned inside out, and which are walls of cavities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.rays import Rays
from pipeline.mesh.shells import Shells

#: an odd direction, so that rays seldom run along edges or within faces
_AWAY = np.array([0.8017, 0.3511, 0.4836])
_ROUNDS = 64


def inside_out(shells: Shells, rays: Callable[[], Rays]) -> NDArray[np.int64]:
    """The closed shells of negative volume that do not lie inside another body.

    A shell of negative volume inside a body is the wall of a cavity, and right.

    Parameters
    ----------
    shells
        Shells of a welded mesh.
    rays
        Makes the rays against `shells.edges.faces`; called only where there is a question.
    """
    if shells.count == 0:
        return np.zeros(0, np.int64)
    points = shells.points
    size = float(np.linalg.norm(points.max(axis=0).astype(np.float64) - points.min(axis=0)))
    negative = np.flatnonzero(shells.closed & (shells.volume < -1e-7 * shells.area * size))
    if len(negative) == 0 or shells.count == 1:
        return negative
    start = _extremes(shells, negative)
    depth = winding(rays(), start.astype(np.float64) + _AWAY * (1e-5 * size), _AWAY, 1e-5 * size)
    return negative[depth <= 0]


def _extremes(shells: Shells, chosen: NDArray) -> NDArray:
    """The vertex of each chosen shell that lies farthest away: the ray from there leaves its own shell."""
    faces = shells.edges.faces
    member = np.flatnonzero(np.isin(shells.label, chosen))
    along = (shells.points @ _AWAY)[faces[member]]
    corner = along.argmax(axis=1)
    best = along.max(axis=1)
    order = np.lexsort((-best, shells.label[member]))
    first = order[np.unique(shells.label[member][order], return_index=True)[1]]
    result: NDArray = shells.points[faces[member[first], corner[first]]]
    return result


def winding(rays: Rays, places: NDArray, away: NDArray, step: float) -> NDArray[np.int64]:
    """How many bodies each place is inside of, counted along one direction: exits less entries."""
    count = np.zeros(len(places), np.int64)
    here = places.copy()
    active = np.arange(len(places))
    for _ in range(_ROUNDS):
        if len(active) == 0:
            break
        face, distance = rays.first(here[active], np.broadcast_to(away, (len(active), 3)))
        hit = face >= 0
        active, face, distance = active[hit], face[hit], distance[hit]
        corners = rays.points[rays.faces[face]].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        count[active] += np.where(normal @ away > 0, 1, -1)
        here[active] += away * (distance[:, None] + step)
    return count
