# SPDX-License-Identifier: Apache-2.0
"""Moving the vertices of a simplified mesh so that it lies in the middle of the surface it stands for.

Edge collapse keeps a subset of the vertices, so a convex shape loses volume. Here samples of the original are
projected along their normals onto the simplified mesh, and all vertices are moved at once to the least squares
of the distances (point to plane, a weak spring holds each vertex where it is).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import areas, cross, diagonal, normals
from pipeline.mesh.nearest import Surface
from pipeline.mesh.rays import Rays

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["refit"]

_SPRING = 0.01
#: cosine beneath which a face counts as turned by the move
_TURNED = 0.3


def refit(
    points: NDArray,
    faces: NDArray,
    simple: NDArray,
    simple_faces: NDArray,
    fixed: NDArray | None = None,
    count: int = 40_000,
    rounds: int = 2,
) -> NDArray[np.float64]:
    """Better positions of a simplified mesh's vertices.

    Parameters
    ----------
    points : (n, 3) float, faces : (m, 3) int
        The original.
    simple : (k, 3) float, simple_faces : (t, 3) int
        The simplified mesh, welded: one vertex for every position.
    fixed : (k,) bool, optional
        Vertices that do not move (open borders).
    count
        Samples of the original.

    Returns
    -------
    (k, 3) float64
        Vertices whose move would fold a face stay.
    """
    start = np.array(simple, np.float64)
    movable = np.zeros(len(start), bool)
    movable[simple_faces] = True
    if fixed is not None:
        movable &= ~fixed
    if not movable.any() or len(faces) == 0:
        return start
    chosen = np.random.default_rng(5).integers(0, len(faces), min(count, 4 * len(faces)))
    corners = faces[chosen]
    places = np.asarray(points[corners], np.float64).mean(axis=1)
    outward = normals(np.asarray(points, np.float64), corners)
    moved = start
    for _ in range(rounds):
        moved = _solve(places, outward, moved, simple_faces, movable, diagonal(start))
    return _unfold(start, moved, simple_faces)


def _solve(
    places: NDArray, outward: NDArray, at: NDArray, faces: NDArray, movable: NDArray, size: float
) -> NDArray[np.float64]:
    from scipy.sparse import csr_array

    face, weights, ok = _project(places, outward, at, faces, size)
    plane = normals(at, faces)[face]
    corners = faces[face]
    gap = places - np.einsum("ki,kij->kj", weights, at[corners])
    rows = ok & np.any(movable[corners], axis=1)
    face, weights, plane, corners, gap = (x[rows] for x in (face, weights, plane, corners, gap))
    if len(face) == 0:
        return at
    column = np.full(len(at), -1)
    column[movable] = np.arange(int(movable.sum()))
    entry = column[corners]
    present = np.repeat((entry >= 0).reshape(-1), 3)
    row = np.repeat(np.arange(len(face)), 9)[present]
    col = (entry[:, :, None] * 3 + np.arange(3)).reshape(-1)[present]
    value = (weights[:, :, None] * plane[:, None, :]).reshape(-1)[present]
    unknown = 3 * int(movable.sum())
    system = csr_array((value, (row, col)), shape=(len(face), unknown))
    spring = _SPRING * len(face) / unknown
    solved = _least_squares(system, np.einsum("ij,ij->i", plane, gap), spring)
    # where the planes meet at a flat angle the solution lies far out: nobody moves further than its samples miss
    reach = np.zeros(len(at))
    miss = np.linalg.norm(gap, axis=1)
    np.maximum.at(reach, corners.reshape(-1), np.repeat(miss, 3))
    move = solved.reshape(-1, 3)
    length = np.linalg.norm(move, axis=1, keepdims=True)
    allowed = reach[movable][:, None]
    result = at.copy()
    result[movable] += move * np.minimum(1.0, allowed / np.maximum(length, 1e-300))
    return result


def _least_squares(system: csr_array, right: NDArray, spring: float, steps: int = 30) -> NDArray[np.float64]:
    """Solve `(A' A + spring) x = A' b` by conjugate gradients, preconditioned by the diagonal.

    A' A is never formed, which would cost more than the solution; sums run without threads, so it is repeatable.
    """
    across = system.T.tocsr()
    scale = 1.0 / (np.bincount(system.indices, system.data**2, minlength=system.shape[1]) + spring)
    rest = across @ right
    solved = np.zeros_like(rest)
    better = scale * rest
    direction = better.copy()
    energy = (rest * better).sum()
    enough = 1e-6 * energy
    for _ in range(steps):
        if energy <= enough:
            break
        ahead = across @ (system @ direction) + spring * direction
        length = energy / (direction * ahead).sum()
        solved += length * direction
        rest -= length * ahead
        better = scale * rest
        energy, before = (rest * better).sum(), energy
        direction = better + (energy / before) * direction
    return np.asarray(solved)


def _project(
    places: NDArray, outward: NDArray, at: NDArray, faces: NDArray, size: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Where each sample lands along its normal, either way; the nearest place where it lands nowhere."""
    rays = Rays(at, faces)
    reach = 0.02 * size
    lift = 1e-6 * size
    ahead, far = rays.first(places - lift * outward, outward, reach)
    behind, near = rays.first(places + lift * outward, -outward, reach)
    forward = (ahead >= 0) & ((behind < 0) | (far <= near))
    face = np.where(forward, ahead, behind)
    distance = np.where(forward, far - lift, lift - near)
    facing = np.einsum("ij,ij->i", normals(at, faces)[face], outward) > _TURNED
    ok = (face >= 0) & facing
    land = places + distance[:, None] * outward
    weights = _weights(land, at[faces[face]])
    missed = np.flatnonzero(~ok)
    if len(missed):
        missed = missed[: max(len(places) // 8, 1)]
        found = Surface(at, faces, spread=4 * len(faces)).nearest(places[missed], candidates=6)
        face[missed], weights[missed] = found.face, found.weights
        ok[missed] = found.distance < reach
    return face, weights, ok


def _weights(places: NDArray, triangle: NDArray) -> NDArray[np.float64]:
    a, b, c = triangle[:, 0], triangle[:, 1], triangle[:, 2]
    normal = np.cross(b - a, c - a)
    area = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)
    v = np.einsum("ij,ij->i", np.cross(places - a, c - a), normal) / area
    w = np.einsum("ij,ij->i", np.cross(b - a, places - a), normal) / area
    return np.asarray(np.clip(np.stack([1 - v - w, v, w], axis=1), 0, 1))


def _unfold(start: NDArray, moved: NDArray, faces: NDArray) -> NDArray[np.float64]:
    """Take back the moves around faces that turned over or lost their area."""
    before = cross(start, faces)
    small = 0.05 * areas(start, faces)
    result = moved.copy()
    for _ in range(8):
        after = cross(result, faces)
        cosine = np.einsum("ij,ij->i", before, after)
        scale = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        bad = (cosine < _TURNED * scale) | (areas(result, faces) < small)
        corners = np.unique(faces[bad])
        held = np.all(result[corners] == start[corners], axis=1) if len(corners) else np.zeros(0, bool)
        if held.all():
            break
        result[corners] = start[corners]
    return result
