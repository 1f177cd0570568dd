# SPDX-License-Identifier: Apache-2.0
"""Layouts that pull texels out of shape."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.weighted import percentile


class Stretch(Rule):
    """Ratio of the singular values of the map from layout to surface, 95th percentile by area."""

    id = "uv.stretch"
    title = "stretched UVs"
    why = "Textures smear and grain changes direction."
    severity = "warning"
    limit = 3
    unit = "ratio"
    fixer = "unwrap"
    advice = "Cut another seam, or relax the islands."
    minutes = 20

    def run(self, context: Context) -> Iterator[Finding]:
        for surface in context.surfaces:
            large, small = surface.islands.stretch
            sound = np.isfinite(large) & (large > 0) & (surface.area > 0)
            if not sound.any():
                continue
            ratio = np.zeros(len(large))
            # in doubles: a millionth of the smallest single is nothing
            least = np.maximum(small, large.astype(np.float64) * 1e-6)
            np.divide(large, least, out=ratio, where=sound)
            value = percentile(ratio[sound], surface.area[sound], 95)
            if value > context.limit(self):
                faces = surface.faces[sound & (ratio > context.limit(self))]
                yield surface.told(
                    self.found(
                        context,
                        f"5 % of the surface is stretched by more than {value:.1f} to one",
                        surface.part.prim,
                        value,
                        (Marks(surface.part.number, faces=faces),),
                        fixable=not context.textured(surface.part),
                    )
                )
