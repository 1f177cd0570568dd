# SPDX-License-Identifier: Apache-2.0
"""Texture sides that engines cannot halve."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class PowerOfTwo(Rule):
    """A side that is no power of two, where the job's targets need it."""

    id = "texture.power-of-two"
    title = "texture sides that are no power of two"
    why = "Other sizes are neither compressed nor mipped well by engines."
    severity = "warning"
    unit = "pixels"
    fixer = "textures"
    advice = "Resize to the nearest power of two; engines neither compress nor mip others well."
    minutes = 5

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.power_of_two else None

    def run(self, context: Context) -> Iterator[Finding]:
        for texture in context.textures:
            odd = [s for s in (texture.width, texture.height) if s & (s - 1)]
            if odd:
                yield self.found(context, f"{texture.name} is {texture.width} x {texture.height}", texture.prim, odd[0])
