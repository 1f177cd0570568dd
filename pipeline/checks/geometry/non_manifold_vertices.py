# SPDX-License-Identifier: Apache-2.0
"""Vertices in which surfaces touch without sharing an edge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.words import count


class NonManifoldVertices(Rule):
    """The faces around a vertex form more than one fan."""

    id = "geometry.non-manifold-vertices"
    title = "vertices with more than one fan of faces"
    why = "Surfaces that hang together by a point tear when they are smoothed or deformed."
    severity = "warning"
    limit = 0
    unit = "vertices"
    fixer = "split-non-manifold"
    advice = "Give each surface a vertex of its own there."
    minutes = 5
    counted = True

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.each_shape("split"):
            topology = part.shape.topology
            vertices = topology.split_vertices
            if len(vertices) <= context.limit(self):
                continue
            chosen = np.zeros(topology.weld.count, bool)
            chosen[vertices] = True
            faces = topology.live[chosen[topology.solid].any(axis=1)]
            points = topology.weld.first[vertices]
            yield self.found(
                context,
                f"{count(len(vertices), 'vertex', 'vertices')} where surfaces touch in one point",
                part.prim,
                len(vertices),
                (Marks(part.number, faces=faces, points=points),),
            )
