# SPDX-License-Identifier: Apache-2.0
"""Faces that cross others which are not their neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import count, names


class SelfIntersection(Rule):
    """Share of faces that an edge of another, not neighbouring face runs through."""

    id = "geometry.self-intersection"
    title = "faces that cross each other"
    why = "Crossing surfaces flicker, bake dark seams and cannot be printed or simulated."
    severity = "warning"
    limit = 0.001
    unit = "share of faces"
    advice = "Union the bodies with a boolean, or pull the surfaces apart."
    regenerate = "ask for separate parts, or remesh as one body"
    minutes = 20

    def run(self, context: Context) -> Iterator[Finding]:
        body = context.body
        if len(body.faces) == 0:
            return
        crossed = np.flatnonzero(body.crossing(context.limit(self) * len(body.faces)))
        share = len(crossed) / len(body.faces)
        if share > context.limit(self):
            yield self.found(
                context,
                f"{count(len(crossed), 'face')} ({share:.1%}) cross others{self._whose(context, crossed)}",
                body.prim(crossed),
                share,
                body.marks(crossed),
            )

    @staticmethod
    def _whose(context: Context, crossed: NDArray) -> str:
        """The meshes that take part, where there are several."""
        many = np.bincount(context.body.part[crossed])
        parts = [int(n) for n in np.argsort(-many, kind="stable") if many[n]]
        if len(parts) < 2:
            return ""
        return f", on {names([context.parts[n].prim.rsplit('/', 1)[-1] for n in parts])}"
