# SPDX-License-Identifier: Apache-2.0
"""Self-intersection: edges that run through faces which are not their neighbours.

Every edge is a short ray. What Embree meets is proved in float64: the edge's ends must lie clearly on both sides
of the face and the crossing clearly within it, so surfaces that only touch are not reported.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.rays import BATCH, Rays

#: share of an edge that is left out at both ends
_INSET = np.float32(1e-3)
#: an edge goes on behind a neighbour or a touch this often
_ROUNDS = 4


def crossings(rays: Rays, edges: NDArray, size: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Faces that an edge runs through, and the edges that do.

    Parameters
    ----------
    rays
        Welded triangles.
    edges : (e, 2) int
        Vertices of each edge.
    size
        The mesh's size; what passes less than a millionth of it through a face only touches.

    Returns
    -------
    pierced : (m,) bool
    piercing : (e,) bool
    """
    pierced = np.zeros(len(rays.faces), bool)
    piercing = np.zeros(len(edges), bool)
    for start in range(0, len(edges), BATCH):
        part = edges[start : start + BATCH]
        a = rays.points[part[:, 0]]
        along = rays.points[part[:, 1]] - a
        at = np.full(len(part), _INSET, np.float32)
        active = np.arange(len(part))
        for _ in range(_ROUNDS):
            origin = a[active] + along[active] * at[active, None]
            face, distance = rays.first(origin, along[active], 1 - _INSET - at[active])
            hit = face >= 0
            active, face, distance = active[hit], face[hit], distance[hit]
            if len(active) == 0:
                break
            near = (rays.faces[face][:, :, None] == part[active][:, None, :]).any(axis=(1, 2))
            real = ~near
            real[real] = _through(rays, face[real], part[active[real]], size)
            pierced[face[real]] = True
            piercing[start + active[real]] = True
            at[active] += distance + np.float32(1e-4)
            active = active[at[active] < 1 - _INSET]
    return pierced, piercing


def _through(rays: Rays, face: NDArray, edge: NDArray, size: float) -> NDArray[np.bool_]:
    """Whether an edge clearly runs through a face: its ends on both sides, the crossing inside the border."""
    slack = 1e-6 * size
    a, b, c = (rays.points[rays.faces[face, i]].astype(np.float64) for i in range(3))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1)
    normal /= np.where(length > 0, length, 1)[:, None]
    from_, to = (rays.points[edge[:, i]].astype(np.float64) for i in range(2))
    before = np.einsum("ij,ij->i", from_ - a, normal)
    after = np.einsum("ij,ij->i", to - a, normal)
    result: NDArray[np.bool_] = (length > 0) & (before * after < 0)
    result &= np.minimum(np.abs(before), np.abs(after)) > slack
    share = before / np.where(result, before - after, 1)
    place = from_ + share[:, None] * (to - from_)
    for start, end in ((a, b), (b, c), (c, a)):
        side = end - start
        inward = np.cross(normal, side)
        depth = np.einsum("ij,ij->i", place - start, inward)
        result &= depth > slack * np.linalg.norm(side, axis=1)
    return result
