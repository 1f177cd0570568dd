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
        Pixels along a cell's side.
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
    columns = max(1, min(columns or math.ceil(math.sqrt(count * 1.5)), count))
    rows = math.ceil(count / columns)
    gap, size = max(6, cell // 32), max(11, round(cell / 20))
    text_height = round(size * 1.35)
    lines = [wrap(label, cell - 8, size) for label in labels]
    label_height = max(map(len, lines)) * text_height + gap
    head = round(size * 2.4) if title else gap
    width = columns * (cell + gap) + gap
    height = head + rows * (cell + label_height + gap)
    page = np.full((height, width, 3), PAPER, np.float32)
    if title:
        page = write_text(page, title, gap, head // 2, round(size * 1.25), (INK,) * 3, bold=True)
    corners = []
    for i, path in enumerate(pictures):
        left = gap + (i % columns) * (cell + gap)
        top = head + (i // columns) * (cell + label_height + gap)
        corners.append((left, top))
        if i in set(marked):
            page[top - 3 : top + cell + 3, left - 3 : left + cell + 3] = ACCENT
        page[top : top + cell, left : left + cell] = _cell(Path(path), cell)
    for (left, top), words in zip(corners, lines, strict=True):
        for row, line in enumerate(words):
            y = top + cell + gap // 2 + row * text_height + text_height // 2
            page = write_text(page, line, left + cell // 2, y, size, (INK,) * 3, align="center")
    return picture.write(out, page)


def _cell(path: Path, cell: int) -> Array:
    paper = np.full(3, CELL, np.float32)
    try:
        return picture.fit(picture.read(path), cell, cell, paper)
    except RenderError:
        empty = np.broadcast_to(paper, (cell, cell, 3)).copy()
        return write_text(empty, "no picture", cell // 2, cell // 2, max(11, cell // 20), (0.5,) * 3, "center")


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
    delta = colour.difference(colour.to_lab(a), colour.to_lab(b))
    grey = np.repeat((b @ np.array([0.2126, 0.7152, 0.0722], np.float32))[..., None], 3, axis=2) * 0.45
    strength = np.clip(delta / scale, 0, 1)[..., None]
    heat = grey * (1 - strength) + _heat(strength[..., 0]) * strength
    page = np.concatenate([a, b, heat.astype(np.float32)], axis=1)
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
