# SPDX-License-Identifier: Apache-2.0
"""Fans: the faces around a vertex; more than one fan makes a vertex non-manifold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.edges import Edges
from pipeline.mesh.shells import components

#: steps walked around all vertices at once before the few with very many faces are settled otherwise
_STEPS = 24


def split_vertices(edges: Edges, vertices: int) -> NDArray[np.int32]:
    """Vertices at which surfaces touch in one point: their faces form more than one fan.

    Vertices on an edge with more than two faces are left out: that edge is the fault.

    Parameters
    ----------
    edges
        Edges of the welded triangles.
    vertices
        How many vertices there are.
    """
    flat = edges.faces.reshape(-1)
    faces_at = np.bincount(flat, minlength=vertices)
    unclear = np.zeros(vertices, bool)  # winding changes around them: walking would turn back
    unclear[edges.ends(edges.paired[edges.conflicting].reshape(-1)).reshape(-1)] = True
    crowded = np.zeros(vertices, bool)
    crowded[_of_crowded(edges)] = True
    open_at = np.bincount(edges.ends(edges.open)[:, 0], minlength=vertices)
    split = (open_at > 1) & ~unclear & ~crowded
    walked = (faces_at > 0) & (open_at < 2) & ~unclear & ~crowded
    walked_round, unfinished = _walk(edges, walked, faces_at, vertices)
    split |= walked_round
    unclear = (unclear & ~crowded) | unfinished
    split[_settle(edges, unclear)] = True
    return np.flatnonzero(split).astype(np.int32)


def _of_crowded(edges: Edges) -> NDArray[np.int32]:
    return edges.ends(edges.half[edges.start[edges.crowded]]).reshape(-1)


def _walk(
    edges: Edges, walked: NDArray[np.bool_], faces_at: NDArray, vertices: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Turn around every vertex at once, from its open half-edge or any; too few faces met means two fans."""
    flat = edges.faces.reshape(-1)
    # from a half-edge to the next one that leaves its vertex: over the side before it in its face
    around = np.ascontiguousarray(edges.twin.reshape(-1, 3)[:, [2, 0, 1]]).reshape(-1)
    start = np.full(vertices, -1, np.int32)
    start[flat] = np.arange(len(flat), dtype=np.int32)
    start[flat[edges.open]] = edges.open
    vertex = np.flatnonzero(walked).astype(np.int32)
    begin = start.take(vertex)
    here, left = begin, faces_at.take(vertex)
    split = np.zeros(vertices, bool)
    for step in range(1, _STEPS + 1):
        here = around.take(here)
        on = np.flatnonzero((here >= 0) & (here != begin))
        if len(on) < len(here):
            done = np.flatnonzero((here < 0) | (here == begin))
            split[vertex[done[left[done] > step]]] = True
            vertex, begin, here, left = vertex.take(on), begin.take(on), here.take(on), left.take(on)
        if len(vertex) == 0:
            break
    unfinished = np.zeros(vertices, bool)
    unfinished[vertex] = True
    return split, unfinished


def _settle(edges: Edges, unclear: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Fans of a few vertices by components of their corners, whatever the winding."""
    flat = edges.faces.reshape(-1)
    corners = np.flatnonzero(unclear[flat])
    if len(corners) == 0:
        return np.zeros(0, np.int32)
    a, b = edges.paired.T
    joins = []
    for from_end in (False, True):
        corner_a = _corner(a, from_end)
        vertex = flat[corner_a]
        corner_b = np.where(flat[b] == vertex, b, _corner(b, True))
        keep = unclear[vertex]
        joins.append(np.stack([corner_a[keep], corner_b[keep]], axis=1))
    pairs = np.searchsorted(corners, np.concatenate(joins))
    label, count = components(pairs, len(corners))
    vertex_of = np.zeros(count, np.int32)
    vertex_of[label] = flat[corners]
    seen, fans = np.unique(vertex_of, return_counts=True)
    return seen[fans > 1].astype(np.int32)


def _corner(half: NDArray, end: bool) -> NDArray:
    """The corner a half-edge starts at, or ends at."""
    return half - half % 3 + (half + 1) % 3 if end else half
