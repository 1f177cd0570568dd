# SPDX-License-Identifier: Apache-2.0
"""Albedo darker than coal or brighter than snow."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.albedo import albedo_samples
from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule


class AlbedoRange(Rule):
    """Share of the textured surface whose albedo has a luminance outside 30-243 (sRGB, 8 bit)."""

    id = "texture.albedo-range"
    title = "albedo out of range"
    why = "Surfaces near black or white take no light and look pasted in."
    severity = "warning"
    limit = 0.02
    unit = "share of used texels"
    advice = "Bring albedo into 30-243; darker and brighter surfaces take no light."
    regenerate = "use evenly lit reference pictures"
    minutes = 15

    #: luminance between which paint lies (sRGB, 8 bit)
    options = MappingProxyType({"lowest": 30.0, "highest": 243.0})

    def run(self, context: Context) -> Iterator[Finding]:
        lowest, highest = context.option(self, "lowest"), context.option(self, "highest")
        samples = albedo_samples(context)
        if len(samples.face) < 100:
            return
        shown = samples.srgb @ np.array([0.2126, 0.7152, 0.0722]) * 255
        dark, bright = shown < lowest - 0.5, shown > highest + 0.5
        share = float((dark | bright).mean())
        if share > context.limit(self):
            faces = samples.face[dark | bright]
            yield self.found(
                context,
                f"{dark.mean():.0%} of the surface is darker than {lowest:g}, "
                f"{bright.mean():.0%} brighter than {highest:g}",
                context.body.prim(faces),
                share,
                context.body.marks(faces),
            )
