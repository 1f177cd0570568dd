# SPDX-License-Identifier: Apache-2.0
"""Open borders: loops of edges with one face only."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.seams import rims
from pipeline.checks.words import count
from pipeline.mesh.distinct import distinct


class Holes(Rule):
    """Boundary edges that form loops on a welded mesh, and that no neighbouring mesh closes."""

    id = "geometry.holes"
    title = "open borders"
    why = "Light leaks, booleans and printing fail, and the hole shows as soon as it turns."
    severity = "error"
    limit = 0
    unit = "loops"
    fixer = "fill-holes"
    advice = "Fill small holes; rebuild large ones by hand, or close the mesh before it is decimated."
    regenerate = "ask for a watertight result, and give views that show the open side"
    minutes = 15
    counted = True

    def run(self, context: Context) -> Iterator[Finding]:
        for part, loops in rims(context):
            if loops.count <= context.limit(self):
                continue
            longest = float(loops.length.max())
            topology = part.shape.topology
            faces = topology.live[distinct(loops.half // 3)]
            yield self.found(
                context,
                f"{count(loops.count, 'open border')} ({count(len(loops.half), 'edge')}; "
                f"the longest is {longest:.3g} m around)",
                part.prim,
                loops.count,
                (Marks(part.number, faces=faces),),
            )
