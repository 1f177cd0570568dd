# SPDX-License-Identifier: Apache-2.0
"""Clusters: shells that touch or nearly touch belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.directions import compass
from pipeline.mesh.rays import Rays
from pipeline.mesh.shells import components

#: probes on one small shell, and rays in all
_PROBES = 16
_RAYS = 1 << 20


def clusters(rays: Rays, shell: NDArray, count: int, small: NDArray, gap: float, size: float) -> NDArray[np.int32]:
    """(s,) the cluster of each shell, found by short rays from the small ones.

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
    faces, owner = _probes(shell, small)
    directions = compass()
    if len(faces) * len(directions) > _RAYS:
        directions = directions[np.count_nonzero(directions, axis=1) == 1]
    centre = rays.points[rays.faces[faces]].mean(axis=1, dtype=np.float64)
    pairs = []
    for direction in directions:
        towards = np.broadcast_to(direction, centre.shape)
        hit, _ = rays.first(centre + direction * (1e-6 * size), towards, gap)
        met = hit >= 0
        other = shell[hit[met]]
        mine = owner[met]
        pairs.append(np.stack([mine, other], axis=1)[mine != other])
    joined = np.unique(np.concatenate(pairs), axis=0) if pairs else np.zeros((0, 2), int)
    return components(joined, count)[0]


def _probes(shell: NDArray, small: NDArray) -> tuple[NDArray[np.int64], NDArray]:
    """A few faces of each small shell, evenly through its list of faces."""
    faces = np.flatnonzero(small[shell])
    faces = faces[np.argsort(shell[faces], kind="stable")]
    owner = shell[faces]
    fresh = np.flatnonzero(np.diff(owner, prepend=-1))
    many = np.diff(fresh, append=len(faces))
    each = int(np.clip(_RAYS // 26 // max(len(fresh), 1), 1, _PROBES))
    step = np.arange(each)
    taken = np.unique(fresh[:, None] + (step * many[:, None]) // each)
    return faces[taken], owner[taken]
