# SPDX-License-Identifier: Apache-2.0
"""Light and shadow painted into the albedo."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from pipeline.checks.albedo import albedo_samples
from pipeline.checks.context import Context
from pipeline.checks.lighting import brightness, explained_by_light, occlusion_in_paint
from pipeline.checks.protocol import Finding, Rule


class BakedLighting(Rule):
    """R2 of log albedo on spherical harmonics of the normal and on occlusion, or how strongly creases are darkened."""

    id = "texture.baked-lighting"
    title = "lighting baked into the albedo"
    why = "Painted light stays when the lamp moves: it looks wrong in every other scene."
    severity = "warning"
    limit = 0.3
    unit = "R2 (or strength of occlusion)"
    fixer = ""
    advice = "Remove the shading from the albedo, or paint it again under flat light."
    regenerate = "use pictures under flat light, or ask for delit albedo"
    input = "--image FLAT_LIGHT.png --role material"
    minutes = 60
    #: how sure (in standard errors) it must be that creases are darkened
    options = MappingProxyType({"certainty": 3.0})

    def run(self, context: Context) -> Iterator[Finding]:
        samples = albedo_samples(context)
        if len(samples.face) < 500:
            return
        found = brightness(samples, context.body)
        if found is None:
            return
        prim = context.body.prim(samples.face)
        value = explained_by_light(found)
        if value > context.limit(self):
            said = f"{value:.0%} of the albedo's brightness follows the light direction and occlusion"
            yield self.found(context, said, prim, value)
            return
        strength, certainty = occlusion_in_paint(found)
        if strength > context.limit(self) and certainty > context.option(self, "certainty"):
            said = f"the albedo is darker in creases: {strength:.0%} of half-strength ambient occlusion is painted in"
            yield self.found(context, said, prim, strength)
