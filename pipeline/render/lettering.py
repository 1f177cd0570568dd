# SPDX-License-Identifier: Apache-2.0
"""Words on pictures, with the font that OpenImageIO carries: no font needs to be installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

Array = NDArray[Any]
_FONT = "DroidSans"
#: the font has the shapes of Latin-1 and no others
_WRITTEN = str.maketrans({
    "Δ": "d", "→": ">", "≤": "<", "≥": ">", "…": "...", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"',
    "−": "-", "α": "a", "σ": "s",
})  # fmt: skip
#: height of a capital, share of the letters' size
CAPITAL = 0.71


def write_text(
    pixels: Array,
    text: str,
    x: int,
    y: int,
    size: int = 14,
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0),
    align: str = "left",
    bold: bool = False,
    upright: str = "center",
) -> Array:
    """The picture ``(h, w, 3)`` with one line of text.

    `x` is its left (or centre, or right); `y` its vertical middle, or with `upright="baseline"` the line it stands on.
    """
    text = _writable(text)
    if not text.strip():
        return pixels
    buffer = oiio.ImageBuf(np.ascontiguousarray(pixels[..., :3], np.float32))
    oiio.ImageBufAlgo.render_text(
        buffer,
        int(x),
        int(y),
        text,
        size,
        _FONT + ("-Bold" if bold else ""),
        colour,
        alignx=align,
        aligny=upright,
    )
    if buffer.has_error:
        buffer.geterror()
        return pixels
    return np.asarray(buffer.get_pixels(oiio.FLOAT), np.float32).reshape(pixels.shape[0], pixels.shape[1], 3)


def _writable(text: str) -> str:
    """The text in letters that the font has; a question mark for each that it has not."""
    return text.translate(_WRITTEN).encode("latin-1", "replace").decode("latin-1")


def text_width(text: str, size: int = 14, bold: bool = False) -> int:
    """Pixels that one line takes."""
    roi = oiio.ImageBufAlgo.text_size(_writable(text), size, _FONT + ("-Bold" if bold else ""))
    return int(roi.xend - roi.xbegin) if roi.defined else 0


def shorten(text: str, width: int, size: int = 14) -> str:
    """The text, its middle replaced by an ellipsis where it is wider than `width` pixels."""
    if text_width(text, size) <= width:
        return text
    keep = len(text) - 1
    while keep > 2:
        head = (keep + 1) // 2
        short = f"{text[:head]}…{text[len(text) - (keep - head) :]}"
        if text_width(short, size) <= width:
            return short
        keep -= 1
    return text[:1]


def wrap(text: str, width: int, size: int = 14, lines: int = 2) -> list[str]:
    """At most `lines` lines no wider than `width`; authored line breaks are kept, the last line shortened."""
    out: list[str] = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and text_width(longer, size) > width:
                out.append(line)
                line = word
            else:
                line = longer
        out.append(line)
    if len(out) > lines:
        out = [*out[: lines - 1], " ".join(out[lines - 1 :])]
    return [shorten(line, width, size) for line in out]
