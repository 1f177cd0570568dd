# SPDX-License-Identifier: Apache-2.0
"""Patches as dense as what is around them, and bent on the way their surroundings bend.

After Liepa, Filling holes in meshes (2003): triangles are divided until they are as large as their neighbours, edges
are turned where that makes rounder triangles, and the new vertices are put where the surface goes on smoothly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.distinct import distinct
from pipeline.mesh.edges import Edges
from pipeline.mesh.edges import edges as edges_of
from pipeline.mesh.faces import normals
from pipeline.mesh.patches import Patches

__all__ = ["curved"]

#: rims shorter than this have no room inside
_ROOM = 6
_ROUNDS = 12
_TURNS = 6
#: new vertices at most
_MOST = 1_000_000
#: cosine between a triangle before and after it was bent beneath which its patch stays flat
_FOLDED = 0.1


def curved(points: NDArray, edges: Edges, found: Patches) -> Patches:
    """The same patches with new vertices inside, where there is room for any.

    Parameters
    ----------
    points : (n, 3) float
    edges
        Of the mesh.
    found
        Flat patches.
    """
    if len(found.faces) == 0:
        return found
    base = len(points)
    places = np.concatenate([np.asarray(points, np.float64), found.points])
    spacing = _spacing(places, edges, found)
    faces, ring = found.faces, found.ring
    large = (found.rings.size >= _ROOM)[ring]
    done, faces = (faces[~large], ring[~large]), faces[large]
    ring = ring[large]
    for _ in range(_ROUNDS):
        wide = _wide(places, faces, spacing)
        if not wide.any() or len(places) - base > _MOST:
            break
        middle = places[faces[wide]].mean(axis=1)
        number = len(places) + np.arange(len(middle))
        places = np.concatenate([places, middle])
        spacing = np.concatenate([spacing, spacing[faces[wide]].mean(axis=1)])
        a, b, c = faces[wide].T
        three = np.stack([a, b, number, b, c, number, c, a, number], axis=1).reshape(-1, 3)
        faces = np.concatenate([faces[~wide], three])
        ring = np.concatenate([ring[~wide], np.repeat(ring[wide], 3)])
        faces = _turned(places, faces, ring, base)
    if len(places) == base:
        return found
    faces, ring = np.concatenate([done[0], faces]), np.concatenate([done[1], ring])
    flat = Patches(found.rings, places[base:], faces, ring, base, found.sheets)
    return replace(flat, points=_smooth(places, edges, flat, base)[base:])


def _spacing(places: NDArray, edges: Edges, found: Patches) -> NDArray[np.float64]:
    """(n,) mean length of the sides of the faces around the rim, by vertex; zero elsewhere."""
    face = edges.faces[distinct(found.rings.half // 3)]
    side = np.linalg.norm(places[face] - places[np.roll(face, -1, axis=1)], axis=2)
    mean = np.repeat(side.mean(axis=1), 3)
    times = np.bincount(face.reshape(-1), minlength=len(places))
    result: NDArray[np.float64] = np.bincount(face.reshape(-1), mean, len(places)) / np.maximum(times, 1)
    new = np.arange(len(places) - len(found.points), len(places))
    total = np.bincount(found.ring, result[found.faces].max(axis=1), len(found.rings.size))
    own = total / np.maximum(np.bincount(found.ring, minlength=len(found.rings.size)), 1)
    for corner in range(3):
        there = found.faces[:, corner] >= new[0] if len(new) else np.zeros(len(found.faces), bool)
        result[found.faces[there, corner]] = own[found.ring[there]]
    return result


def _wide(places: NDArray, faces: NDArray, spacing: NDArray) -> NDArray[np.bool_]:
    """(t,) triangles whose middle is farther from all corners than vertices are apart around here."""
    corner = places[faces]
    far = np.sqrt(2) * np.linalg.norm(corner - corner.mean(axis=1, keepdims=True), axis=2)
    allowed = np.maximum(spacing[faces], spacing[faces].mean(axis=1, keepdims=True))
    return np.asarray(np.all(far > allowed, axis=1) & np.all(allowed > 0, axis=1))


def _turned(places: NDArray, faces: NDArray, ring: NDArray, base: int) -> NDArray[np.int64]:
    """Edges within patches turned while the angles opposite to one sum to more than half a turn.

    No edge between two vertices of the mesh is made: it might be there already.
    """
    faces = faces.copy()
    random = np.random.default_rng(7)
    for _ in range(_TURNS):
        found = edges_of(faces)
        pair = found.paired[~found.conflicting]
        one, other = pair.T
        a, b = found.ends(one).T.astype(np.int64)
        tip, foot = (found.faces[h // 3, (h + 2) % 3].astype(np.int64) for h in (one, other))
        wide = _angle(places, tip, a, b) + _angle(places, foot, b, a) > np.pi + 1e-6
        wide &= (ring[one // 3] == ring[other // 3]) & (tip != foot) & (np.maximum(tip, foot) >= base)
        wide[wide] &= ~_joined(found, len(places), tip[wide], foot[wide])
        # the turned pair must not lie back to back
        flat = np.einsum(
            "ij,ij->i", normals(places, np.stack([a, foot, tip], 1)), normals(places, np.stack([b, tip, foot], 1))
        )
        turn = np.flatnonzero(wide & (flat > 0))
        if len(turn) == 0:
            break
        # of edges that share a face, or ask for the same new edge, one is turned
        rank = random.permutation(len(turn))
        first = np.full(len(faces), len(turn))
        for half in (one, other):
            np.minimum.at(first, half[turn] // 3, rank)
        turn = turn[(first[one[turn] // 3] == rank) & (first[other[turn] // 3] == rank)]
        low, high = np.minimum(tip[turn], foot[turn]), np.maximum(tip[turn], foot[turn])
        turn = turn[np.unique(low * len(places) + high, return_index=True)[1]]
        faces[one[turn] // 3] = np.stack([a[turn], foot[turn], tip[turn]], axis=1)
        faces[other[turn] // 3] = np.stack([b[turn], tip[turn], foot[turn]], axis=1)
    return faces


def _angle(places: NDArray, at: NDArray, one: NDArray, other: NDArray) -> NDArray[np.float64]:
    u, v = places[one] - places[at], places[other] - places[at]
    return np.asarray(np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), np.einsum("ij,ij->i", u, v)))


def _joined(found: Edges, count: int, one: NDArray, other: NDArray) -> NDArray[np.bool_]:
    ends = found.unique().astype(np.int64)
    known = np.sort(ends.min(axis=1) * count + ends.max(axis=1))
    key = np.minimum(one, other) * count + np.maximum(one, other)
    return np.asarray(known[np.searchsorted(known, key).clip(0, len(known) - 1)] == key)


def _smooth(places: NDArray, edges: Edges, found: Patches, base: int) -> NDArray[np.float64]:
    """New vertices where the second differences of the surface are least, the rim's and what is beyond it included."""
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import splu

    rim = np.zeros(len(places), bool)
    rim[edges.ends(found.rings.half)[:, 0]] = True
    around = edges.unique().astype(np.int64)
    around = around[rim[around].any(axis=1)]
    inside = found.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    pairs = np.unique(np.sort(np.concatenate([around, inside]), axis=1), axis=0)
    length = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    weight = 1 / np.maximum(length, 1e-6 * max(float(length.max()), 1e-300))
    used, local = np.unique(pairs, return_inverse=True)
    local = local.reshape(pairs.shape)
    count = len(used)
    both = np.concatenate([local, local[:, ::-1]])
    joined = coo_array((np.tile(weight, 2), both.T), shape=(count, count)).tocsr()
    rows = rim[used] | (used >= base)
    total = np.asarray(joined.sum(axis=1)).reshape(-1)
    umbrella = (diags_array(1 / total) @ joined - diags_array(np.ones(count))).tocsr()[rows]
    free = np.flatnonzero(used >= base)
    held = np.flatnonzero(used < base)
    inner, outer = umbrella[:, free], umbrella[:, held]
    asked = -(inner.T @ (outer @ places[used[held]]))
    # the matrix is symmetric and positive: pivots on its diagonal, numbered to stay sparse
    factors = splu(
        (inner.T @ inner).tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    solved = factors.solve(asked)
    result = places.copy()
    result[used[free]] = np.where(np.isfinite(solved), solved, places[used[free]])
    # a patch that was folded, or went far, stays as it was
    before, after = normals(places, found.faces), normals(result, found.faces)
    bad = np.zeros(len(found.rings.size), bool)
    bad[found.ring[np.einsum("ij,ij->i", before, after) < _FOLDED]] = True
    keeps = bad[found.ring]
    result[distinct(found.faces[keeps].reshape(-1))] = places[distinct(found.faces[keeps].reshape(-1))]
    return result
