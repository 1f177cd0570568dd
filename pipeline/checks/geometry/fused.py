# SPDX-License-Identifier: Apache-2.0
"""Parts that the intent wants apart, melted into one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import count, names


class Fused(Rule):
    """The intent names parts or materials, but one welded shell with one material holds everything."""

    id = "geometry.fused"
    title = "parts fused into one shell"
    why = "What is one shell can neither move, be swapped nor be shaded by itself."
    severity = "error"
    limit = 0.9
    unit = "share of area in one shell with one material"
    fixer = ""
    advice = "Cut the parts free along their borders and give each its material."
    regenerate = "generate the parts one by one, or use a generator that returns parts"
    input = '--prompt "PROMPT, with {parts} as separate parts"'
    minutes = 90

    def run(self, context: Context) -> Iterator[Finding]:
        brief = context.brief
        parts, materials = len(brief.parts), len(brief.materials)
        wanted = parts >= 2 or materials >= 2 or brief.job.needs.separable
        body = context.body
        if not wanted or len(body.faces) == 0:
            return
        key = body.shell.astype(np.int64) * (len(context.subject.materials) + 2) + self._materials(context)
        _, group = np.unique(key, return_inverse=True)
        area = np.bincount(group, body.area)
        share = float(area.max() / max(area.sum(), 1e-300))
        if share < context.limit(self):
            return
        why = (
            f"the intent names the parts {names(brief.parts)}"
            if parts >= 2
            else f"the intent names the materials {names(brief.materials)}"
            if materials >= 2
            else f"the job {brief.job.name} wants separable parts"
        )
        faces = np.flatnonzero(group == int(area.argmax()))
        yield self.found(
            context,
            f"{share:.0%} of the surface is one shell with one material "
            f"({count(body.shells, 'shell')} in all), but {why}",
            body.prim(faces),
            share,
            body.marks(faces),
        )

    @staticmethod
    def _materials(context: Context) -> np.ndarray:
        """(m,) one more than the material of each face of the body."""
        body = context.body
        result = np.zeros(len(body.faces), np.int64)
        for part in body.parts:
            mine = body.part == part.number
            result[mine] = part.material[body.local[mine]] + 1
        return result
