# SPDX-License-Identifier: Apache-2.0
"""Islands by the thousand."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule

#: meshes of fewer triangles count as this many: a box has six islands and is sound
LEAST = 1000


class Fragmented(Rule):
    """Islands for every thousand triangles."""

    id = "uv.fragmented"
    title = "too many islands"
    why = "Every border splits vertices, bleeds in mips and cannot be painted across."
    severity = "warning"
    limit = 60
    unit = "islands per 1,000 triangles"
    fixer = "unwrap"
    advice = "Unwrap again with fewer seams: every border bleeds in the mips and splits vertices."
    regenerate = "ask for a remeshed, newly unwrapped result"
    minutes = 40

    def run(self, context: Context) -> Iterator[Finding]:
        for surface in context.surfaces:
            islands, triangles = surface.islands.count, len(surface.faces)
            value = islands * 1000 / max(triangles, LEAST)
            if value > context.limit(self):
                yield surface.told(
                    self.found(
                        context,
                        f"{islands:,} islands on {triangles:,} triangles ({value:.0f} for every thousand)",
                        surface.part.prim,
                        value,
                        fixable=not context.textured(surface.part),
                    )
                )
