# SPDX-License-Identifier: Apache-2.0
"""Self-intersection: edges that run through faces which are not their neighbours.

Every edge is a short ray. What Embree meets is proved in float64: the edge's ends must lie clearly on both sides
of the face and the crossing clearly within it, so surfaces that only touch are not reported.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.rays import BATCH, Rays

#: share of the mesh's size by which an end must stand out of a face; less only touches
_SLACK = 1e-6
#: share of an edge that is left out at both ends, at most; of a long one half of `_SLACK` is
_INSET = np.float32(1e-3)
#: the chance that more crossing faces than wanted are overlooked
DOUBT = 1e-9
#: an edge goes on behind what it met this often
_ROUNDS = 64
#: faces that an edge of usual length runs through at most, and how many times the mean is longer than usual
_USUAL, _LONG = 4, 8


def crossings(
    rays: Rays, edges: NDArray, size: float, most: float = 0.0, marks: int = 2
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Faces that an edge runs through, and the edges that do.

    Where more crossing faces than `most` are of interest only, a part of the edges is looked at first, the long ones
    among them. Another edge marks its own faces and `_USUAL` that it runs through, so more than `most` faces need many
    such edges; a look that meets so few of them that a chance of less than `DOUBT` remains is enough, and what it met
    is all that is told.

    Parameters
    ----------
    rays
        Welded triangles.
    edges : (e, 2) int
        Vertices of each edge.
    size
        The mesh's size; what passes less than a millionth of it through a face only touches.
    most
        So many crossing faces or fewer need not all be found; 0 looks at every edge.
    marks
        How many faces an edge has at most.

    Returns
    -------
    pierced : (m,) bool
    piercing : (e,) bool
    """
    pierced = np.zeros(len(rays.faces), bool)
    piercing = np.zeros(len(edges), bool)
    needed = most / (marks + _USUAL)
    seen = 0.0
    for chosen in _looks(rays, edges) if _unlikely(0, needed / 2) else (np.arange(len(edges)),):
        for start in range(0, len(chosen), BATCH):
            part = chosen[start : start + BATCH]
            piercing[part] = _pierce(rays, edges[part], size, pierced)
        seen += len(chosen) / max(len(edges), 1)
        if _unlikely(int(np.count_nonzero(piercing)), seen * needed):
            break
    return pierced, piercing


def _looks(rays: Rays, edges: NDArray) -> Iterator[NDArray[np.int64]]:
    """Edges in four turns, an eighth, an eighth, a quarter and a half of them; in every eight any may come first.

    The long ones come in the first turn.
    """
    span = np.concatenate([_squared(rays, edges[start : start + BATCH]) for start in range(0, len(edges), BATCH)])
    long_ = span > (_LONG * np.sqrt(span).mean()) ** 2
    block = np.arange(0, len(edges), 8)
    first = np.random.default_rng(0).integers(0, 8, len(block))
    for turns in ((0,), (1,), (2, 3), (4, 5, 6, 7)):
        chosen = (block[:, None] + (first[:, None] ^ np.array(turns))).reshape(-1)
        chosen = chosen[chosen < len(edges)]
        if long_.any():
            chosen = chosen[~long_[chosen]]
            if turns == (0,):
                chosen = np.concatenate([np.flatnonzero(long_), chosen])
        yield chosen


def _squared(rays: Rays, edges: NDArray) -> NDArray[np.float32]:
    """(k,) squared lengths of edges."""
    along = rays.points.take(edges[:, 1], axis=0) - rays.points.take(edges[:, 0], axis=0)
    result: NDArray[np.float32] = np.einsum("ij,ij->i", along, along)
    return result


def _unlikely(met: int, expected: float) -> bool:
    """Whether so few would be met by a chance of less than `DOUBT` only (Chernoff's bound)."""
    if met >= expected:
        return False
    return bool(met - expected + (met * np.log(expected / met) if met else 0.0) < np.log(DOUBT))


def _pierce(rays: Rays, edges: NDArray, size: float, pierced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(k,) which of some edges run through faces; those faces are noted in `pierced`."""
    piercing = np.zeros(len(edges), bool)
    a = rays.points.take(edges[:, 0], axis=0)
    along = rays.points.take(edges[:, 1], axis=0) - a
    length = np.sqrt(np.einsum("ij,ij->i", along, along))
    inset = np.minimum(_INSET, np.float32(_SLACK / 2 * size) / np.maximum(length, np.float32(1e-30)))
    at = inset.copy()
    active = np.arange(len(edges))
    for _ in range(_ROUNDS):
        origin = a[active] + along[active] * at[active, None]
        face, distance = rays.first(origin, along[active], 1 - inset[active] - at[active])
        hit = face >= 0
        active, face, distance = active[hit], face[hit], distance[hit]
        if len(active) == 0:
            break
        real = ~(rays.faces[face][:, :, None] == edges[active][:, None, :]).any(axis=(1, 2))
        real[real] = _through(rays, face[real], edges[active[real]], size)
        pierced[face[real]] = True
        piercing[active[real]] = True
        at[active] += distance + np.float32(1e-5)
        active = active[at[active] < 1 - inset[active]]
    return piercing


def _through(rays: Rays, face: NDArray, edge: NDArray, size: float) -> NDArray[np.bool_]:
    """Whether an edge clearly runs through a face: its ends on both sides, the crossing inside the border."""
    slack = _SLACK * size
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
