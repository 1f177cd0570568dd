# SPDX-License-Identifier: Apache-2.0
"""Packing islands into one square texture: shelves, tallest first, one texel density for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.generators.embedded.pieces import Floats, Ints


@dataclass(frozen=True)
class Atlas:
    """Where islands lie in a square texture.

    Attributes
    ----------
    side
        pixels.
    density
        texels per metre.
    corner
        (k, 2) float64, lower left corner of each island in pixels, v up.
    extent
        (k, 2) float64, size of each island in metres.
    pad
        pixels kept free around each island.
    """

    side: int
    density: float
    corner: Floats
    extent: Floats
    pad: float

    def place(self, uv: Floats, island: Ints) -> Floats:
        """Local (f, 4, 2) metres to texture coordinates 0-1, v up."""
        return (self.corner[island][:, None, :] + uv * self.density) / self.side


def _shelves(width: Floats, height: Floats, side: float) -> tuple[Floats, float]:
    """First-fit shelves for boxes sorted by falling height: (k, 2) corners and the height used."""
    corner = np.zeros((len(width), 2))
    used = np.zeros(len(width))
    base = np.zeros(len(width))
    shelves, total = 0, 0.0
    for i, (w, h) in enumerate(zip(width, height, strict=True)):
        fits = np.flatnonzero(used[:shelves] + w <= side)
        if len(fits):
            s = int(fits[0])
        else:
            s, shelves = shelves, shelves + 1
            base[s] = total
            total += h
        corner[i] = used[s], base[s]
        used[s] += w
    return corner, total


def pack(extent: Floats, side: int, pad: float = 3.0) -> Atlas:
    """The densest even packing of boxes into a square texture.

    Parameters
    ----------
    extent
        (k, 2) metres.
    side
        pixels; doubled neither here nor by the caller: density follows from it.
    pad
        pixels kept free around each island.
    """
    order = np.lexsort((-extent[:, 0], -extent[:, 1]))
    boxes = extent[order]

    def attempt(density: float) -> tuple[Floats, bool]:
        size = np.ceil(boxes * density) + 2 * pad
        if size[:, 0].max() > side:
            return boxes, False
        corner, total = _shelves(size[:, 0], size[:, 1], side)
        return corner, total <= side

    high = side / max(float(np.sqrt((extent[:, 0] * extent[:, 1]).sum())), 1e-6)
    low = high
    while not attempt(low)[1]:
        low *= 0.7
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (middle, high) if attempt(middle)[1] else (low, middle)
    corner, _ = attempt(low)
    placed = np.empty_like(extent)
    placed[order] = corner + pad
    return Atlas(side, low, placed, extent, pad)
