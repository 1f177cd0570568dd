# SPDX-License-Identifier: Apache-2.0
"""Contact sheets, and pictures of what two versions differ in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RenderError, UsageError
from pipeline.render import colour, picture
from pipeline.render.lettering import wrap, write_text
from pipeline.render.strokes import letter

Array = NDArray[Any]

#: display-space greys of a sheet: paper, cell, ink
PAPER, CELL, INK = 0.11, 0.16, 0.88
#: display-space orange of the wipe's line and of a marked cell
ACCENT = (1.0, 0.62, 0.20)


def contact_sheet(
    pictures: Sequence[str | Path],
    labels: Sequence[str],
    out: str | Path,
    columns: int | None = None,
    cell: int = 320,
    title: str = "",
    marked: Sequence[int] = (),
) -> Path:
    """Pictures in a grid, each with its label beneath.

    Parameters
    ----------
    pictures
        Files of any size; each is fitted whole into its cell. A picture that does not exist leaves an
        empty cell that says so: one failed candidate must not cost the whole sheet.
    labels
        One for each picture, up to two lines of text.
    columns
        Chosen near a 3:2 sheet unless told.
    cell
        Pixels along the side of a square cell; cells have the pictures' own shape and the same area.
    marked
        Indices of pictures that get a coloured frame, for instance the selected candidate.

    Raises
    ------
    pipeline.errors.UsageError
        No pictures, or not one label for each.
    """
    if not pictures:
        raise UsageError("a contact sheet needs at least one picture", remedy="name one or more image files")
    if len(labels) != len(pictures):
        raise UsageError(f"{len(pictures)} pictures but {len(labels)} labels", remedy="give one label each")
    count = len(pictures)
    loaded = [_read(Path(path)) for path in pictures]
    cell_width, cell_height = _cell_size(loaded, cell)
    wide = math.ceil(math.sqrt(count * 1.5 * cell_height / cell_width))
    columns = max(1, min(columns or wide, count))
    rows = math.ceil(count / columns)
    gap, size = max(6, cell // 32), max(11, round(cell / 20))
    text_height = round(size * 1.35)
    lines = [wrap(label, cell_width - 8, size) for label in labels]
    label_height = max(map(len, lines)) * text_height + gap
    head = round(size * 2.4) if title else gap
    width = columns * (cell_width + gap) + gap
    height = head + rows * (cell_height + label_height + gap)
    page = np.full((height, width, 3), PAPER, np.float32)
    if title:
        page = write_text(page, title, gap, head // 2, round(size * 1.25), (INK,) * 3, bold=True)
    corners = []
    for i, pixels in enumerate(loaded):
        left = gap + (i % columns) * (cell_width + gap)
        top = head + (i // columns) * (cell_height + label_height + gap)
        corners.append((left, top))
        if i in set(marked):
            page[top - 3 : top + cell_height + 3, left - 3 : left + cell_width + 3] = ACCENT
        page[top : top + cell_height, left : left + cell_width] = _cell(pixels, cell_width, cell_height)
    for (left, top), words in zip(corners, lines, strict=True):
        for row, line in enumerate(words):
            y = top + cell_height + gap // 2 + row * text_height + text_height // 2
            letter(page, line, left + cell_width / 2, y, size, (INK,) * 3, "center")
    return picture.write(out, page)


def _read(path: Path) -> Array | None:
    try:
        return picture.read(path)
    except RenderError:
        return None


def _cell_size(pictures: Sequence[Array | None], cell: int) -> tuple[int, int]:
    """Width and height of all cells: the median shape of the pictures, with the area of a square of side `cell`."""
    shapes = [p.shape[1] / p.shape[0] for p in pictures if p is not None]
    aspect = float(np.clip(np.median(shapes), 0.25, 4.0)) if shapes else 1.0
    return max(16, round(cell * math.sqrt(aspect))), max(16, round(cell / math.sqrt(aspect)))


def _cell(pixels: Array | None, width: int, height: int) -> Array:
    paper = np.full(3, CELL, np.float32)
    if pixels is not None:
        return picture.fit(pixels, width, height, paper)
    empty = np.broadcast_to(paper, (height, width, 3)).copy()
    return write_text(empty, "no picture", width // 2, height // 2, max(11, height // 20), (0.5,) * 3, "center")


def wipe(before: str | Path, after: str | Path, out: str | Path, position: float = 0.5) -> Path:
    """One picture: left of the line the first version, right of it the second.

    Parameters
    ----------
    position
        Where the line stands, 0 (all after) to 1 (all before).
    """
    a, b = _pair(before, after)
    width = a.shape[1]
    line = round(min(max(position, 0.0), 1.0) * width)
    joined = np.concatenate([a[:, :line], b[:, line:]], axis=1)
    if 0 < line < width:
        joined[:, max(line - 1, 0) : line + 1] = ACCENT
    size = max(11, joined.shape[0] // 32)
    joined = write_text(joined, "before", size, size, size, ACCENT)
    joined = write_text(joined, "after", width - size, size, size, ACCENT, align="right")
    return picture.write(out, joined)


def difference(before: str | Path, after: str | Path, out: str | Path, scale: float = 20.0) -> Path:
    """Both versions small above, and where they differ: CIEDE2000 as heat over the grey picture.

    Parameters
    ----------
    scale
        The CIEDE2000 that is drawn in full colour.
    """
    a, b = _pair(before, after)
    delta, heated = _changed(a, b, scale)
    page = np.concatenate([a, b, heated], axis=1)
    size = max(11, a.shape[0] // 28)
    changed = float((delta > 1).mean())
    for i, words in enumerate(
        (
            "before",
            "after",
            f"ΔE2000: mean {delta.mean():.2f}, largest {delta.max():.1f}, {changed:.0%} changed",
        )
    ):
        page = write_text(page, words, i * a.shape[1] + size, size, size, ACCENT)
    return picture.write(out, page)


def heat(before: str | Path, after: str | Path, out: str | Path, scale: float = 20.0) -> Path:
    """Only where two versions differ: CIEDE2000 as heat over the grey picture."""
    return picture.write(out, _changed(*_pair(before, after), scale)[1])


def _changed(a: Array, b: Array, scale: float) -> tuple[Array, Array]:
    """CIEDE2000 ``(h, w)``, and the second picture in grey with the difference as heat."""
    delta = colour.difference(colour.to_lab(a), colour.to_lab(b))
    grey = np.repeat((b @ np.array([0.2126, 0.7152, 0.0722], np.float32))[..., None], 3, axis=2) * 0.45
    strength = np.clip(delta / scale, 0, 1)[..., None]
    shown = grey * (1 - strength) + _heat(strength[..., 0]) * strength
    return delta, shown.astype(np.float32)


def _heat(value: Array) -> Array:
    """Dark blue to red to yellow, ``(..., 3)``, for 0..1."""
    stops = np.array([[0.05, 0.15, 0.6], [0.8, 0.1, 0.25], [1.0, 0.55, 0.05], [1.0, 0.95, 0.4]])
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(value, at, stops[:, i]) for i in range(3)], axis=-1).astype(np.float32)


def _pair(before: str | Path, after: str | Path) -> tuple[Array, Array]:
    paper = np.full(3, CELL, np.float32)
    a = picture.over(picture.rgb_or_rgba(picture.read(before)), paper)
    b = picture.rgb_or_rgba(picture.read(after))
    return a, picture.fit(b, a.shape[1], a.shape[0], paper)
