# SPDX-License-Identifier: Apache-2.0
"""The market stall: timber frame, counter, striped canopy, trays of wares, sign and lantern.

Every joint keeps the order's clearance, so that parts stay apart and nothing crosses. Front is +Z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.generators.embedded.pieces import Piece
from pipeline.generators.embedded.props.canopy import canopy
from pipeline.generators.embedded.props.containers import barrel, loaded
from pipeline.generators.embedded.props.goods import WARES, ball, jar
from pipeline.generators.embedded.props.order import Order, Parts, shifted, turned
from pipeline.generators.embedded.props.street import lantern
from pipeline.generators.embedded.timber import bar, planks, pole


@dataclass(frozen=True)
class Lines:
    """The main lines of a stall, metres: post section and places, beam and eave heights, the counter."""

    post: float
    px: float
    front: float
    back: float
    eave: float
    beam: float
    counter: float
    board: float
    legs: float
    roof: str


def lines(order: Order) -> Lines:
    """Choose the main lines from the size and the traits."""
    w, h, d = order.size
    scale = float(np.clip(min(w, h, d) / 1.8, 0.3, 2.0))
    post = 0.105 * scale
    roofs = [r for r in ("gable", "awning") if r in order.traits]
    roof = roofs[0] if roofs else ("gable", "awning", "gable")[int(order.rng.integers(3))]
    low = float(order.rng.uniform(0.69, 0.72)) if roof == "gable" else float(order.rng.uniform(0.72, 0.75))
    front = d / 2 - 0.235 * d - post / 2
    counter = h * float(order.rng.uniform(0.345, 0.37))
    return Lines(
        post,
        w / 2 - 0.055 * w - post / 2,
        front,
        -d / 2 + 0.06 * d + post / 2,
        h * low,
        0.085 * scale,
        counter,
        0.042 * scale,
        front - 0.3 * d,
        roof,
    )


def stall(order: Order) -> Parts:
    """Build the stall; parts `frame`, `counter`, `canopy`, and what was asked or suits: `crates`, `goods`, …"""
    at = lines(order)
    parts: Parts = {"frame": _frame(order, at), "counter": _counter(order, at)}
    parts["canopy"] = canopy(order, at.roof, at.eave + at.beam, at.front, at.back)
    trays, wares = _display(order, at)
    parts["crates"], parts["goods"] = trays, wares
    shelf, jars = _shelf(order, at)
    parts["frame"] += shelf
    parts["goods"] += jars
    if order.wants("sign", 1):
        parts["sign"] = _sign(order, at)
    if order.wants("lamp", 1):
        parts["lamp"] = _lamp(order, at)
    if order.wants("barrel", 1):
        cask, extra = _cask(order, at)
        parts["barrel"] = cask
        parts["goods"] += extra
    return {name: pieces for name, pieces in parts.items() if pieces}


def _frame(order: Order, at: Lines) -> list[Piece]:
    c, hand, dark = order.clearance, order.hand, order.woods("dark")
    p, b = at.post, at.beam
    deep = (0, 0, 1)
    pieces: list[Piece] = []
    top = at.eave - b - c
    for sx in (-1, 1):
        pieces += [
            bar((sx * at.px, 0, z), (sx * at.px, top, z), p, p, dark[1], hand, deep) for z in (at.front, at.back)
        ]
    reach = at.px + p * 0.9
    for z in (at.front, at.back):
        y = at.eave - b / 2
        pieces.append(bar((-reach, y, z), (reach, y, z), p * 0.85, b, dark[2], hand))
    for sx in (-1, 1):
        y = at.eave + c + b / 2
        over = at.front + 0.72 * (order.size[2] / 2 - at.front)
        pieces.append(bar((sx * at.px, y, at.back - p), (sx * at.px, y, over), p * 0.8, b, dark[1], hand))
        behind = at.front - p / 2 - 2 * c - 0.025 - hand.wobble
        low, high = top - 0.15 * order.size[1], at.eave - 0.25 * b
        pieces.append(
            bar(
                (sx * at.px, low, behind),
                (sx * (at.px - 0.19 * order.size[0]), high, behind),
                0.6 * p,
                0.05,
                dark[0],
                hand,
                deep,
            )
        )
        rail = 0.16 * order.size[1]
        start, end = at.back + p / 2 + c, at.legs - 0.4 * p - c
        pieces.append(
            bar((sx * at.px, rail, start), (sx * at.px, rail, end), 0.6 * p, 0.7 * p, dark[0], hand, (sx, 0, 0))
        )
    inside = at.px - p / 2 - c
    pieces += planks(
        (inside, 0.1 * order.size[1], at.back),
        (-2 * inside, 0, 0),
        (0, 0.2 * order.size[1], 0),
        3,
        0.034,
        0.016,
        order.woods(),
        hand,
    )
    return pieces


def _counter(order: Order, at: Lines) -> list[Piece]:
    c, hand, woods, dark = order.clearance, order.hand, order.woods(), order.woods("dark")
    p, t = at.post, at.board
    inside = at.px - p / 2 - order.play(max(c, 0.004))
    under = at.counter - t
    pieces = planks(
        (-inside, at.counter - t / 2, at.front + 0.95 * p + 0.06),
        (2 * inside, 0, 0),
        (0, 0, -(at.front + 0.95 * p + 0.06 - at.legs + 0.4 * p)),
        5,
        t,
        0.009,
        order.woods(),
        hand,
        0.012,
    )
    face = 0.032
    low, high = 0.045 * order.size[1], under - c
    behind = at.front - face / 2 - c - 0.6 * p / 2
    count = max(5, round(2 * inside / 0.17))
    pieces += planks(
        (-inside, low, at.front), (0, high - low, 0), (2 * inside, 0, 0), count, face, 0.01, woods, hand, 0.01
    )
    rail = 0.62 * p
    for y in (low + 0.1, under - c - rail / 2):
        pieces.append(bar((-inside, y, behind), (inside, y, behind), rail, 0.55 * p, dark[0], hand, (0, 0, 1)))
    for sx in (-1, 1):
        x = sx * at.px
        pieces.append(bar((x, 0, at.legs), (x, under - c, at.legs), 0.8 * p, 0.8 * p, dark[1], hand, (0, 0, 1)))
        front, back = at.front - p / 2 - c, at.legs + 0.4 * p + c
        pieces += planks(
            (x, low, front if sx > 0 else back),
            (0, 0, (back - front) * sx),
            (0, high - low - 0.01, 0),
            5,
            0.03,
            0.011,
            woods,
            hand,
        )
    return pieces


def _display(order: Order, at: Lines) -> tuple[list[Piece], list[Piece]]:
    """Trays on the counter, tilted towards the customer on a batten."""
    count = order.wants("crate", 3)
    names = [w for w in WARES if order.extras.get(w)]
    if not names:
        pool = ["apple", "orange", "cabbage", "bread", "lemon", "tomato", "pear", "cheese", "plum"]
        names = [str(n) for n in order.rng.permutation(pool)[: max(count, 1)]]
    if not count:
        return [], []
    c = order.clearance
    width = 2 * (at.px - at.post / 2) - 0.03
    depth = (at.front - at.legs) * 0.93
    each = min(width / count - 0.05, depth * 1.45)
    height = 0.13
    tilt = 13.0
    trays: list[Piece] = []
    wares: list[Piece] = []
    y0 = at.counter + c
    near = at.front + 0.2 * at.post
    for i in range(count):
        box, goods = loaded(order, names[i % len(names)], each, height, depth)
        x = (i - (count - 1) / 2) * (width / count) + float(order.rng.uniform(-0.01, 0.01))
        yaw = float(order.rng.uniform(-2.0, 2.0)) if count < 5 else 0.0
        hinge = (0.0, 0.0, depth / 2)
        batten = bar(
            (-each * 0.4, 0, -depth * 0.32),
            (each * 0.4, 0, -depth * 0.32),
            0.045,
            float(np.sin(np.radians(tilt)) * depth * 0.78) - 2 * c - 0.006,
            order.look("wood", "dark"),
            order.hand.sharp,
        )
        rest = float(batten.points[:, 1].min())
        place = (x, y0, near - depth / 2)
        trays += shifted(turned(turned(box, "x", tilt, hinge), "y", yaw), *place)
        trays.append(batten.moved((0, -rest, 0)).turned("y", yaw).moved(place))
        wares += shifted(turned(turned(goods, "x", tilt, hinge), "y", yaw), *place)
    return trays, wares


def _shelf(order: Order, at: Lines) -> tuple[list[Piece], list[Piece]]:
    """A shelf between the back posts with jars and pots on it."""
    c, hand, p = order.clearance, order.hand, at.post
    y, depth, t = 0.5 * order.size[1], 0.13 * order.size[2], 0.034
    inside = at.px - p / 2 - order.play(max(c, 0.004))
    start = at.back - p / 2
    pieces = planks(
        (-inside, y - t / 2, start + depth), (2 * inside, 0, 0), (0, 0, -depth), 2, t, 0.01, order.woods(), hand
    )
    for x in (-0.62 * inside, 0.0, 0.62 * inside):
        pieces.append(
            bar(
                (x, y - t - c - 0.03, start + 0.01),
                (x, y - t - c - 0.03, start + depth - 0.02),
                0.05,
                0.06,
                order.look("wood", "dark"),
                hand,
            )
        )
    rail = y - t - 2 * c - 0.06
    pieces.append(
        bar(
            (-inside, rail - 0.04, start + depth / 2),
            (inside, rail - 0.04, start + depth / 2),
            0.06,
            0.08,
            order.look("wood", "dark"),
            hand,
        )
    )
    jars: list[Piece] = []
    x = -inside + 0.12
    while x < inside - 0.2:
        radius = float(order.rng.uniform(0.05, 0.085))
        height = radius * float(order.rng.uniform(2.2, 3.4))
        use = ("clay", "paint", "cloth2", "leaf")[int(order.rng.integers(4))]
        look = order.look("goods", use, float(order.rng.uniform(0.85, 1.05)))
        made = jar(order, radius, height, look, int(order.rng.integers(3)))
        if order.rng.uniform() < 0.8:
            jars.append(made.moved((x + radius, y + c, start + depth / 2)))
        x += 2 * radius + float(order.rng.uniform(0.03, 0.12))
    return pieces, jars


def _sign(order: Order, at: Lines) -> list[Piece]:
    """A painted board on the counter's face with an emblem of fruit."""
    c, hand = order.clearance, order.hand
    width, height = 0.34 * order.size[0], 0.105 * order.size[1]
    y, z = 0.58 * at.counter, at.front + 0.016 + order.play(0.004 + hand.wobble)
    board = 0.03
    paint = order.look("goods", "paint")
    pieces = [bar((-width / 2, y, z + board / 2), (width / 2, y, z + board / 2), height, board, paint, hand, (0, 0, 1))]
    edge = 0.03
    dark = order.look("wood", "dark")
    for s in (-1, 1):
        level = y + s * (height / 2 + c + edge / 2)
        pieces.append(
            bar(
                (-width / 2 - edge, level, z + 0.022),
                (width / 2 + edge, level, z + 0.022),
                edge,
                0.044,
                dark,
                hand,
                (0, 0, 1),
            )
        )
        x = s * (width / 2 + c + edge / 2)
        pieces.append(
            bar((x, y - height / 2, z + 0.022), (x, y + height / 2, z + 0.022), edge, 0.044, dark, hand, (0, 0, 1))
        )
    face = z + board + c
    for x, r, use in ((-0.3, 0.3, "cloth2"), (0.0, 0.36, "cloth"), (0.3, 0.3, "cloth2")):
        fruit = ball(r * height, order.look("goods", use), 0.22, sides=12).turned("x", 90)
        pieces.append(fruit.moved((x * width, y, face)))
    return pieces


