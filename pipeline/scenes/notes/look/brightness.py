# SPDX-License-Identifier: Apache-2.0
"""Is it lit like the scene? CIE L* of the rendered picture: the asset's median against the rest's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.usd.colour import to_lab

#: pixels that each side needs
ENOUGH = 60
#: of linear Rec.709 (IEC 61966-2-1)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


class Brightness(Measure):
    """The lit asset against the lit scene, and what of it is blown out."""

    kind = "brightness"
    title = "brightness in the picture"
    limit = 25.0  # L* between the medians
    ceiling = 0.05  # share of its pixels that are blown out
    unit = "CIE L*"
    advice = "Light it with what lights the scene, or bring its base colours to the scene's value."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        setting, picture = situation.setting(self), view.picture
        mine, rest = picture.colour[picture.owner == 0], picture.colour[picture.owner > 0]
        if len(mine) >= ENOUGH:
            blown = float((mine @ LUMINANCE > 1.0).mean())
            if blown > setting.ceiling:
                yield self.note(
                    situation,
                    "parts of it are blown out",
                    against="highlights",
                    measured=f"{blown:.0%} of its pixels more luminous than display white",
                    expected=f"at most {setting.ceiling:.0%}",
                    value=blown,
                    advice="Lower the light on it, or its base colour.",
                    view=view,
                )
        if min(len(mine), len(rest)) < ENOUGH:
            return
        own, theirs = (float(np.median(to_lab(np.clip(p, 0, 1).astype(float))[:, 0])) for p in (mine, rest))
        if abs(own - theirs) <= setting.limit:
            return
        yield self.note(
            situation,
            f"it is {'brighter' if own > theirs else 'darker'} than the scene around it",
            against="scene",
            measured=f"L* {own:.1f} (median of the lit picture)",
            expected=f"L* {theirs:.1f} within {setting.limit:.0f}",
            value=own - theirs,
            view=view,
        )
