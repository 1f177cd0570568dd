# SPDX-License-Identifier: Apache-2.0
"""Light and shadow painted into the albedo."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.albedo import albedo_samples
from pipeline.checks.context import Context
from pipeline.checks.lighting import explained_by_light
from pipeline.checks.protocol import Finding, Rule


class BakedLighting(Rule):
    """R2 of log albedo on spherical harmonics of the normal and on occlusion."""

    id = "texture.baked-lighting"
    title = "lighting baked into the albedo"
    severity = "warning"
    limit = 0.3
    unit = "R2"
    fixer = ""
    advice = "Remove the shading from the albedo, or paint it again under flat light."
    regenerate = "use pictures under flat light, or ask for delit albedo"
    minutes = 60

    def run(self, context: Context) -> Iterator[Finding]:
        samples = albedo_samples(context)
        if len(samples.face) < 500:
            return
        value = explained_by_light(samples, context.body)
        if value > context.limit(self):
            yield self.found(
                context,
                f"{value:.0%} of the albedo's brightness follows the light direction and occlusion",
                context.body.prim(samples.face),
                value,
            )
