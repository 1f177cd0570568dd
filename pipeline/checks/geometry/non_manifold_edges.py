# SPDX-License-Identifier: Apache-2.0
"""Edges with more than two faces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.words import count
from pipeline.mesh.distinct import distinct


class NonManifoldEdges(Rule):
    """An edge that three or more faces share: fins, inner walls, surfaces that meet in a line."""

    id = "geometry.non-manifold-edges"
    title = "edges with more than two faces"
    why = "Subdivision, unwrapping, booleans and simulation need two faces at an edge."
    severity = "error"
    limit = 0
    unit = "edges"
    fixer = "split-non-manifold"
    advice = "Delete inner walls and fins, or split the surfaces apart along these edges."
    regenerate = "ask for a remeshed or watertight result"
    minutes = 15
    counted = True

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.each_shape("crowded"):
            topology = part.shape.topology
            edges = topology.edges
            crowded = len(edges.crowded)
            if crowded <= context.limit(self):
                continue
            member = np.repeat(edges.count > 2, edges.count)
            faces = topology.live[distinct(edges.half[member] // 3)]
            yield self.found(
                context,
                f"{count(crowded, 'edge')} with more than two faces (up to {int(edges.count.max())})",
                part.prim,
                crowded,
                (Marks(part.number, faces=faces),),
            )
