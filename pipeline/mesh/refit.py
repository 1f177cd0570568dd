# SPDX-License-Identifier: Apache-2.0
"""Moving the vertices of a simplified mesh so that it lies in the middle of the surface it stands for.

Edge collapse keeps a subset of the vertices, so a convex shape loses volume. Here samples of the original are
projected along their normals onto the simplified mesh, and all vertices are moved at once to the least squares
of the distances (point to plane, a weak spring holds each vertex where it is).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import areas, cross, diagonal, normals
from pipeline.mesh.nearest import Surface
from pipeline.mesh.rays import Rays

__all__ = ["Fit", "refit"]

_SPRING = 0.01
#: cosine beneath which a face counts as turned by the move
_TURNED = 0.3


@dataclass(frozen=True, eq=False)
class Fit:
    """Where vertices lie best, and what they still miss.

    Attributes
    ----------
    points : (k, 3) float64
        The vertices.
    face : (s,) int, weights : (s, 3) float, places : (s, 3) float
        Samples of the original: the face of the simplified mesh each is represented by, where on it, and where it is.
    """

    points: NDArray[np.float64]
    face: NDArray
    weights: NDArray[np.float64]
    places: NDArray[np.float64]

    def misses(self, faces: NDArray) -> NDArray[np.float64]:
        """(s,) how far each sample is from the plane of its face."""
        gap = self.places - np.einsum("ki,kij->kj", self.weights, self.points[faces[self.face]])
        return np.asarray(np.abs(np.einsum("ij,ij->i", normals(self.points, faces)[self.face], gap)))


def refit(
    points: NDArray,
    faces: NDArray,
    simple: NDArray,
    simple_faces: NDArray,
    fixed: NDArray | None = None,
    upright: NDArray | None = None,
    rounds: tuple[int, ...] = (16_000, 80_000),
) -> Fit:
    """Better positions of a simplified mesh's vertices.

    Parameters
    ----------
    points : (n, 3) float, faces : (m, 3) int
        The original.
    simple : (k, 3) float, simple_faces : (t, 3) int
        The simplified mesh, welded: one vertex for every position.
    fixed : (k,) bool, optional
        Vertices that do not move (open borders).
    upright : (k,) bool, optional
        Vertices that move along their normal only (seams, which must not slide).
    rounds
        Samples of the original in each round.

    Returns
    -------
    Fit
        Vertices whose move would fold a face stay.
    """
    nothing = np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3))
    start = np.array(simple, np.float64)
    movable = np.zeros(len(start), bool)
    movable[simple_faces] = True
    if fixed is not None:
        movable &= ~fixed
    if not movable.any() or len(faces) == 0:
        return Fit(start, *nothing)
    random = np.random.default_rng(5)
    moved = start
    seen = nothing
    for count in rounds:
        corners, places = _spread(points, faces, min(count, 4 * len(faces)), random)
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        outward = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)
        ahead, seen = _solve(places, outward, moved, simple_faces, movable, diagonal(start))
        moved = ahead if upright is None else _straightened(moved, ahead, simple_faces, upright)
    return Fit(_unfold(start, moved, simple_faces), *seen)


def _solve(
    places: NDArray, outward: NDArray, at: NDArray, faces: NDArray, movable: NDArray, size: float
) -> tuple[NDArray[np.float64], tuple[NDArray, NDArray[np.float64], NDArray[np.float64]]]:
    """The moved vertices, and the samples that moved them."""
    face, weights, ok = _project(places, outward, at, faces, size)
    rows = ok & np.any(movable[faces], axis=1)[face]
    face, weights, places = face[rows], weights[rows], places[rows]
    if len(face) == 0:
        return at, (face, weights, places)
    corners = faces[face]
    gap = places - np.einsum("ki,kij->kj", weights, at[corners])
    plane = normals(at, faces)
    solved = _least_squares(plane, faces, face, weights, np.einsum("ij,ij->i", plane[face], gap), movable)
    # where the planes meet at a flat angle the solution lies far out: nobody moves further than its samples miss
    miss = np.zeros(len(faces))
    np.maximum.at(miss, face, np.linalg.norm(gap, axis=1))
    reach = np.zeros(len(at))
    np.maximum.at(reach, faces.reshape(-1), np.repeat(miss, 3))
    length = np.linalg.norm(solved, axis=1)
    ahead = at + solved * np.minimum(1.0, reach / np.maximum(length, 1e-300))[:, None]
    return np.asarray(ahead), (face, weights, places)


def _spread(
    points: NDArray, faces: NDArray, count: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(k, 3, 3) triangles out of equal stretches of the list, (k, 3) a place on each.

    Neighbours in memory are neighbours on the surface, so the places are spread better than by chance.
    """
    step = len(faces) / count
    chosen = ((np.arange(count) + random.random(count)) * step).astype(np.int64)
    corners = np.asarray(points[faces[np.minimum(chosen, len(faces) - 1)]], np.float64)
    if step >= 4:  # small against what they are measured by: their middles serve
        return corners, corners.mean(axis=1)
    r, s = np.sqrt(random.random(count)), random.random(count)
    weights = np.stack([1 - r, r * (1 - s), r * s], axis=1)
    return corners, np.einsum("ki,kij->kj", weights, corners)


