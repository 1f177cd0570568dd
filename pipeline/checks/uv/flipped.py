# SPDX-License-Identifier: Apache-2.0
"""Mirrored islands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.settings.jobs import Brief, Severity


class Flipped(Rule):
    """Share of the layout's area in islands of negative area."""

    id = "uv.flipped"
    title = "mirrored islands"
    why = "Text reads backwards and normal maps turn inside out."
    severity = "warning"
    limit = 0.01
    unit = "share of UV area"
    fixer = "unwrap"
    advice = "Mirror them back: text reads backwards and normal maps turn inside out."
    minutes = 5

    def severity_for(self, brief: Brief) -> Severity | None:
        return None if brief.job.needs.allow_mirrored_uvs else self.severity

    def run(self, context: Context) -> Iterator[Finding]:
        for surface in context.surfaces:
            signed = surface.islands.island_signed
            size = np.bincount(surface.islands.label, np.abs(surface.islands.signed), minlength=surface.islands.count)
            if not size.sum() > 0:
                continue
            mirrored = signed < -1e-9 * size.sum()
            share = float(size[mirrored].sum() / size.sum())
            if share > context.limit(self):
                faces = surface.faces[mirrored[surface.islands.label]]
                yield surface.told(
                    self.found(
                        context,
                        f"{int(mirrored.sum()):,} of {surface.islands.count:,} islands are mirrored "
                        f"({share:.0%} of the layout)",
                        surface.part.prim,
                        share,
                        (Marks(surface.part.number, faces=faces),),
                        fixable=not context.textured(surface.part),
                    )
                )
