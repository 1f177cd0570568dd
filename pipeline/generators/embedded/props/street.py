# SPDX-License-Identifier: Apache-2.0
"""Lanterns, lamp posts, signs, fences, pillars."""

from __future__ import annotations

import numpy as np

from pipeline.generators.embedded.pieces import Piece, revolve
from pipeline.generators.embedded.props.order import Order, Parts
from pipeline.generators.embedded.timber import bar


def lantern(order: Order) -> list[Piece]:
    """A square lantern standing on y = 0: base, glass, four bars, roof and knob."""
    w, h, _ = order.size
    c, hand, metal = order.clearance, order.hand, order.look("metal")
    base, roof = 0.08 * h, 0.26 * h
    post = 0.09 * w
    body = h - base - roof - 3 * c
    pieces = [bar((-w / 2, base / 2, 0), (w / 2, base / 2, 0), w, base, metal, hand)]
    reach = w * 0.42
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z = sx * reach, sz * reach
            y = base + c
            pieces.append(bar((x, y, z), (x, y + body, z), post, post, metal, hand, (0, 0, 1)))
    glass = revolve(
        np.array([(0, 0), (0.26 * w, 0), (0.32 * w, 0.5 * body), (0.24 * w, 0.96 * body), (0, 0.96 * body)]),
        8,
        order.look("goods", "glass"),
    )
    pieces.append(glass.moved((0, base + c, 0)))
    y = base + body + 2 * c
    cap = [(0, 0), (0.72 * w, 0), (0.74 * w, 0.14 * roof), (0.2 * w, 0.7 * roof), (0.12 * w, roof), (0, roof)]
    pieces.append(revolve(np.array(cap), 4, metal).turned("y", 45).moved((0, y, 0)))
    return pieces


def lamp(order: Order) -> Parts:
    """A lantern as a thing of its own."""
    return {"lantern": lantern(order)}


def lamppost(order: Order) -> Parts:
    """A post of iron with a lantern on it."""
    w, h, d = order.size
    c, metal = order.clearance, order.look("metal")
    r = 0.12 * min(w, d)
    head = 0.2 * h
    rise = h - head - 2 * c
    foot = [(0, 0), (2.6 * r, 0), (2.6 * r, 0.03 * h), (1.5 * r, 0.07 * h), (1.3 * r, 0.14 * h), (0.8 * r, 0.16 * h)]
    shaft = [
        *((0.75 * r - 0.15 * r * t, (0.2 + 0.56 * t) * h) for t in np.linspace(0, 1, 8)),
        (1.5 * r, rise - 0.015 * h),
        (1.5 * r, rise),
        (0, rise),
    ]
    post = revolve(np.array([*foot, *shaft]), 12, metal)
    size = min(w, d)
    top = [p.moved((0, rise + c, 0)) for p in lantern(order.sized(size / 1.05, head, size / 1.05))]
    return {"post": [post], "lantern": top}


def sign(order: Order) -> Parts:
    """A painted board in a wooden frame that stands on two feet."""
    w, h, d = order.size
    c, hand, dark = order.clearance, order.hand, order.look("wood", "dark")
    t, edge = 0.35 * d, 0.06 * h
    deep = (0.0, 0.0, 1.0)
    foot = 0.12 * h
    feet = [
        bar((s * 0.38 * w, foot / 2, -d / 2), (s * 0.38 * w, foot / 2, d / 2), edge, foot, dark, hand) for s in (-1, 1)
    ]
    low, high = foot + c, h
    sides = [
        bar((s * (w / 2 - edge / 2), low, 0), (s * (w / 2 - edge / 2), high, 0), edge, 1.6 * t, dark, hand, deep)
        for s in (-1, 1)
    ]
    inner = w / 2 - edge - c
    rails = [
        bar((-inner, y, 0), (inner, y, 0), edge, 1.6 * t, dark, hand, deep) for y in (low + edge / 2, high - edge / 2)
    ]
    middle = (low + high) / 2
    height = high - low - 2 * edge - 2 * c
    board = bar((-inner, middle, 0), (inner, middle, 0), height, t, order.look("paint"), hand, deep)
    return {"frame": [*feet, *sides, *rails], "board": [board]}


