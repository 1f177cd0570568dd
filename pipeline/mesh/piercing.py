# SPDX-License-Identifier: Apache-2.0
"""Patches that run through the surface they should close, or through each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.crossing import crossings
from pipeline.mesh.distinct import distinct
from pipeline.mesh.patches import Patches
from pipeline.mesh.rays import Rays
from pipeline.mesh.topology import Topology

__all__ = ["piercing"]

#: rims up to this long have no room to cross anything that the hole did not leave crossing
_SMALL = 4


def piercing(topology: Topology, found: Patches) -> NDArray[np.bool_]:
    """(r,) the rings whose patch crosses something."""
    bad = np.zeros(len(found.rings.size), bool)
    large = (found.rings.size > _SMALL)[found.ring]
    if not large.any():
        return bad
    points = np.concatenate([topology.vertices.astype(np.float32), found.points.astype(np.float32)])
    mine, ring = found.faces[large], found.ring[large]
    every = np.concatenate([topology.solid, mine]).astype(np.int32)
    sides = np.sort(mine[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, piercing_side = crossings(Rays(points, every), sides, topology.size)
    bad[np.repeat(ring, 3)[piercing_side]] = True
    own = topology.edges.unique()
    near = _around(points, mine, own)
    pierced, _ = crossings(Rays(points, mine.astype(np.int32)), own[near], topology.size)
    bad[ring[pierced]] = True
    return bad


def _around(points: NDArray, faces: NDArray, edges: NDArray) -> NDArray[np.int64]:
    """The edges that begin within the box of all patches, a little larger."""
    used = points[distinct(faces.reshape(-1))]
    low, high = used.min(axis=0), used.max(axis=0)
    room = float(np.linalg.norm(high - low)) * 0.1
    at = points[edges[:, 0]]
    return np.flatnonzero(np.all((at >= low - room) & (at <= high + room), axis=1))
