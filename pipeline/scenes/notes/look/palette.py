# SPDX-License-Identifier: Apache-2.0
"""Do its colours belong? Distance of each material from the palette: CIEDE2000 in CIE Lab under D65.

The palette is what the project remembers; where it remembers none, it is the scene's own materials.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.scenes.notes.colours import asset_colours, neighbour_colours
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.usd.colour import ciede2000, hex_of_srgb, to_lab, to_srgb

#: materials that a scene needs before it is a palette
ENOUGH = 3


class Palette(Measure):
    """A material far from every colour of the palette."""

    kind = "palette"
    title = "distance from the palette"
    limit = 40.0  # beyond this no colour of the palette is anywhere near
    unit = "CIEDE2000"
    advice = "Shift its hue towards the named colour, or add the colour to the palette."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        wanted, whose = np.array(situation.palette, float).reshape(-1, 3), "the palette"
        if not len(wanted):
            others = neighbour_colours(situation)
            if len(others) < ENOUGH:
                return
            wanted, whose = np.stack([w.mean for w in others.values()]), "the scene"
        limit = situation.setting(self).limit
        for path, worn in asset_colours(situation).items():
            away = ciede2000(to_lab(worn.mean)[None], to_lab(wanted))
            nearest = int(away.argmin())
            if away[nearest] > limit:
                yield self.note(
                    situation,
                    f"{hex_of_srgb(to_srgb(worn.mean))} is far from every colour of {whose}",
                    prim=path,
                    measured=f"ΔE00 {away[nearest]:.1f} from {hex_of_srgb(to_srgb(wanted[nearest]))}",
                    expected=f"ΔE00 below {limit:.0f} (CIE Lab, D65)",
                    value=float(away[nearest]),
                )
