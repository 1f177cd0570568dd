# SPDX-License-Identifier: Apache-2.0
"""Textures too large for the job, or too small to look at."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief


class Size(Rule):
    """The longer side of each texture against the job's range."""

    id = "texture.size"
    title = "texture size"
    why = "Too large wastes memory on every instance, too small is a blur close by."
    severity = "warning"
    unit = "pixels"
    fixer = "textures"
    advice = "Resize to the job's range; what is too small must be baked or painted again."
    minutes = 10

    def limit_for(self, brief: Brief) -> float | None:
        return float(brief.job.budgets.texture_max or 1 << 16)

    def run(self, context: Context) -> Iterator[Finding]:
        least, most = context.brief.job.budgets.texture_min, context.limit(self)
        for texture in context.textures:
            side = max(texture.width, texture.height)
            if side > most:
                yield self.found(
                    context,
                    f"{texture.name} is {texture.width} x {texture.height}, the job allows {most:.0f}",
                    texture.prim,
                    side,
                )
            elif 0 < side < least and not texture.constant:
                yield self.found(
                    context,
                    f"{texture.name} is {texture.width} x {texture.height}, the job wants at least {least}",
                    texture.prim,
                    side,
                    fixable=False,
                )
