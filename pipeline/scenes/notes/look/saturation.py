# SPDX-License-Identifier: Apache-2.0
"""Is it as quiet as the scene? HSV saturation (of sRGB values) of each material.

The limit is what the project remembers; where it remembers none, it is the scene's own most vivid material.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.notes.colours import asset_colours, neighbour_colours
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.usd.colour import from_oklab, saturation, to_oklab, to_srgb

__all__ = ["PERCENTILE", "Saturation", "vividness"]

#: a person judges a cloth by its strong stripes, not by the mean of all
PERCENTILE = 80
#: materials that a scene needs before it is a measure
ENOUGH = 3


class Saturation(Measure):
    """Vividness of each material against the palette's limit, or the scene's."""

    kind = "saturation"
    title = "saturation against the scene"
    limit = 0.15  # above the scene's most vivid material, where the project remembers no limit
    unit = "HSV saturation"
    advice = "Scale the chroma of its texture, lightness and hue stay."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        wanted, whose = self._wanted(situation)
        if not wanted:
            return
        for path, worn in asset_colours(situation).items():
            vivid = vividness(worn.colours, worn.areas)
            if vivid > wanted + 1e-3:
                factor = _chroma_factor(worn.colours, worn.areas, wanted)
                yield self.note(
                    situation,
                    f"more saturated than {whose} allows: scale its OKLab chroma by {factor:.2f}",
                    prim=path,
                    measured=f"{vivid:.2f} (HSV of sRGB, {PERCENTILE} % of the surface is below)",
                    expected=f"at most {wanted:.2f}",
                    value=vivid,
                    correction={f"saturation_{path.rpartition('/')[2]}": factor},
                )

    def _wanted(self, situation: Situation) -> tuple[float, str]:
        if situation.max_saturation:
            return situation.max_saturation, "the scene's palette"
        others = neighbour_colours(situation)
        if len(others) < ENOUGH:
            return 0.0, ""
        most = max(vividness(w.colours, w.areas) for w in others.values())
        return min(most + situation.setting(self).limit, 1.0), "its neighbourhood"


def vividness(linear: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The HSV saturation (of sRGB values) that `PERCENTILE` % of the surface stays below."""
    values = saturation(to_srgb(linear))
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, PERCENTILE / 100)])


def _chroma_factor(linear: NDArray[np.float64], weights: NDArray[np.float64], limit: float) -> float:
    """The factor on OKLab chroma that brings the vividness to the limit, found by halving; rounded down."""
    lab = to_oklab(linear)
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        if vividness(from_oklab(lab * [1, middle, middle]), weights) > limit:
            high = middle
        else:
            low = middle
    return float(np.floor(low * 100) / 100)
