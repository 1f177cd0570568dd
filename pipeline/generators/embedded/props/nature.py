# SPDX-License-Identifier: Apache-2.0
"""Rocks, trees and bushes."""

from __future__ import annotations

import numpy as np

from pipeline.generators.embedded.pieces import Floats, Piece, boulder, loft, revolve
from pipeline.generators.embedded.props.order import Order, Parts


def _waves(order: Order, count: int, low: float, high: float, strength: float) -> Floats:
    frequency = order.rng.uniform(low, high, (count, 3)) * order.rng.choice([-1, 1], (count, 3))
    return np.concatenate([frequency, np.full((count, 1), strength / count)], axis=1)


def rock(order: Order) -> Parts:
    """One boulder with two pebbles beside it."""
    w, h, d = order.size
    n = 12 if order.hand.detail >= 0.5 else 6
    look = order.look("stone")
    big = boulder(np.array([0.36 * w, 0.5 * h, 0.42 * d]), n, look, _waves(order, 6, 1.0, 4.5, 0.5))
    low = float(big.points[:, 1].min())
    stones = [big.moved((-0.1 * w, -low, 0))]
    right = float(stones[0].points[:, 0].max())
    for share, z in ((0.12, 0.2), (0.07, -0.25)):
        small = boulder(share * w, max(3, n // 3), order.look("stone", shade=0.9), _waves(order, 4, 1, 4, 0.3))
        bottom, left = float(small.points[:, 1].min()), float(small.points[:, 0].min())
        stones.append(small.moved((right - left + 0.015, -bottom, z * d)))
    return {"rock": stones}


def _trunk(order: Order, height: float, radius: float, lean: float) -> Piece:
    """A tapered, slightly bent trunk with a flared foot."""
    s = np.linspace(0, 1, 7 if order.hand.detail >= 0.5 else 4)
    angle = np.arange(10) * (2 * np.pi / 10)
    circle = np.stack([np.sin(angle), np.zeros(10), np.cos(angle)], -1)
    r = radius * (1 - 0.55 * s + 0.45 * (1 - s) ** 5)
    bend = np.stack([lean * np.sin(2.2 * s), height * s, 0.6 * lean * (np.cos(2 * s) - 1)], -1)
    return loft(bend[:, None] + r[:, None, None] * circle, order.look("wood", "dark"))


def tree(order: Order) -> Parts:
    """A broad tree: a trunk and clumps of leaves around its top that do not touch each other's cores."""
    w, h, d = order.size
    trunk = _trunk(order, 0.5 * h, 0.055 * min(w, h), 0.05 * w * float(order.rng.uniform(-1, 1)))
    n = 8 if order.hand.detail >= 0.5 else 4
    top = float(trunk.points[:, 1].max())
    core = boulder(
        np.array([0.3 * w, 0.5 * (h - top) * 0.96, 0.3 * d]), n + 4, order.look("leaf"), _waves(order, 7, 2, 5, 0.42)
    )
    # an uneven crown sits on the trunk by what is above its tip, not by its lowest bulge
    tip = trunk.points[trunk.points[:, 1] > 0.98 * top].mean(0)
    above = np.hypot(core.points[:, 0] - tip[0], core.points[:, 2] - tip[2]) < 0.12 * w
    under = core.points[above & (core.points[:, 1] < 0), 1]
    core = core.moved((0, top + order.clearance - float(under.min() if len(under) else core.points[:, 1].min()), 0))
    clumps = [core]
    turn = float(order.rng.uniform(0, 360))
    reach = 0.3
    for i in range(5):
        a = np.radians(turn + 72 * i)
        shade = float(order.rng.uniform(0.85, 1.12))
        size = np.array([0.13 * w, 0.11 * h, 0.13 * d]) * float(order.rng.uniform(0.85, 1.05))
        clump = boulder(size, n, order.look("leaf", shade=shade), _waves(order, 5, 2, 4, 0.3))
        way = np.array([np.sin(a), 0, np.cos(a)])
        level = top + (0.25 + 0.2 * (i % 2)) * (h - top)
        inner = core.points[np.abs(core.points[:, 1] - level) < 0.16 * h]
        edge = float((inner @ way).max()) if len(inner) else reach * w
        near = float((clump.points @ way).min())
        clumps.append(clump.moved(way * (edge - near + order.play(0.01)) + [0, level, 0]))
    return {"trunk": [trunk], "leaves": clumps}


def pine(order: Order) -> Parts:
    """A conifer: a trunk and tiers of needles above one another."""
    w, h, d = order.size
    trunk = _trunk(order, 0.2 * h, 0.06 * min(w, h), 0.0)
    tiers, level = [], float(trunk.points[:, 1].max()) + order.clearance
    count = 4
    rise = (h - level) / count - order.clearance
    for i in range(count):
        r = 0.5 * min(w, d) * (1 - 0.78 * i / (count - 1))
        tip = 0.3 * r if i + 1 < count else 0.0
        rows = [(0, 0), (0.7 * r, -0.0), (r, 0.12 * rise), (0.6 * r, 0.5 * rise), (max(tip, 0.05 * r), rise), (0, rise)]
        tier = revolve(np.array(rows), 12, order.look("leaf", shade=0.85 + 0.08 * i))
        tiers.append(tier.turned("y", float(order.rng.uniform(0, 30))).moved((0, level, 0)))
        level += rise + order.clearance
    return {"trunk": [trunk], "needles": tiers}


def bush(order: Order) -> Parts:
    """Three clumps of leaves side by side."""
    w, h, d = order.size
    n = 9 if order.hand.detail >= 0.5 else 5
    pieces: list[Piece] = []
    edge = 0.0
    for share in (0.42, 0.3, 0.26):
        clump = boulder(
            np.array([share * w / 2, h * (0.35 + 0.3 * share), d / 2 * (0.6 + share)]),
            n,
            order.look("leaf", shade=float(order.rng.uniform(0.85, 1.1))),
            _waves(order, 6, 2, 6, 0.35),
        )
        low, left = float(clump.points[:, 1].min()), float(clump.points[:, 0].min())
        pieces.append(clump.moved((edge - left, -low, 0)))
        edge = float(pieces[-1].points[:, 0].max()) + order.play(0.008)
    return {"leaves": pieces}
