# SPDX-License-Identifier: Apache-2.0
"""Beams, planks and poles: lofts with chamfered edges and the slight irregularity of hand work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from pipeline.generators.embedded.pieces import Floats, Look, Piece, loft

#: a chamfer's faces keep an angle above 2 degrees when a segment is at most this many chamfers long
SLIVER = 26.0


@dataclass(frozen=True)
class Hand:
    """The workmanship of a kit: how wide chamfers are, how uneven edges run, how finely it is cut.

    Attributes
    ----------
    chamfer
        metres, 0 for sharp edges.
    wobble
        metres by which a plank may bend; keep below half the clearance between planks.
    detail
        1 cuts as finely as chamfers need; less makes fewer segments.
    """

    rng: np.random.Generator
    chamfer: float = 0.009
    wobble: float = 0.003
    detail: float = 1.0

    @property
    def sharp(self) -> Hand:
        """The same hand without chamfers, for what is hardly seen."""
        return replace(self, chamfer=0.0)

    def segments(self, length: float, chamfer: float) -> int:
        """Lengthwise segments of a bar."""
        step = max(SLIVER * chamfer * 1.414, 0.08) if chamfer else length
        return max(1, round(self.detail * ceil(length / step)))


def _rectangle(half_w: float, half_t: float, c: float) -> Floats:
    """(8, 2) outline of a chamfered rectangle, counter-clockwise, the upper face first."""
    w, t = half_w, half_t
    return np.array(
        [
            (w - c, t),
            (-w + c, t),
            (-w, t - c),
            (-w, -t + c),
            (-w + c, -t),
            (w - c, -t),
            (w, -t + c),
            (w, t - c),
        ]
    )


def _frame(a: Floats, b: Floats, up: ArrayLike) -> tuple[float, Floats, Floats, Floats]:
    axis = b - a
    length = float(np.linalg.norm(axis))
    axis = axis / length
    hint = np.asarray(up, float)
    t = hint - axis * (hint @ axis)
    t /= np.linalg.norm(t)
    return length, axis, np.cross(t, axis), t


def bar(
    start: ArrayLike,
    end: ArrayLike,
    width: float,
    thickness: float,
    look: Look,
    hand: Hand,
    up: ArrayLike = (0, 1, 0),
) -> Piece:
    """A chamfered beam or plank from `start` to `end`; `thickness` is measured along `up`.

    Sizes in metres; bending stays within `hand.wobble` and is 0 at both ends.
    """
    a, b = np.asarray(start, float), np.asarray(end, float)
    length, axis, w, t = _frame(a, b, up)
    half_w, half_t = width / 2, thickness / 2
    if not hand.chamfer:
        sharp = np.array([(half_w, half_t), (-half_w, half_t), (-half_w, -half_t), (half_w, -half_t)])
        ends = np.stack([a, b])[:, None, :]
        return loft(ends + sharp[:, :1] * w + sharp[:, 1:] * t, look)
    c = min(hand.chamfer, 0.35 * min(half_w, half_t), length * 0.2)
    if c < 0.002:
        c = min(0.002, 0.3 * min(half_w, half_t))
    n = hand.segments(length, c)
    s = np.concatenate([[0.0], np.linspace(c, length - c, n + 1), [length]])
    outline = np.repeat(_rectangle(half_w, half_t, c)[None], n + 3, axis=0)
    outline[[0, -1]] = _rectangle(half_w - c, half_t - c, c * 0.8)
    if hand.wobble and n > 1:
        inner = slice(2, n + 1)
        taper = 1 + hand.rng.uniform(-1, 0.2, (n - 1, 1, 2)) * hand.wobble / np.array([half_w, half_t])
        outline[inner] *= taper
        bend = hand.rng.uniform(-0.5, 0.5, 2) * hand.wobble
        curve = np.sin(np.linspace(0, np.pi, n + 1))[1:-1]
        outline[inner] += curve[:, None, None] * bend
    rings = a + s[:, None, None] * axis + outline[..., :1] * w + outline[..., 1:] * t
    return loft(rings, look)


def pole(
    start: ArrayLike, end: ArrayLike, radius: float, look: Look, hand: Hand, sides: int = 10, taper: float = 1.0
) -> Piece:
    """A round pole with chamfered ends; `taper` is the end's radius over the start's. Metres."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    up = (0, 0, 1) if abs((b - a)[1]) > 0.9 * np.linalg.norm(b - a) else (0, 1, 0)
    length, axis, w, t = _frame(a, b, up)
    c = min(0.3 * radius, length * 0.2)
    step = max(6.0 * radius, 0.1)
    n = max(1, round(hand.detail * np.ceil(length / step)))
    s = np.concatenate([[0.0], np.linspace(c, length - c, n + 1), [length]])
    r = np.interp(s, [0, length], [radius, radius * taper])
    r[[0, -1]] *= 0.7
    angle = np.arange(sides) * (2 * np.pi / sides)
    circle = np.cos(angle)[:, None] * w + np.sin(angle)[:, None] * t
    rings = a + s[:, None, None] * axis + r[:, None, None] * circle
    if hand.wobble and n > 1:
        rings[2:-2] += hand.rng.uniform(-0.5, 0.5, (n - 1, 1, 1)) * hand.wobble * w
    return loft(rings, look)


def planks(
    corner: ArrayLike,
    along: ArrayLike,
    across: ArrayLike,
    count: int,
    thickness: float,
    gap: float,
    looks: list[Look],
    hand: Hand,
    ragged: float = 0.0,
) -> list[Piece]:
    """A row of planks that fills a parallelogram, with `gap` metres between neighbours.

    `corner`, `along`, `across` (3,) metres: planks run along the first and lie beside each other along the
    second; their upper side looks along `across` x `along`... `ragged` shortens ends by up to so many metres.
    """
    o, d, e = (np.asarray(x, float) for x in (corner, along, across))
    span = float(np.linalg.norm(e))
    share = 1 + hand.rng.uniform(-0.15, 0.15, count)
    share /= share.sum()
    edges = np.concatenate([[0.0], np.cumsum(share)])
    up = np.cross(e, d)
    unit = d / np.linalg.norm(d)
    result = []
    for i in range(count):
        middle = o + e * (edges[i] + edges[i + 1]) / 2
        width = span * share[i] - gap
        cut = hand.rng.uniform(0, ragged, 2)
        look = looks[int(hand.rng.integers(len(looks)))]
        result.append(bar(middle + unit * cut[0], middle + d - unit * cut[1], width, thickness, look, hand, up))
    return result