def signpost(order: Order) -> Parts:
    """A post with three boards that point both ways."""
    w, h, d = order.size
    c, hand = order.clearance, order.hand
    r = 0.28 * d
    deep = (0.0, 0.0, 1.0)
    post = bar((0, 0, 0), (0, h, 0), 2 * r, 2 * r, order.look("wood", "dark"), hand, deep)
    boards = []
    for i, (y, way) in enumerate(((0.9, 1), (0.76, -1), (0.62, 1))):
        reach = w / 2 * (1.0, 0.95, 0.85)[i]
        z = r + c + 0.1 * d
        boards.append(
            bar(
                (-0.35 * reach * way, y * h, z), (reach * way, y * h, z), 0.1 * h, 0.2 * d, order.woods()[i], hand, deep
            )
        )
    return {"post": [post], "boards": boards}


def fence(order: Order) -> Parts:
    """Posts, two rails behind, and pales in front."""
    w, h, d = order.size
    c, hand, dark = order.clearance, order.hand, order.look("wood", "dark")
    deep = (0.0, 0.0, 1.0)
    count = max(2, round(w / 1.6) + 1)
    p = min(0.1, 0.5 * d)
    xs = np.linspace(-w / 2 + p / 2, w / 2 - p / 2, count)
    posts = [bar((x, 0, 0), (x, h, 0), p, p, dark, hand, deep) for x in xs]
    rail, t = 0.07 * h, 0.2 * d
    front = p / 2 + c + t / 2
    rails = [bar((-w / 2, y * h, front), (w / 2, y * h, front), rail, t, dark, hand, deep) for y in (0.3, 0.75)]
    pales = []
    n = max(3, round(w / 0.16))
    face = front + t + c
    for x in np.linspace(-w / 2 + 0.05, w / 2 - 0.05, n):
        top = h * float(hand.rng.uniform(0.9, 0.98))
        pales.append(
            bar((x, 0.05 * h, face), (x, top, face), 0.095, t, order.woods()[int(hand.rng.integers(3))], hand, deep)
        )
    return {"posts": posts, "rails": rails, "pales": pales}


def pillar(order: Order) -> Parts:
    """A stone pillar: plinth, shaft with a slight swelling, capital."""
    w, h, d = order.size
    c, hand, stone = order.clearance, order.hand, order.look("stone")
    base, r = 0.07 * h, 0.36 * min(w, d)
    pieces = [bar((-w / 2, base / 2, 0), (w / 2, base / 2, 0), d, base, stone, hand)]
    top = h - base
    rise = top - base - 2 * c
    profile = [
        (0, 0), (1.25 * r, 0), (1.28 * r, 0.03 * rise), (1.05 * r, 0.06 * rise), (1.04 * r, 0.35 * rise),
        (0.98 * r, 0.7 * rise), (0.92 * r, 0.92 * rise), (1.2 * r, 0.97 * rise), (1.2 * r, rise), (0, rise),
    ]  # fmt: skip
    pieces.append(revolve(np.array(profile), 20, order.look("stone", shade=1.05)).moved((0, base + c, 0)))
    pieces.append(bar((-w / 2, top + base / 2, 0), (w / 2, top + base / 2, 0), d, base, stone, hand))
    return {"pillar": pieces}


def pot(order: Order) -> Parts:
    """A pot of clay."""
    w, h, d = order.size
    r = min(w, d) / 2
    wall = 0.14 * r
    outer = [(0, 0), (0.55 * r, 0), (0.85 * r, 0.22 * h), (r, 0.5 * h), (0.8 * r, 0.82 * h), (0.88 * r, h)]
    inner = [
        (0.88 * r - wall, h),
        (0.8 * r - wall, 0.82 * h),
        (r - 1.4 * wall, 0.5 * h),
        (0.5 * r, 0.16 * h),
        (0, 0.16 * h),
    ]
    return {"pot": [revolve(np.array([*outer, *inner]), 20, order.look("goods", "clay"))]}
