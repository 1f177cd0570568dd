# SPDX-License-Identifier: Apache-2.0
"""Sides that the generator never saw, and painted by guessing."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.albedo import albedo_at
from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.sharpness import Sharpness, sharpness
from pipeline.checks.words import compass_name
from pipeline.mesh.views import View


class MeltedBack(Rule):
    """Paint that is blurred seen from one side, though crisp from the opposite one; eight sides are looked at."""

    id = "texture.melted-back"
    title = "melted back"
    why = "The back is what a second camera sees first, and it has no picture."
    severity = "warning"
    limit = 0.32
    unit = "contrast of neighbouring pixels over that far apart"
    advice = "Look at the object from there: paint that side again, or mirror the good one, and carve its form anew."
    regenerate = "add a picture of the back to the input set, or use a multi-view reference"
    input = "--image BACK.png --view back --role shape"
    minutes = 45

    #: how sharp the opposite side must be, and the contrast (sRGB, 0-1) under which a side is plain
    options = MappingProxyType({"crisp": 0.45, "contrast": 0.03})

    def run(self, context: Context) -> Iterator[Finding]:
        body = context.body
        if not len(body.faces) or not any(m.texture("diffuseColor") for m in context.subject.materials):
            return
        views = [v for v in body.views if abs(v.direction[1]) < 0.1]
        sides = [self._side(context, v) for v in views]
        ways = np.array([v.direction for v in views])
        across = np.argmin(ways @ ways.T, axis=1)
        blurred = [i for i, j in enumerate(across) if self._melted(context, sides[i], sides[j])]
        if not blurred:
            return
        value, worst = min((s.value, i) for i in blurred if (s := sides[i]) is not None)
        front = sides[across[worst]]
        faces = np.concatenate([s.seen for i in blurred if (s := sides[i]) is not None])
        yield self.found(
            context,
            f"seen from {compass_name(-ways[worst])} the paint is a blur (neighbouring pixels differ by {value:.0%} of "
            f"the contrast, on the opposite side by {0 if front is None else front.value:.0%}); "
            f"{len(blurred)} of {len(views)} sides are melted",
            body.prim(faces),
            value,
            body.marks(faces),
        )

    @staticmethod
    def _side(context: Context, view: View) -> Sharpness | None:
        face = view.face.reshape(-1)
        hit = np.flatnonzero(face >= 0)
        window = view.window
        places = window.origins[hit] + view.depth.reshape(-1)[hit, None] * window.direction
        colour = np.full((*view.face.shape, 3), np.nan)
        colour.reshape(-1, 3)[hit] = albedo_at(context, places, face[hit])
        return sharpness(view, colour, context.body)

    def _melted(self, context: Context, side: Sharpness | None, opposite: Sharpness | None) -> bool:
        if side is None or opposite is None:
            return False
        contrast = context.option(self, "contrast")
        if min(side.far, opposite.far) < contrast or not side.soft:
            return False
        return side.value < context.limit(self) and opposite.value >= context.option(self, "crisp")
