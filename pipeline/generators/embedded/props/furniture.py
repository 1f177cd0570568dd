# SPDX-License-Identifier: Apache-2.0
"""Tables, chairs, stools, benches and shelves."""

from __future__ import annotations

import numpy as np

from pipeline.generators.embedded.pieces import Piece
from pipeline.generators.embedded.props.goods import jar
from pipeline.generators.embedded.props.order import Order, Parts
from pipeline.generators.embedded.timber import bar, planks

_DEEP = (0.0, 0.0, 1.0)


def _legs(order: Order, x: float, z: float, height: float, section: float) -> list[Piece]:
    look, hand = order.look("wood", "dark"), order.hand
    return [
        bar((sx * x, 0, sz * z), (sx * x, height, sz * z), section, section, look, hand, _DEEP)
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]


def _rails(order: Order, x: float, z: float, y: float, height: float, section: float, leg: float) -> list[Piece]:
    """Four rails between legs at their tops."""
    look, hand, c = order.look("wood", "dark"), order.hand, order.clearance
    rx, rz = x - leg / 2 - c, z - leg / 2 - c
    pieces = [bar((-rx, y, s * z), (rx, y, s * z), section, height, look, hand) for s in (-1, 1)]
    return pieces + [bar((s * x, y, -rz), (s * x, y, rz), section, height, look, hand) for s in (-1, 1)]


def _top(order: Order, w: float, d: float, y: float, thickness: float) -> list[Piece]:
    count = max(2, round(d / 0.16))
    return planks(
        (-w / 2, y - thickness / 2, d / 2),
        (w, 0, 0),
        (0, 0, -d),
        count,
        thickness,
        0.008,
        order.woods(),
        order.hand,
    )


def table(order: Order) -> Parts:
    """A plank table."""
    w, h, d = order.size
    t = float(np.clip(0.05 * h, 0.02, 0.05))
    leg = float(np.clip(0.09 * min(w, d), 0.03, 0.1))
    x, z = w / 2 - 0.9 * leg, d / 2 - 0.9 * leg
    under = h - t - order.clearance
    rail = 0.11 * h
    frame = _legs(order, x, z, under, leg)
    frame += _rails(order, x, z, under - rail / 2 - order.clearance, rail, 0.4 * leg, leg)
    return {"frame": frame, "top": _top(order, w, d, h, t)}


def stool(order: Order) -> Parts:
    """A four-legged stool with a low brace."""
    w, h, d = order.size
    leg = 0.12 * min(w, d)
    parts = table(order)
    parts["frame"] += _rails(order, w / 2 - 0.9 * leg, d / 2 - 0.9 * leg, 0.3 * h, 0.4 * leg, 0.4 * leg, leg)
    return {"frame": parts["frame"], "seat": parts["top"]}


def chair(order: Order) -> Parts:
    """A chair with a slatted back."""
    w, h, d = order.size
    c, hand = order.clearance, order.hand
    seat, leg, t = 0.48 * h, 0.1 * w, 0.03
    x, z = w / 2 - leg / 2, d / 2 - leg / 2
    dark = order.look("wood", "dark")
    under = seat - t - c
    frame = [bar((s * x, 0, z), (s * x, under, z), leg, leg, dark, hand, _DEEP) for s in (-1, 1)]
    frame += [bar((s * x, 0, -z), (s * x, h, -z), leg, leg, dark, hand, _DEEP) for s in (-1, 1)]
    rail = 0.07 * h
    frame += _rails(order, x, z, under - rail / 2 - c, rail, 0.4 * leg, leg)
    inner = x - leg / 2 - c
    back = [
        bar((-inner, y * h, -z), (inner, y * h, -z), 0.45 * leg, 0.075 * h, order.look("wood"), hand)
        for y in (0.68, 0.8, 0.93)
    ]
    front = planks(
        (-w / 2, seat - t / 2, d / 2),
        (w, 0, 0),
        (0, 0, -(d - leg - c)),
        3,
        t,
        0.007,
        order.woods(),
        hand,
    )
    return {"frame": frame, "seat": front, "back": back}


def bench(order: Order) -> Parts:
    """A bench with a back rest."""
    w, h, d = order.size
    c, hand = order.clearance, order.hand
    seat, leg, t = 0.5 * h, 0.085 * h, 0.045
    x, z = w / 2 - 0.12 * w, d / 2 - leg / 2
    dark = order.look("wood", "dark")
    under = seat - t - c
    frame = [bar((s * x, 0, z), (s * x, under - 0.07 - c, z), leg, leg, dark, hand, _DEEP) for s in (-1, 1)]
    frame += [bar((s * x, 0, -z), (s * x, h, -z), leg, leg, dark, hand, _DEEP) for s in (-1, 1)]
    reach = -z + leg / 2 + c
    frame += [
        bar((s * x, under - 0.035, reach), (s * x, under - 0.035, z + leg / 2), leg, 0.07, dark, hand) for s in (-1, 1)
    ]
    seats = planks((-w / 2, seat - t / 2, d / 2), (w, 0, 0), (0, 0, -(d - leg - c)), 3, t, 0.012, order.woods(), hand)
    face = -z + leg / 2 + c + 0.016
    back = [
        bar((-w / 2, y * h, face), (w / 2, y * h, face), 0.13 * h, 0.032, order.look("wood"), hand, _DEEP)
        for y in (0.7, 0.88)
    ]
    return {"frame": frame, "seat": seats, "back": back}


def shelf(order: Order) -> Parts:
    """An open shelf with boards, and jars on them where there is room."""
    w, h, d = order.size
    c, hand = order.clearance, order.hand
    t = float(np.clip(0.025 * h, 0.02, 0.04))
    side = 0.05 * w
    dark = order.look("wood", "dark")
    x = w / 2 - side / 2
    frame = [bar((s * x, 0, 0), (s * x, h, 0), side, d, dark, hand, _DEEP) for s in (-1, 1)]
    inner = x - side / 2 - c
    count = max(2, round(h / 0.42)) + 1
    boards: list[Piece] = []
    jars: list[Piece] = []
    for i in range(count):
        y = 0.06 * h + i * (0.92 * h - t) / (count - 1)
        boards += planks((-inner, y, d / 2), (2 * inner, 0, 0), (0, 0, -d), 2, t, 0.008, order.woods(), hand)
        at = -inner + 0.1
        while i + 1 < count and at < inner - 0.2:
            r = float(order.rng.uniform(0.04, min(0.08, 0.4 * d)))
            use = ("clay", "paint", "cloth2")[int(order.rng.integers(3))]
            if order.rng.uniform() < 0.6:
                pot = jar(order, r, 2.4 * r, order.look("goods", use), int(order.rng.integers(3)))
                jars.append(pot.moved((at + r, y + t / 2 + c, 0)))
            at += 2 * r + float(order.rng.uniform(0.04, 0.15))
    return {"frame": frame, "boards": boards, "goods": jars} if jars else {"frame": frame, "boards": boards}