def _lamp(order: Order, at: Lines) -> list[Piece]:
    """A lantern under the end of a cross beam."""
    side = -1 if order.rng.uniform() < 0.5 else 1
    size = 0.13 * order.size[1]
    z = at.front + 0.55 * (order.size[2] / 2 - at.front)
    top = at.eave - order.clearance
    body = lantern(order.sized(0.55 * size, size, 0.55 * size))
    hook = pole((0, size + order.clearance, 0), (0, size + 0.05, 0), 0.009, order.look("metal"), order.hand, 6)
    return shifted([*body, hook], side * at.px, top - size - 0.05, z)


def _cask(order: Order, at: Lines) -> tuple[list[Piece], list[Piece]]:
    """A barrel before the counter with fruit on its lid."""
    room = order.size[2] / 2 - at.front - at.post * 0.5 - 0.02
    width = min(room, 0.2 * order.size[0])
    height = 0.66 * at.counter
    side = 1 if order.rng.uniform() < 0.5 else -1
    made = barrel(order.sized(width, height, width))
    x, z = side * (at.px - 0.3 * width), at.front + at.post * 0.5 + 0.012 + width / 2
    pieces = [p.moved((x, 0, z)) for group in made.values() for p in group]
    wares: list[Piece] = []
    return pieces, wares
