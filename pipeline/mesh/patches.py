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
    """Triangles for every simple hole whose border is not longer than `longest`.

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
        Holes that are too long, or whose border touches itself.
    """
    found: list[Patch] = []
    left = int((loops.length > longest).sum())
    for number in np.flatnonzero(loops.length <= longest):
        half = loops.half[loops.label == number]
        ordered = _ring(edges, half)
        if ordered is None:
            left += 1
            continue
        # new faces run against the open half-edges
        rim = edges.ends(ordered)[:, 0][::-1].astype(np.int32)
        local = _least_area(np.asarray(points[rim], np.float64)) if len(rim) <= 96 else None
        faces = _zigzag(rim) if local is None else rim[local]
        found.append(Patch(rim, faces.astype(np.int32), ordered))
    return found, left


def _ring(edges: Edges, half: NDArray) -> NDArray | None:
    """The half-edges one after the other; None where the border is no simple ring."""
    ends = edges.ends(half)
    if len(half) < 3 or len(np.unique(ends[:, 0])) != len(half) or len(np.unique(ends[:, 1])) != len(half):
        return None
    order = np.argsort(ends[:, 0])
    following = order[np.searchsorted(ends[order, 0], ends[:, 1]).clip(0, len(half) - 1)]
    if np.any(ends[following, 0] != ends[:, 1]):
        return None
    ring = np.empty(len(half), int)
    at = 0
    for step in range(len(half)):
        ring[step] = at
        at = following[at]
    return half[ring] if at == 0 and len(np.unique(ring)) == len(half) else None


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
