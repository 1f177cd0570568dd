# SPDX-License-Identifier: Apache-2.0
"""Open borders of parts, without those that another mesh of the asset closes.

A file that holds one mesh for each material cuts a closed body along the materials' borders. Such borders lie
edge on edge; they are seams between meshes and no holes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.subject import Part
from pipeline.mesh.loops import Loops, loops
from pipeline.mesh.topology import NEAR
from pipeline.mesh.weld import weld


def rims(context: Context) -> list[tuple[Part, Loops]]:
    """The open borders of every geometry that has any."""
    result: list[tuple[Part, Loops]] = context.keep("rims", lambda: _rims(context))
    return result


def _rims(context: Context) -> list[tuple[Part, Loops]]:
    owners = [p for p in context.parts if len(p.shape.triangles) and p.shape.usable]
    owners = [p for p in owners if p.shape.topology.suspect("open") and len(p.shape.topology.edges.open)]
    closed = _closed_by_others(owners) if len(owners) > 1 else {}
    result = []
    for part in owners:
        if not part.first:
            continue
        topology = part.shape.topology
        half = topology.edges.open
        if part.number in closed:
            half = half[~closed[part.number]]
        if len(half):
            result.append((part, loops(topology.vertices, topology.edges, half)))
    return result


def _closed_by_others(owners: list[Part]) -> dict[int, NDArray[np.bool_]]:
    """For each part, which of its open edges coincide with open edges of exactly one other part."""
    ends, owner = [], []
    for part in owners:
        topology = part.shape.topology
        rim = topology.edges.ends(topology.edges.open)
        ends.append(part.points[topology.weld.first[rim]])
        owner.append(np.full(len(rim), part.number))
    places = np.concatenate(ends)
    size = float(np.linalg.norm(np.ptp(places.reshape(-1, 3), axis=0)))
    vertex = weld(places.reshape(-1, 3), NEAR * size).index.reshape(-1, 2).astype(np.int64)
    low, high = vertex.min(axis=1), vertex.max(axis=1)
    key = low * (int(vertex.max()) + 1) + high
    whose = np.concatenate(owner)
    _, edge, many = np.unique(key, return_inverse=True, return_counts=True)
    order = np.argsort(edge, kind="stable")
    start = np.cumsum(many) - many
    differs = np.zeros(len(many), bool)
    pair = many == 2
    differs[pair] = whose[order[start[pair]]] != whose[order[start[pair] + 1]]
    closed = differs[edge]
    return {part.number: closed[whose == part.number] for part in owners}
