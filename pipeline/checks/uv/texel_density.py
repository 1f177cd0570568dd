# SPDX-License-Identifier: Apache-2.0
"""Texels a metre, and how evenly they are spent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.surfaces import Surface
from pipeline.checks.weighted import percentile


class TexelDensity(Rule):
    """95th over 5th percentile of texels a metre by area, or a middle below the job's minimum."""

    id = "uv.texel-density"
    title = "texel density"
    why = "Sharp beside blurred is seen before either is."
    severity = "warning"
    limit = 4
    unit = "ratio (or texels a metre)"
    fixer = "texel-density"
    advice = "Scale the islands to one density; spend more only where the camera is close."
    minutes = 15

    def run(self, context: Context) -> Iterator[Finding]:
        least = context.brief.job.budgets.min_texel_density
        for surface in context.surfaces:
            if not (surface.first or surface.read):
                continue
            density = surface.density
            sound = density > 0
            if not sound.any():
                continue
            low, middle, high = (percentile(density[sound], surface.area[sound], p) for p in (5, 50, 95))
            ratio = high / max(low, 1e-30)
            if ratio > context.limit(self):
                limit = context.limit(self)
                coarse, fine = sound & (density < high / limit), density > low * limit
                # the smaller part of the surface is what differs from the rest
                odd = coarse if surface.area[coarse].sum() <= surface.area[fine].sum() else fine
                faces = surface.faces[odd]
                yield surface.told(
                    self.found(
                        context,
                        f"texel density differs by a factor of {ratio:.1f} over the surface",
                        surface.part.prim,
                        ratio,
                        (Marks(surface.part.number, faces=faces),),
                        fixable=not context.textured(surface.part),
                    )
                )
            side, said = self._side(context, surface)
            if least > 0 and side and middle * side < least:
                yield surface.told(
                    self.found(
                        context,
                        f"{middle * side:.0f} texels a metre {said}, the job wants {least:g}",
                        surface.part.prim,
                        middle * side,
                        fixable=False,
                    )
                )

    @staticmethod
    def _side(context: Context, surface: Surface) -> tuple[float, str]:
        """Side of the texture that counts, and where that comes from."""
        textures = [t for n in surface.part.materials if n >= 0 for t in context.subject.materials[n].textures]
        paths = {t.path for t in textures if surface.first or t.uv_set == surface.uvs.name}
        sides = [np.sqrt(f.width * f.height) for f in context.textures if f.path in paths and f.width]
        if sides:
            return float(max(sides)), "with the textures it has"
        return float(context.brief.job.budgets.texture_max), "even with the largest texture the job allows"
