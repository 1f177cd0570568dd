# SPDX-License-Identifier: Apache-2.0
"""Walls too thin to shade, bake or print."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.mesh.exposure import thickness
from pipeline.settings.jobs import Brief

SAMPLES = 20000
#: what a printer of molten plastic needs, metres
PRINT_WALL = 0.0008


class Thin(Rule):
    """Thickness along the inward ray, 1st percentile."""

    id = "geometry.thin"
    title = "thin walls"
    why = "Thin double walls bake through each other and break in print."
    severity = "warning"
    limit = 0.002
    unit = "share of size (print: metres)"
    advice = "Thicken or collapse the double surface."
    regenerate = "avoid pictures with cloth, paper or wire, or ask for thicker parts"
    minutes = 15

    def limit_for(self, brief: Brief) -> float | None:
        return PRINT_WALL if brief.job.usage == "print" else self.limit

    def run(self, context: Context) -> Iterator[Finding]:
        body = context.body
        if len(body.faces) == 0 or body.size == 0:
            return
        if not body.area.sum() > 0:
            return
        places, face = body.samples(min(SAMPLES, 16 * len(body.faces) + 256), seed=1)
        wall = thickness(body.rays, places, body.normals(face), body.size, body.cross)
        solid = np.isfinite(wall)
        if solid.sum() < 0.5 * len(wall):  # mostly open sheets: nothing has a thickness here
            return
        unit = 1.0 if context.brief.job.usage == "print" else body.size
        value = float(np.percentile(np.where(solid, wall, body.size), 1)) / unit
        if value >= context.limit(self):
            return
        marked = face[solid & (wall / unit < context.limit(self))]
        shown = f"{value * 1000:.2f} mm" if unit == 1.0 else f"{value:.2%} of the size"
        yield self.found(
            context,
            f"one per cent of the surface is thinner than {shown}",
            body.prim(marked),
            value,
            body.marks(marked),
        )
