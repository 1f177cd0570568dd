# SPDX-License-Identifier: Apache-2.0
"""Lines, frames, plates and discs on pictures, with smooth edges: alpha from the distance to the shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.render.lettering import CAPITAL, text_width, write_text

__all__ = ["corners", "disc", "frame", "letter", "line", "plate"]

Array = NDArray[Any]
Colour = tuple[float, float, float]
Point = tuple[float, float]


def line(page: Array, start: Point, end: Point, colour: Colour, width: float = 2.0, alpha: float = 1.0) -> None:
    """A line with round ends, drawn into the page ``(h, w, 3)``; pixels from the upper left."""
    reach = width / 2 + 1
    region = _region(page, min(start[0], end[0]), min(start[1], end[1]), max(start[0], end[0]), max(start[1], end[1]),
                     reach)  # fmt: skip
    if region is None:
        return
    part, x, y = region
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    _blend(part, np.hypot(x - start[0] - t * dx, y - start[1] - t * dy) - width / 2, colour, alpha)


def frame(
    page: Array, low: Point, high: Point, colour: Colour, width: float = 2.0, radius: float = 4.0, alpha: float = 1.0
) -> None:
    """The outline of a rectangle with round corners."""
    region = _region(page, *low, *high, width + 1)
    if region is not None:
        part, x, y = region
        _blend(part, np.abs(_rectangle(x, y, low, high, radius)) - width / 2, colour, alpha)


def corners(page: Array, low: Point, high: Point, colour: Colour, width: float = 2.5, length: float = 22.0) -> None:
    """The four corners of a rectangle, so that what it frames stays in view."""
    reach = [min(length, (high[k] - low[k]) * 0.4) for k in (0, 1)]
    for x, right in ((low[0], 1), (high[0], -1)):
        for y, down in ((low[1], 1), (high[1], -1)):
            line(page, (x, y), (x + right * reach[0], y), colour, width)
            line(page, (x, y), (x, y + down * reach[1]), colour, width)


def plate(page: Array, low: Point, high: Point, colour: Colour, radius: float = 4.0, alpha: float = 1.0) -> None:
    """A filled rectangle with round corners."""
    region = _region(page, *low, *high, 1)
    if region is not None:
        part, x, y = region
        _blend(part, _rectangle(x, y, low, high, radius), colour, alpha)


def disc(page: Array, centre: Point, radius: float, colour: Colour, alpha: float = 1.0) -> None:
    """A filled circle."""
    region = _region(page, centre[0], centre[1], centre[0], centre[1], radius + 1)
    if region is not None:
        part, x, y = region
        _blend(part, np.hypot(x - centre[0], y - centre[1]) - radius, colour, alpha)


def letter(
    page: Array, text: str, x: float, y: float, size: int, colour: Colour, align: str = "left", bold: bool = False
) -> None:
    """One line of text into the page; `x` is its left, middle or right, `y` the middle of its capitals.

    Words with and without descenders stand on one line.
    """
    width = text_width(text, size, bold) + 4
    left = x - {"left": 0, "center": width / 2, "right": width}[align]
    top, low = max(round(y - size), 0), min(round(y + size), page.shape[0])
    first, last = max(int(left) - 2, 0), min(int(left) + width + 4, page.shape[1])
    if top >= low or first >= last:
        return
    page[top:low, first:last] = write_text(
        page[top:low, first:last],
        text,
        round(x) - first,
        round(y + CAPITAL / 2 * size) - top,
        size,
        colour,
        align,
        bold,
        upright="baseline",
    )


def _region(
    page: Array, left: float, top: float, right: float, bottom: float, reach: float
) -> tuple[Array, Array, Array] | None:
    """The pixels that a shape may touch, with their middles."""
    x0, x1 = max(int(left - reach), 0), min(int(np.ceil(right + reach)), page.shape[1])
    y0, y1 = max(int(top - reach), 0), min(int(np.ceil(bottom + reach)), page.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    x, y = np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5)
    return page[y0:y1, x0:x1], x, y


def _rectangle(x: Array, y: Array, low: Point, high: Point, radius: float) -> Array:
    """Signed distance to a rectangle with round corners; negative inside."""
    radius = min(radius, (high[0] - low[0]) / 2, (high[1] - low[1]) / 2)
    dx = np.abs(x - (low[0] + high[0]) / 2) - (high[0] - low[0]) / 2 + radius
    dy = np.abs(y - (low[1] + high[1]) / 2) - (high[1] - low[1]) / 2 + radius
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return np.asarray(outside + np.minimum(np.maximum(dx, dy), 0) - radius)


def _blend(part: Array, distance: Array, colour: Colour, alpha: float) -> None:
    share = (np.clip(0.5 - distance, 0, 1) * alpha)[..., None]
    part[...] = part * (1 - share) + np.asarray(colour, np.float32) * share
