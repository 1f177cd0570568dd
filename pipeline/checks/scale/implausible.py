# SPDX-License-Identifier: Apache-2.0
"""Size against what the intent says, and the unit cube that generators leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import size_name


class Implausible(Rule):
    """Off the intent's size; without one: the largest side exactly 1, or no size that things have."""

    id = "scale.implausible"
    title = "implausible size"
    why = "Lights, physics, textures and neighbours are all in metres."
    severity = "error"
    limit = 0.03
    unit = "relative difference"
    fixer = "scale-to-size"
    operation = "scale-to-size --set height=METRES"
    advice = "Scale to the real size before anything is measured in it."
    minutes = 2

    #: metres that objects lie between
    options = MappingProxyType({"smallest": 0.001, "largest": 1000.0})

    def run(self, context: Context) -> Iterator[Finding]:
        bounds = context.subject.bounds
        if bounds is None or not np.isfinite(bounds).all():
            return
        size = bounds[1] - bounds[0]
        if context.brief.size_m is not None:
            yield from self._against(context, size, np.array(context.brief.size_m))
            return
        side = float(size.max())
        if abs(side - 1) < 1e-4:
            finding = self.found(
                context, "the largest side is exactly 1 m, as generators leave it: nobody set a size", measured=side,
                fixable=False,
            )  # fmt: skip
            middle = np.abs(bounds[0] + bounds[1]).max() / 2
            # what stands on the ground at exactly one metre may have been meant
            yield finding if middle < 1e-3 else dataclasses.replace(finding, severity="warning")
        elif context.brief.job.usage != "scene" and not self._usual(context, side):
            yield self.found(context, f"{size_name(size)} is no size that things have", measured=side, fixable=False)

    def _usual(self, context: Context, side: float) -> bool:
        return context.option(self, "smallest") <= side <= context.option(self, "largest")

    def _against(self, context: Context, size: np.ndarray, wanted: np.ndarray) -> Iterator[Finding]:
        ratio = size / np.maximum(wanted, 1e-9)
        off = float(np.abs(ratio - 1).max())
        if off <= context.limit(self):
            return
        turned = size[[2, 1, 0]] / np.maximum(wanted, 1e-9)
        message = f"{size_name(size)}, the intent says {size_name(wanted)}"
        even = float(ratio.max() / max(ratio.min(), 1e-12))
        if float(turned.max() / max(turned.min(), 1e-12)) < min(1 + context.limit(self), even):
            message += "; width and depth are exchanged: it is turned by 90 degrees"
        elif even > 1 + 2 * context.limit(self):
            message += f"; its proportions differ by {even - 1:.0%}"
        yield self.found(context, message, measured=off)
