# SPDX-License-Identifier: Apache-2.0
"""Is its paint as light as its neighbours'? CIE L* of the mean base colour, by area, before any light."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.notes.colours import Worn, asset_colours, neighbour_colours
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.usd.colour import to_lab

#: materials that a scene needs before it is a measure
ENOUGH = 3


class Albedo(Measure):
    """Value of the whole asset outside of the range of the scene's materials."""

    kind = "albedo"
    title = "value against its neighbours"
    limit = 10.0  # L* beyond the darkest or lightest material of the scene
    unit = "CIE L*"
    advice = "Lift or lower the base colours; leave the light as it is."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        limit = situation.setting(self).limit
        mine, others = asset_colours(situation), neighbour_colours(situation)
        if not mine or len(others) < ENOUGH:
            return
        own = lightness(np.stack([_mean(list(mine.values()))]))[0]
        theirs = lightness(np.stack([w.mean for w in others.values()]))
        low, high = float(theirs.min()), float(theirs.max())
        if low - limit <= own <= high + limit:
            return
        darker = own < low
        yield self.note(
            situation,
            f"its paint is {'darker' if darker else 'lighter'} than anything else in the scene",
            measured=f"L* {own:.1f} (mean base colour by area)",
            expected=f"L* {low:.1f} to {high:.1f}, at most {limit:.0f} beyond",
            value=float(own),
        )


def lightness(linear: NDArray) -> NDArray[np.float64]:
    """CIE L* under D65 of linear Rec.709 colours ``(…, 3)``."""
    return np.asarray(to_lab(np.asarray(linear, np.float64))[..., 0])


def _mean(worn: list[Worn]) -> NDArray[np.float64]:
    areas = np.array([w.areas.sum() for w in worn])
    return np.asarray((np.stack([w.mean for w in worn]) * areas[:, None]).sum(0) / areas.sum())
