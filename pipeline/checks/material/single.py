# SPDX-License-Identifier: Apache-2.0
"""One material for everything."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.albedo import albedo_samples
from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import names


class Single(Rule):
    """One material, although the intent names several or the bodies are plainly of different stuff."""

    id = "material.single"
    title = "one material for everything"
    why = "Wood, cloth and metal in one material can be neither tuned nor replaced apart."
    severity = "warning"
    limit = 1
    unit = "materials"
    fixer = "separate-materials"
    advice = "Give each stuff its material, so that it can be shaded and changed by itself."
    regenerate = "name the materials in the prompt, or use a generator that returns parts"
    input = '--prompt "PROMPT, naming the material of each part"'
    minutes = 45
    #: distance of mean colours (sRGB, 0-1) from which two bodies are of different stuff
    options = MappingProxyType({"apart": 0.3})

    def run(self, context: Context) -> Iterator[Finding]:
        used = {int(n) for p in context.parts for n in p.materials if n >= 0}
        if len(used) != 1:
            return
        prim = context.subject.materials[next(iter(used))].path
        wanted = context.brief.materials
        if len(wanted) > context.limit(self):
            yield self.found(context, f"one material, but the intent names {names(wanted)}", prim, 1, fixable=False)
            return
        kinds = self._kinds(context)
        if kinds > context.limit(self):
            yield self.found(context, f"one material on bodies of {kinds} plainly different colours", prim, 1)

    def _kinds(self, context: Context) -> int:
        """How many plainly different mean colours the larger shells have."""
        apart = context.option(self, "apart")
        samples = albedo_samples(context)
        if context.body.shells < 2 or len(samples.face) < 100:
            return 1
        shell = context.body.shell[samples.face]
        many = np.bincount(shell, minlength=context.body.shells)
        large = np.flatnonzero(many >= max(0.02 * len(shell), 20))
        mean = np.stack([np.bincount(shell, samples.srgb[:, c], minlength=len(many)) for c in range(3)], axis=1)
        colours = mean[large] / many[large, None]
        kinds: list[np.ndarray] = []
        for colour in colours[:64]:
            if all(np.linalg.norm(colour - k) > apart for k in kinds):
                kinds.append(colour)
        return len(kinds)
