# SPDX-License-Identifier: Apache-2.0
"""Needle-shaped triangles."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule


class Slivers(Rule):
    """Share of triangles with an angle under two degrees."""

    id = "topology.slivers"
    title = "sliver triangles"
    why = "Needles shade in streaks, break baking and cost as much as good triangles."
    severity = "warning"
    limit = 0.05
    unit = "share of triangles"
    advice = "Remesh, or dissolve and triangulate again: slivers shade badly and break baking."
    regenerate = "ask for a remeshed result"
    minutes = 20

    #: the angle in degrees under which a triangle is a sliver
    options = MappingProxyType({"angle": 2.0})

    def run(self, context: Context) -> Iterator[Finding]:
        angle = context.option(self, "angle")
        for part in context.each_shape():
            topology = part.shape.topology
            if len(topology.solid) < 20:
                continue
            narrow = topology.narrow(float(np.sin(np.radians(angle))))
            share = float(narrow.mean())
            if share > context.limit(self):
                yield self.found(
                    context,
                    f"{share:.0%} of the triangles have an angle under {angle:g} degrees",
                    part.prim,
                    share,
                    (Marks(part.number, faces=topology.live[narrow]),),
                )
