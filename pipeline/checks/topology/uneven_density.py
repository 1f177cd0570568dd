# SPDX-License-Identifier: Apache-2.0
"""Triangles large here and tiny there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.mesh.distinct import distinct


class UnevenDensity(Rule):
    """95th over 5th percentile of the lengths of edges."""

    id = "topology.uneven-density"
    title = "uneven density"
    why = "Detail sits where it is not needed and lacks where it deforms or shows."
    severity = "warning"
    limit = 40
    unit = "ratio of edge lengths"
    advice = "Remesh to an even edge length, or decimate the dense places."
    regenerate = "ask for a remeshed result"
    minutes = 20

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.each_shape():
            topology = part.shape.topology
            if len(topology.solid) < 100:
                continue
            length = topology.edge_lengths
            low, high = np.percentile(length, [5, 95])
            ratio = float(high / max(low, 1e-30))
            if ratio > context.limit(self):
                half = topology.edges.half[topology.edges.start[length <= low]]
                faces = topology.live[distinct(half // 3)]
                yield self.found(
                    context,
                    f"edges differ by a factor of {ratio:.0f} (5 % are under {low:.2g} m, 5 % over {high:.2g} m)",
                    part.prim,
                    ratio,
                    (Marks(part.number, faces=faces),),
                )
