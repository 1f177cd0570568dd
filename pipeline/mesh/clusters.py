# SPDX-License-Identifier: Apache-2.0
"""Clusters: shells that touch or nearly touch belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.directions import compass
from pipeline.mesh.distinct import distinct
from pipeline.mesh.rays import Rays
from pipeline.mesh.shells import components

#: faces of one small shell that are probed, and rays in all
_PROBES = 128
_RAYS = 1 << 20


def clusters(rays: Rays, shell: NDArray, count: int, small: NDArray, gap: float, size: float) -> NDArray[np.int32]:
    """(s,) the cluster of each shell, found by short rays from the small ones.

    Rays leave each small shell in 26 directions from its outermost point there, and from a sample of its faces.

    Parameters
    ----------
    rays
        All triangles.
    shell : (m,) int
        The shell of each triangle.
    count
        How many shells there are.
    small : (s,) bool
        The shells in question; two that are not small are not compared.
    gap
        Shells nearer than this are one cluster.
    size
        The size of everything.
    """
    faces = np.flatnonzero(small[shell])
    faces = faces[np.argsort(shell[faces], kind="stable")]
    owner = shell[faces]
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    taken = _spread(first, len(faces))
    centre = rays.points[rays.faces[faces[taken]]].mean(axis=1, dtype=np.float64)
    pairs = []
    for direction in compass():
        start = np.concatenate([_outermost(rays, faces, first, direction), centre])
        mine = np.concatenate([owner[first], owner[taken]])
        towards = np.broadcast_to(direction, start.shape)
        hit, _ = rays.first(start + direction * (1e-6 * size), towards, gap)
        met = hit >= 0
        other, mine = shell[hit[met]], mine[met]
        apart = mine != other
        pairs.append(np.stack([mine[apart], other[apart]], axis=1))
    return components(np.concatenate(pairs), count)[0]


def _outermost(rays: Rays, faces: NDArray, first: NDArray, direction: NDArray) -> NDArray[np.float64]:
    """(k, 3) the point of each group of faces that lies farthest along a direction."""
    along = (rays.points @ direction)[rays.faces[faces]]
    best = np.maximum.reduceat(along.max(axis=1), first)
    group = np.cumsum(np.isin(np.arange(len(faces)), first)) - 1
    row = np.flatnonzero(along.max(axis=1) >= best[group])
    row = row[np.flatnonzero(np.diff(group[row], prepend=-1))]
    result: NDArray[np.float64] = rays.points[rays.faces[faces[row], along[row].argmax(axis=1)]].astype(np.float64)
    return result


def _spread(first: NDArray, total: int) -> NDArray[np.int64]:
    """Some of each group's members, evenly through the list."""
    many = np.diff(first, append=total)
    each = int(np.clip(_RAYS // 26 // max(len(first), 1) - 1, 1, _PROBES))
    taken = first[:, None] + (np.arange(each) * many[:, None]) // each
    return distinct(taken.reshape(-1))
