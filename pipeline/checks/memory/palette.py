# SPDX-License-Identifier: Apache-2.0
"""Colours against the project's palette."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.albedo import albedo_samples
from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.usd.colour import ciede2000, saturation, to_lab, to_linear


class Palette(Rule):
    """Share of the textured surface that is farther than 25 (CIEDE2000) from every colour of the project's palette, or
    more saturated than it allows."""

    id = "memory.palette"
    title = "colours outside the palette"
    why = "One asset outside the palette draws the eye in every shot it is in."
    severity = "info"
    limit = 0.25
    unit = "share of the surface"
    advice = "Tint the materials towards the project's palette."
    minutes = 20

    #: CIEDE2000 within which a colour belongs to the palette: light and wear move colours that far
    options = MappingProxyType({"near": 25.0})

    def run(self, context: Context) -> Iterator[Finding]:
        kept = context.brief.remembered
        if not kept.palette and not kept.max_saturation:
            return
        samples = albedo_samples(context)
        if len(samples.face) < 100:
            return
        if kept.palette:
            colours = to_lab(to_linear(samples.srgb))
            wanted = to_lab(np.array(kept.palette, float))
            away = np.min([ciede2000(colours, c) for c in wanted], axis=0) > context.option(self, "near")
            yield from self._told(context, samples.face, away, "lies outside the project's palette")
        if kept.max_saturation:
            vivid = saturation(samples.srgb) > kept.max_saturation + 0.02
            yield from self._told(
                context, samples.face, vivid, f"is more saturated than the project's {kept.max_saturation:.2f}"
            )

    def _told(self, context: Context, face: np.ndarray, wrong: np.ndarray, what: str) -> Iterator[Finding]:
        share = float(wrong.mean())
        if share > context.limit(self):
            faces = face[wrong]
            message = f"{share:.0%} of the surface {what}"
            yield self.found(context, message, context.body.prim(faces), share, context.body.marks(faces))
