# SPDX-License-Identifier: Apache-2.0
"""Open borders: loops of edges with one face only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.seams import rims
from pipeline.checks.subject import Part
from pipeline.checks.words import count
from pipeline.mesh.distinct import distinct
from pipeline.mesh.loops import Loops
from pipeline.mesh.rings import LONGEST


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
        fillable = LONGEST * context.body.size
        for part, loops in rims(context):
            if loops.count <= context.limit(self):
                continue
            short = loops.length <= fillable
            if short.all() or not short.any():
                yield self._found(context, part, loops, np.ones_like(short), fixable=bool(short.all()))
            else:
                yield self._found(context, part, loops, short, fixable=True)
                yield self._found(context, part, loops, ~short, fixable=False)

    def _found(self, context: Context, part: Part, loops: Loops, those: NDArray[np.bool_], *, fixable: bool) -> Finding:
        """Some borders of a part: those that the fixer closes, or those that it leaves."""
        half = loops.half[those[loops.label]]
        longest = float(loops.length[those].max())
        topology = part.shape.topology
        what = count(int(those.sum()), "open border" if fixable else "long open border")
        return self.found(
            context,
            f"{what} ({count(len(half), 'edge')}; the longest is {longest:.3g} m around)",
            part.prim,
            int(those.sum()),
            (Marks(part.number, faces=topology.live[distinct(half // 3)]),),
            fixable=fixable,
        )
