# SPDX-License-Identifier: Apache-2.0
"""Which use a colour of a palette suits, and the colours that words name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.generators.embedded.props.order import Colour, srgb
from pipeline.references.palette import Palette
from pipeline.usd.colour import lab_of_srgb

#: colour words, sRGB, in the muted range a stylised prop wears
COLOUR_WORDS: dict[str, str] = {
    "red": "#b83a2d", "crimson": "#9c2531", "scarlet": "#c8372a", "maroon": "#7a2c2e", "pink": "#d98b94",
    "orange": "#d57a30", "amber": "#dc9a3b", "yellow": "#dfb543", "gold": "#cfa144", "mustard": "#c39a36",
    "green": "#5d8a48", "olive": "#7b7c42", "emerald": "#2f8560", "mint": "#9cc7a6", "teal": "#35807f",
    "turquoise": "#4aa7a2", "cyan": "#5fb0bd", "blue": "#3f6d9e", "navy": "#33456b", "azure": "#5a94c4",
    "indigo": "#4a4a8a", "purple": "#76508f", "violet": "#7d5aa0", "lilac": "#b39ac2", "magenta": "#a8457f",
    "brown": "#855c3c", "chestnut": "#7a4a30", "tan": "#bd996b", "beige": "#d8c6a3", "cream": "#efe2c4",
    "ivory": "#ece4d0", "white": "#ebe6dc", "black": "#3a3836", "grey": "#8b8882", "gray": "#8b8882",
    "silver": "#aaa9a5", "charcoal": "#4a4947", "rust": "#a4552f", "copper": "#b06d45", "bronze": "#94703f",
}  # fmt: skip


def dyes_from(palette: Palette) -> dict[str, Colour]:
    """Which use each colour of a palette suits: browns are wood, the most vivid other hue is cloth, …

    Only uses for which the palette has a fitting colour are named.
    """
    values = lab_of_srgb(palette.rgb)
    chroma = np.hypot(values[:, 1], values[:, 2])
    hue = np.degrees(np.arctan2(values[:, 2], values[:, 1])) % 360
    light = values[:, 0]
    weight = np.sqrt(palette.share)
    result: dict[str, Colour] = {}

    def take(use: str, score: NDArray[Any]) -> int:
        best = int(np.argmax(score))
        if score[best] <= 0:
            return -1
        r, g, b = palette.rgb[best]
        result[use] = (float(r), float(g), float(b))
        return best

    brown = (hue > 40) & (hue < 85) & (chroma > 10) & (chroma < 52) & (light > 22) & (light < 72)
    # a photograph's wood is darker and greyer than the wood: the warmest brown is nearest to it
    wood = take("wood", brown * weight * chroma)
    if wood >= 0:
        r, g, b = result["wood"]
        lift = float(np.clip(52 / light[wood], 1.0, 1.5))
        result["wood"] = (min(r * lift, 0.9), min(g * lift, 0.9), min(b * lift, 0.9))
        darker = brown & (light < light[wood] - 8)
        dark = take("dark", darker * weight)
        if dark < 0:
            result["dark"] = (r * 0.68, g * 0.64, b * 0.62)
    vivid = (~brown) & (chroma > 22) & (light > 18)
    cloth = take("cloth", vivid * chroma * weight)
    pale = (light > 74) & (chroma < 30)
    take("cloth2", pale * weight)
    if cloth >= 0:
        turn = np.abs((hue - hue[cloth] + 180) % 360 - 180)
        take("paint", vivid * (turn > 40) * weight)
    return result


def named(word: str) -> Colour | None:
    """The colour of a colour word, or None."""
    code = COLOUR_WORDS.get(word)
    return srgb(code) if code else None
