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
from pipeline.mesh.meeting import closed_by_others


def rims(context: Context) -> list[tuple[Part, Loops]]:
    """The open borders of every geometry that has any."""
    result: list[tuple[Part, Loops]] = context.keep("rims", lambda: _rims(context))
    return result


def _rims(context: Context) -> list[tuple[Part, Loops]]:
    owners = [p for p in context.parts if len(p.shape.triangles) and p.shape.usable]
    owners = [p for p in owners if p.shape.topology.suspect("open") and len(p.shape.topology.edges.open)]
    found = closed_by_others([_rim(p) for p in owners]) if len(owners) > 1 else {}
    closed = {owners[n].number: mask for n, mask in found.items()}
    result = []
    for part in owners:
        if not part.first:
            continue
        topology = part.shape.topology
        half = topology.edges.open
        if part.number in closed:
            half = half[~closed[part.number]]
        if len(half):
            result.append((part, loops(_vertices(part), topology.edges, half)))  # as long as in the asset, in metres
    return result


def _rim(part: Part) -> NDArray:
    edges = part.shape.topology.edges
    return np.asarray(_vertices(part)[edges.ends(edges.open)])


def _vertices(part: Part) -> NDArray:
    """(v, 3) welded points in the asset's space."""
    return np.asarray(part.points[part.shape.topology.weld.first])
