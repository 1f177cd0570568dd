# SPDX-License-Identifier: Apache-2.0
"""Pictures with remarks on them: frames around what is meant, numbered labels beside, a legend beneath.

Labels stand in margins left and right of the picture, so that they hide nothing and never overlap; they are ordered
by the height of what they point at, so that leaders seldom cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.render.lettering import text_width, wrap
from pipeline.render.strokes import corners, disc, frame, letter, line, plate

__all__ = ["Callout", "annotate", "legend", "stacked"]

Array = NDArray[Any]
Colour = tuple[float, float, float]

#: display-space greys of a sheet: paper, plates, ink, quiet ink, rule
PAPER, PLATE, INK, QUIET, RULE = (0.11,) * 3, (0.17,) * 3, (0.92,) * 3, (0.62,) * 3, (0.26,) * 3
#: colours by severity, told apart by people who see no red or green too
COLOURS: dict[str, Colour] = {
    "error": (0.95, 0.33, 0.31),
    "warning": (1.0, 0.70, 0.22),
    "info": (0.47, 0.73, 0.98),
}
DARK = (0.07,) * 3


@dataclass(frozen=True)
class Callout:
    """A remark on a picture.

    Attributes
    ----------
    title
        A few words.
    box
        Left, top, right, bottom in shares of the picture; None where it does not show.
    """

    number: int
    title: str
    severity: str
    box: tuple[float, float, float, float] | None = None


def annotate(picture: Array, callouts: Sequence[Callout], size: int = 0) -> Array:
    """The picture ``(h, w, 3)`` in display space with its callouts, wider by two margins.

    Parameters
    ----------
    size
        Pixels of the letters; by the picture's height unless told.
    """
    height, width = picture.shape[:2]
    size = size or max(13, round(height / 34))
    margin = _margin(callouts, size, width)
    groups = _grouped(callouts)
    sides = {
        side: [_block(b, m, margin, size, height) for b, m in groups if _side(b, groups) == side]
        for side in ("left", "right")
    }
    # more labels than the picture is high: the page grows beneath it
    tall = max([height, *(round(sum(b.room for b in blocks)) for blocks in sides.values())])
    page = np.full((tall, width + 2 * margin, 3), PAPER, np.float32)
    page[:height, margin : margin + width] = picture[..., :3]
    for box, members in groups:
        if box is not None:
            low = (margin + box[0] * width, box[1] * height)
            high = (margin + box[2] * width, box[3] * height)
            colour = COLOURS[_worst(members)]
            frame(page, low, high, DARK, 3.0, alpha=0.35)
            frame(page, low, high, colour, 1.0, alpha=0.7)
            corners(page, low, high, DARK, 6.0)
            corners(page, low, high, colour, 3.0)
    for side, left in (("left", 0), ("right", margin + width)):
        _labels(page, sides[side], side, left, margin, (height, width), size)
    return page


def legend(rows: Sequence[tuple[Callout, str, str, str, str]], width: int, size: int = 15) -> Array:
    """A table beneath the picture: number, remark, found, expected, advice; nothing is cut off.

    Parameters
    ----------
    rows
        A callout with its message, what was found, what was expected, and the advice.
    """
    gap, step = round(size * 0.9), round(size * 1.45)
    badge = round(size * 2.4)
    shares = np.array([0.34, 0.25, 0.19, 0.22])
    columns = np.floor((width - badge - 5 * gap) * shares).astype(int)
    lefts = badge + gap + np.concatenate([[0], np.cumsum(columns[:-1] + gap)])
    cells = [
        [wrap(text, int(columns[i]), size, 99) for i, text in enumerate((message, found, expected, advice))]
        for _, message, found, expected, advice in rows
    ]
    heights = [max(len(c) for c in row) * step + gap for row in cells]
    page = np.full((round(step * 1.6) + sum(heights) + gap, width, 3), PAPER, np.float32)
    for left, title in zip(lefts, ("remark", "found", "expected", "advice"), strict=True):
        letter(page, title, float(left), step * 0.8, size, QUIET, bold=True)
    top = round(step * 1.6)
    for (callout, *_), row, height in zip(rows, cells, heights, strict=True):
        page[top, gap : width - gap] = RULE
        first = top + gap * 0.5 + step * 0.6
        _badge(page, callout, badge / 2 + gap * 0.5, first, size)
        for i, (left, lines) in enumerate(zip(lefts, row, strict=True)):
            for n, text in enumerate(lines):
                letter(page, text, float(left), first + n * step, size, INK if i < 3 else QUIET)
        top += height
    return page


def stacked(parts: Sequence[Array], title: str = "", size: int = 18) -> Array:
    """Pictures one beneath the other on one page, as wide as the widest, with a title."""
    width = max(p.shape[1] for p in parts)
    head = round(size * 2.6) if title else 0
    page = np.full((head + sum(p.shape[0] for p in parts), width, 3), PAPER, np.float32)
    if title:
        letter(page, title, size, head / 2, size, INK, bold=True)
    top = head
    for part in parts:
        left = (width - part.shape[1]) // 2
        page[top : top + part.shape[0], left : left + part.shape[1]] = part
        top += part.shape[0]
    return page


def _margin(callouts: Sequence[Callout], size: int, width: int) -> int:
    """Wide enough for the widest word and for most titles on two lines."""
    if not callouts:
        return 0
    widest = max(text_width(word, size) for c in callouts for word in c.title.split())
    whole = max(text_width(c.title, size) for c in callouts)
    return int(min(max(widest, whole / 2, size * 6), max(widest, width * 0.22)) + size * 4.2)


def _grouped(callouts: Sequence[Callout]) -> list[tuple[Any, list[Callout]]]:
    """Callouts that frame the same thing share a frame; those that frame nothing come last."""
    groups: list[tuple[Any, list[Callout]]] = []
    for each in callouts:
        for box, members in groups:
            same = box is None and each.box is None
            if box is not None and each.box is not None:
                same = max(abs(a - b) for a, b in zip(box, each.box, strict=True)) < 0.012
            if same:
                members.append(each)
                break
        else:
            groups.append((each.box, [each]))
    return sorted(groups, key=lambda g: g[0] is None)


def _side(box: Any, groups: Sequence[tuple[Any, list[Callout]]]) -> str:
    """Left or right: by the middle of the frame, the fuller half gives to the other."""
    total = sum(len(m) for _, m in groups)
    count = 0.0
    for each, members in sorted(groups, key=lambda g: 2.0 if g[0] is None else g[0][0] + g[0][2]):
        if each == box:
            return "left" if count + len(members) / 2 < total / 2 else "right"
        count += len(members)
    return "right"


@dataclass(frozen=True)
class _Block:
    """The labels of one frame: where they would like to stand, how high they are, what they say."""

    wanted: float
    tall: float
    room: float
    box: Any
    members: list[Callout]
    lines: list[list[str]]


def _block(box: Any, members: list[Callout], margin: int, size: int, height: int) -> _Block:
    step, pad = round(size * 1.3), round(size * 0.55)
    lines = [wrap(c.title, margin - round(size * 3.7), size, 9) for c in members]
    tall = sum(len(x) * step + pad for x in lines) + pad
    wanted = height / 2 if box is None else (box[1] + box[3]) / 2 * height
    return _Block(wanted, tall, tall + pad, box, members, lines)


def _labels(
    page: Array, blocks: list[_Block], side: str, left: int, margin: int, shape: tuple[int, int], size: int
) -> None:
    """The labels of one margin, spread so that none overlaps, each with a leader to its frame."""
    height, width = shape
    step, pad = round(size * 1.3), round(size * 0.55)
    blocks = sorted(blocks, key=lambda b: b.wanted)
    tops = _spread([b.wanted - b.tall / 2 for b in blocks], [b.room for b in blocks], page.shape[0])
    edge = pad
    for top, block in zip(tops, blocks, strict=True):
        top += pad / 2  # noqa: PLW2901
        tall, box, members, lines = block.tall, block.box, block.members, block.lines
        colour = COLOURS[_worst(members)]
        low, high = (left + edge, top), (left + margin - edge, top + tall)
        if box is not None:
            inner = left + margin - edge if side == "left" else left + edge
            picture_left = left + margin if side == "left" else left - width
            near = picture_left + (box[0] if side == "left" else box[2]) * width
            reach = (box[3] - box[1]) * height / 2
            middle = (box[1] + box[3]) * height / 2
            at = (near, float(np.clip(top + tall / 2, middle - max(reach - 4, 0), middle + max(reach - 4, 0))))
            line(page, (inner, top + tall / 2), at, DARK, 4.5)
            line(page, (inner, top + tall / 2), at, colour, 2.0)
            disc(page, at, 5.5, DARK)
            disc(page, at, 4.0, colour)
        plate(page, low, high, PLATE, 6.0)
        plate(page, low, (low[0] + 4, high[1]), colour, 2.0)
        y = top + pad
        for callout, words in zip(members, lines, strict=True):
            _badge(page, callout, low[0] + size * 1.45, y + step / 2, size)
            for n, text in enumerate(words):
                letter(page, text, low[0] + size * 2.5, y + step / 2 + n * step, size, INK)
            y += len(words) * step + pad


def _spread(wanted: list[float], sizes: list[float], height: float) -> list[float]:
    """Tops as near as they can be to where they are wanted, without overlap and inside of the picture.

    Neighbours that would overlap are pooled and stand together around the mean of their wishes.
    """
    pools: list[list[float]] = []  # [top, size, count, sum of (wanted - offset)]
    for want, size in zip(wanted, sizes, strict=True):
        pool = [want, size, 1, want]
        pools.append(pool)
        while len(pools) > 1 and pools[-2][0] + pools[-2][1] > pools[-1][0]:
            last, before = pools.pop(), pools.pop()
            total = before[3] + last[3] - last[2] * before[1]
            count = before[2] + last[2]
            pools.append([total / count, before[1] + last[1], count, total])
        pools[-1][0] = min(max(pools[-1][0], 0.0), max(height - pools[-1][1], 0.0))
    # a pool pushed inwards may now reach its neighbours
    floor = 0.0
    for pool in pools:
        pool[0] = max(pool[0], floor)
        floor = pool[0] + pool[1]
    ceiling = height
    for pool in reversed(pools):
        pool[0] = max(min(pool[0], ceiling - pool[1]), 0.0)
        ceiling = pool[0]
    tops, number = [], 0
    for top, _, count, _ in pools:
        for _ in range(int(count)):
            tops.append(top)
            top += sizes[number]  # noqa: PLW2901
            number += 1
    return tops


def _badge(page: Array, callout: Callout, x: float, y: float, size: int) -> None:
    disc(page, (x, y), size * 0.82, COLOURS[callout.severity])
    small = size if callout.number < 10 else round(size * 0.8)
    letter(page, str(callout.number), x, y, small, DARK, "center", bold=True)


def _worst(members: Sequence[Callout]) -> str:
    order = list(COLOURS)
    return min((c.severity for c in members), key=order.index)
