# SPDX-License-Identifier: Apache-2.0
"""Colours from reference pictures (k-means in CIE Lab) and from words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.generators.embedded.pictures import read_picture
from pipeline.generators.embedded.pieces import Floats
from pipeline.generators.embedded.props.order import Colour, srgb
from pipeline.usd.colour import to_lab, to_linear

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


def lab(rgb: Floats) -> Floats:
    """sRGB in 0-1 (…, 3) to CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    return to_lab(to_linear(rgb))


@dataclass(frozen=True)
class Palette:
    """Colours with their shares, largest first: `rgb` (k, 3) sRGB in 0-1, `share` (k,)."""

    rgb: Floats
    share: Floats

    def codes(self) -> list[str]:
        """`#rrggbb` of each."""
        return ["#{:02x}{:02x}{:02x}".format(*np.round(c * 255).astype(int)) for c in self.rgb]


def background(colour: Floats, alpha: Floats, tolerance: float = 12.0) -> NDArray[np.bool_]:
    """Where a picture shows its background: transparent, or like its even border (CIE76 difference)."""
    if alpha.min() < 0.5:
        return alpha < 0.5
    values = lab(colour)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    middle = np.median(border, axis=0)
    if np.mean(np.linalg.norm(border - middle, axis=1) < tolerance) < 0.7:
        return np.zeros(colour.shape[:2], bool)
    near = np.linalg.norm(values - middle, axis=2) < tolerance
    from scipy import ndimage

    labels, _ = ndimage.label(near)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.isin(labels, edge[edge > 0])


def extract(paths: list[Path], colours: int = 8) -> Palette:
    """The main colours of pictures, their background left out; deterministic.

    k-means in Lab, started from the farthest points.
    """
    pixels = []
    for path in paths:
        colour, alpha = read_picture(path)
        keep = ~background(colour, alpha)
        pixels.append(colour[keep] if keep.any() else colour.reshape(-1, 3))
    rgb = np.concatenate(pixels)
    values = lab(rgb)
    centre = [values[np.argmin(np.linalg.norm(values - values.mean(0), axis=1))]]
    distance = np.linalg.norm(values - centre[0], axis=1)
    for _ in range(min(colours, len(np.unique(np.round(values), axis=0))) - 1):
        # the 99th percentile instead of the farthest point: one stray pixel is no colour
        pick = np.argsort(distance)[int(0.99 * (len(distance) - 1))]
        centre.append(values[pick])
        distance = np.minimum(distance, np.linalg.norm(values - values[pick], axis=1))
    means = np.array(centre)
    label = np.zeros(len(values), int)
    for _ in range(20):
        label = np.argmin(((values[:, None] - means[None]) ** 2).sum(2), axis=1)
        count = np.bincount(label, minlength=len(means))
        total = np.stack([np.bincount(label, values[:, i], len(means)) for i in range(3)], -1)
        moved = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], means)
        if np.allclose(moved, means, atol=1e-3):
            break
        means = moved
    count = np.bincount(label, minlength=len(means))
    mean_rgb = np.stack([np.bincount(label, rgb[:, i], len(means)) for i in range(3)], -1)
    order = np.argsort(-count, kind="stable")
    order = order[count[order] > 0]
    return Palette(mean_rgb[order] / count[order][:, None], count[order] / count.sum())


def palette_of(path: Path, colours: int = 6) -> list[Colour]:
    """The main colours of one picture, largest share first, sRGB in 0-1."""
    return [(float(r), float(g), float(b)) for r, g, b in extract([path], colours).rgb]


def dyes_from(palette: Palette) -> dict[str, Colour]:
    """Which use each colour of a palette suits: browns are wood, the most vivid other hue is cloth, …

    Only uses for which the palette has a fitting colour are named.
    """
    values = lab(palette.rgb)
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
