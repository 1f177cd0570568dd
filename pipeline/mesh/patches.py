# SPDX-License-Identifier: Apache-2.0
"""Faces over the holes of a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.edges import Edges
from pipeline.mesh.loops import Loops

__all__ = ["Patch", "patches"]


@dataclass(frozen=True)
class Patch:
    """One hole and what closes it.

    Attributes
    ----------
    rim : (k,) int32
        Vertices around the hole, in the order the new faces run.
    faces : (t, 3) int32
        New triangles over vertices.
    half : (k,) int32
        The open half-edge that each new side meets.
    """

    rim: NDArray[np.int32]
    faces: NDArray[np.int32]
    half: NDArray[np.int32]


def patches(points: NDArray, edges: Edges, loops: Loops, longest: float) -> tuple[list[Patch], int]:
    """Triangles for every hole whose border is not longer than `longest`.

    The triangles are the ones of least total area over the rim (Barequet and Sharir, Filling gaps in the
    boundary of a polyhedron, 1995), with a zigzag over rims of more than 96 vertices.

    Parameters
    ----------
    points : (n, 3) float
    edges
        Edges of the welded mesh.
    loops
        Its open borders.
    longest
        In the unit of `points`.

    Returns
    -------
    patches
    left : int
        Holes that are too long, or whose border does not close.
    """
    found: list[Patch] = []
    left = int((loops.length > longest).sum())
    for number in np.flatnonzero(loops.length <= longest):
        half = loops.half[loops.label == number]
        rings = [ring for ring in _rings(edges, half) if len(ring) > 2]
        left += sum(map(len, rings)) < len(half)
        for ordered in rings:
            if len(ordered) == 3 and len(set((ordered // 3).tolist())) == 1:
                left += 1  # the border of one loose triangle: its back is no hole
                continue
            # new faces run against the open half-edges
            rim = edges.ends(ordered)[:, 0][::-1].astype(np.int32)
            local = _least_area(np.asarray(points[rim], np.float64)) if len(rim) <= 96 else None
            faces = _zigzag(rim) if local is None else rim[local]
            found.append(Patch(rim, faces.astype(np.int32), ordered))
    return found, left


def _rings(edges: Edges, half: NDArray) -> list[NDArray]:
    """Half-edges of each simple ring, in order; a border that touches itself is cut where it does."""
    ends = edges.ends(half)
    order = np.argsort(ends[:, 0], kind="stable")
    starts = ends[order, 0]
    first = np.searchsorted(starts, ends[:, 1])
    simple = len(np.unique(starts)) == len(starts) and len(np.unique(ends[:, 1])) == len(starts)
    if simple:
        following = order[first.clip(0, len(half) - 1)]
        if np.array_equal(ends[following, 0], ends[:, 1]):
            return [half[ring] for ring in _cycles(following)]
    return _cut_apart(half, ends, order, starts, first)


def _cycles(following: NDArray) -> list[NDArray]:
    """The cycles of a permutation."""
    left = np.ones(len(following), bool)
    steps = following.tolist()
    found = []
    for begin in range(len(steps)):
        if not left[begin]:
            continue
        ring = [begin]
        while steps[ring[-1]] != begin:
            ring.append(steps[ring[-1]])
        left[ring] = False
        found.append(np.array(ring))
    return found


def _cut_apart(half: NDArray, ends: NDArray, order: NDArray, starts: NDArray, first: NDArray) -> list[NDArray]:
    """Walk along the border; whenever a vertex is met again, what lies between is a ring."""
    used = np.zeros(len(half), bool)
    found: list[NDArray] = []
    for begin in range(len(half)):
        if used[begin]:
            continue
        trail: list[int] = []
        place: dict[int, int] = {}
        at: int | None = begin
        while at is not None:
            used[at] = True
            place[int(ends[at, 0])] = len(trail)
            trail.append(at)
            goal = int(ends[at, 1])
            if goal in place:
                ring = trail[place[goal] :]
                found.append(half[ring])
                for one in ring:
                    place.pop(int(ends[one, 0]), None)
                del trail[len(trail) - len(ring) :]
            at = _unused(goal, int(first[at]), order, starts, used)
    return found


def _unused(goal: int, rank: int, order: NDArray, starts: NDArray, used: NDArray) -> int | None:
    """A half-edge that begins at `goal` and was not walked yet."""
    while rank < len(starts) and starts[rank] == goal:
        if not used[order[rank]]:
            return int(order[rank])
        rank += 1
    return None


def _least_area(rim: NDArray[np.float64]) -> NDArray[np.int32]:
    """(k - 2, 3) the triangulation of a ring with the least area, by dynamic programming over its chords."""
    count = len(rim)
    cost = np.zeros((count, count))
    best = np.zeros((count, count), int)
    for gap in range(2, count):
        starts = np.arange(count - gap)
        ends = starts + gap
        middle = starts[:, None] + np.arange(1, gap)
        a, b, c = rim[starts][:, None], rim[middle], rim[ends][:, None]
        area = np.linalg.norm(np.cross(b - a, c - a), axis=2) / 2
        total = cost[starts[:, None], middle] + cost[middle, ends[:, None]] + area
        pick = total.argmin(axis=1)
        cost[starts, ends] = total[np.arange(len(starts)), pick]
        best[starts, ends] = middle[np.arange(len(starts)), pick]
    faces, stack = [], [(0, count - 1)]
    while stack:
        start, end = stack.pop()
        if end - start < 2:
            continue
        middle_one = int(best[start, end])
        faces.append((start, middle_one, end))
        stack += [(start, middle_one), (middle_one, end)]
    return np.array(faces, np.int32)


def _zigzag(rim: NDArray) -> NDArray:
    """A zigzag over a long ring: no new vertices, and no vertex in all the triangles."""
    low, high, faces = 0, len(rim) - 1, []
    while high - low > 1:
        faces.append((rim[low], rim[low + 1], rim[high]))
        low += 1
        if high - low > 1:
            faces.append((rim[low], rim[high - 1], rim[high]))
            high -= 1
    return np.array(faces)