def _straightened(before: NDArray, after: NDArray, faces: NDArray, upright: NDArray) -> NDArray[np.float64]:
    """Only the part of the moves along the vertices' normals, where `upright`."""
    across = cross(before, faces)
    normal = np.stack([np.bincount(faces.reshape(-1), np.repeat(across[:, k], 3), len(before)) for k in range(3)], 1)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    along = np.einsum("ij,ij->i", after - before, normal)[:, None] * normal
    return np.where(upright[:, None], before + along, after)


def _least_squares(
    plane: NDArray, faces: NDArray, face: NDArray, weights: NDArray, gap: NDArray, movable: NDArray, steps: int = 30
) -> NDArray[np.float64]:
    """(v, 3) moves that close the gaps, by conjugate gradients preconditioned by the diagonal.

    Samples of one face share its plane, so all they ask is a 3 x 3 matrix over its corners: a step costs by the
    faces, however many samples there are. Sums run without threads, so the result is repeatable.

    Parameters
    ----------
    plane : (t, 3) float
        Unit normal of each face.
    face, weights, gap : (k,), (k, 3), (k,)
        Of each sample: the face it lies on, where, and how far the surface is from there.
    """
    from scipy.sparse import csr_array

    count = len(faces)
    pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
    sums = [np.bincount(face, weights[:, i] * weights[:, j], minlength=count) for i, j in pairs]
    inner = np.stack([sums[x] for x in (0, 3, 4, 3, 1, 5, 4, 5, 2)], axis=1).reshape(count, 3, 3)
    asked = np.stack([np.bincount(face, weights[:, i] * gap, minlength=count) for i in range(3)], axis=1)
    # rows: how far a corner moves along its face's plane; columns: the coordinates of the vertices
    column = (faces[:, :, None] * 3 + np.arange(3)).reshape(-1)
    free = movable[faces].astype(float)
    value = (plane[:, None, :] * free[:, :, None]).reshape(-1)
    lift = csr_array((value, column, np.arange(3 * count + 1) * 3), shape=(3 * count, 3 * len(movable)))
    drop = lift.T.tocsr()
    spring = _SPRING * len(face) / (3 * int(movable.sum()))
    own = np.bincount(column, value**2 * np.repeat(np.einsum("tii->ti", inner).reshape(-1), 3), 3 * len(movable))
    scale = 1.0 / (own + spring)
    rest = drop @ asked.reshape(-1)
    solved = np.zeros_like(rest)
    better = scale * rest
    direction = better.copy()
    energy = (rest * better).sum()
    enough = 1e-6 * energy
    for _ in range(steps):
        if energy <= enough:
            break
        ahead = drop @ np.einsum("tij,tj->ti", inner, (lift @ direction).reshape(-1, 3)).reshape(-1)
        ahead += spring * direction
        length = energy / (direction * ahead).sum()
        solved += length * direction
        rest -= length * ahead
        better = scale * rest
        energy, before = (rest * better).sum(), energy
        direction = better + (energy / before) * direction
    return np.asarray(solved).reshape(-1, 3)


def _project(
    places: NDArray, outward: NDArray, at: NDArray, faces: NDArray, size: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Where each sample lands along its normal, either way; the nearest place where it lands nowhere."""
    rays = Rays(at, faces)
    reach = 0.02 * size
    lift = 1e-6 * size
    ahead, far = rays.first(places - lift * outward, outward, reach)
    behind, near = rays.first(places + lift * outward, -outward, np.where(ahead >= 0, far, reach))
    forward = behind < 0
    face = np.where(forward, ahead, behind)
    distance = np.where(forward, far - lift, lift - near)
    facing = np.einsum("ij,ij->i", normals(at, faces)[face], outward) > _TURNED
    ok = (face >= 0) & facing
    weights = _weights(places + distance[:, None] * outward, face, at, faces)
    missed = np.flatnonzero(~ok)
    if len(missed):
        missed = missed[: max(len(places) // 8, 1)]
        found = Surface(at, faces, spread=4 * len(faces)).nearest(places[missed], candidates=6)
        face[missed], weights[missed] = found.face, found.weights
        ok[missed] = found.distance < reach
    return face, weights, ok


def _weights(places: NDArray, face: NDArray, at: NDArray, faces: NDArray) -> NDArray[np.float64]:
    """(k, 3) barycentric coordinates of places in the planes of their faces, by each face's dual basis."""
    a, b, c = (at[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)[:, None]
    v, w = np.cross(c - a, normal), np.cross(normal, b - a)
    from_a = places - a[face]
    v_at = np.einsum("ij,ij->i", from_a, v[face])
    w_at = np.einsum("ij,ij->i", from_a, w[face])
    return np.asarray(np.clip(np.stack([1 - v_at - w_at, v_at, w_at], axis=1), 0, 1))


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
