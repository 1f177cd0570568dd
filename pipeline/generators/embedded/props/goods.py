# SPDX-License-Identifier: Apache-2.0
"""Wares: fruit, bread, jars and what lies in crates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.generators.embedded.pieces import Look, Piece, revolve
from pipeline.generators.embedded.props.order import Order, srgb


def ball(radius: float, look: Look, squash: float = 1.0, sides: int = 7, dimple: float = 0.0, rows: int = 6) -> Piece:
    """A fruit: a ball resting on y = 0; `dimple` draws its top in by a share of the radius."""
    a = np.linspace(-np.pi / 2, np.pi / 2, rows)
    profile = np.stack([np.cos(a), np.sin(a) * squash], -1) * radius
    profile[[0, -1], 0] = 0
    profile[-1, 1] -= dimple * radius
    return revolve(profile, sides, look, equator=rows // 2).moved((0, radius * squash, 0))


def _fruit(colours: list[str], radius: float, squash: float, dimple: float) -> Callable[[Order], Piece]:
    def make(order: Order) -> Piece:
        tint = srgb(colours[int(order.rng.integers(len(colours)))])
        spin = float(order.rng.uniform(0, 360))
        fine = 6 if radius > 0.05 else 5
        sides = 7 if radius > 0.045 else 6 if radius > 0.037 else 5
        return ball(radius, Look("goods", tint), squash, sides, dimple, fine).turned("y", spin)

    return make


def _loaf(order: Order) -> Piece:
    tint = srgb(["#c98f4a", "#b97a3a", "#d6a45f"][int(order.rng.integers(3))])
    loaf = ball(0.055, Look("goods", tint), 0.62).stretched((1.0, 1.0, 1.0))
    return loaf.turned("y", float(order.rng.uniform(0, 360)))


#: wares by name: a maker and the radius that one needs (metres)
WARES: dict[str, tuple[Callable[[Order], Piece], float]] = {
    "apple": (_fruit(["#c23b2c", "#d05a34", "#a8322b"], 0.048, 0.92, 0.25), 0.048),
    "pear": (_fruit(["#a9b04a", "#c2b94f"], 0.045, 1.25, 0.0), 0.045),
    "orange": (_fruit(["#e08a2c", "#d97b25"], 0.05, 0.96, 0.1), 0.05),
    "lemon": (_fruit(["#e5c63c", "#dcb832"], 0.042, 0.9, 0.0), 0.042),
    "cabbage": (_fruit(["#86a95a", "#9dbb6b", "#789b52"], 0.075, 0.85, 0.1), 0.075),
    "pumpkin": (_fruit(["#d9792b", "#cf6a22"], 0.085, 0.72, 0.3), 0.085),
    "tomato": (_fruit(["#c8402f", "#d4553a"], 0.04, 0.8, 0.3), 0.04),
    "potato": (_fruit(["#a98a5b", "#b7996a"], 0.042, 0.75, 0.0), 0.042),
    "plum": (_fruit(["#6d4672", "#7c5080"], 0.036, 0.95, 0.1), 0.036),
    "egg": (_fruit(["#e8d8bd", "#dcc6a4"], 0.033, 1.15, 0.0), 0.033),
    "bread": (_loaf, 0.055),
    "cheese": (_fruit(["#e2b84f", "#d8aa3f"], 0.07, 0.5, 0.45), 0.07),
    "fish": (_fruit(["#8fa3ad", "#7d939f"], 0.05, 0.5, 0.0), 0.05),
}


def heap(order: Order, ware: str, width: float, depth: float) -> list[Piece]:
    """One close layer of a ware on y = 0, centred, inside width (x) by depth (z) metres."""
    make, radius = WARES[ware]
    gap = order.clearance + (0.003 if order.clearance > 0 else 0.0)
    columns = max(1, round(width / (2 * radius)))
    scale = float(np.clip((width - (columns - 1) * gap) / (2 * radius * columns), 0.8, 1.2))
    radius *= scale
    pitch = 2 * radius + gap
    rows = max(1, int((depth - 2 * radius) / (pitch * 0.866) + 1e-6) + 1)
    slack = (depth - 2 * radius) / (rows - 1) if rows > 1 else 0.0
    step = float(np.clip(slack, pitch * 0.866, pitch * 1.05))
    count = max(1, int((width - 2 * radius) / pitch + 1e-6) + 1)
    result = []
    for r in range(rows):
        odd = r % 2 == 1 and count > 1
        row = np.arange(count - odd) - (count - 1 - odd) / 2
        z = (r - (rows - 1) / 2) * step
        result += [make(order).stretched((scale,) * 3).moved((x * pitch, 0, z)) for x in row]
    return result


def jar(order: Order, radius: float, height: float, look: Look, kind: int = 0) -> Piece:
    """A jar, pot or bottle of revolution standing on y = 0 (metres); `kind` 0-2."""
    shapes = [
        [(0, 0), (0.72, 0), (1.0, 0.3), (0.98, 0.62), (0.6, 0.86), (0.7, 1.0), (0, 1.0)],
        [(0, 0), (0.9, 0), (0.95, 0.55), (0.4, 0.72), (0.34, 1.0), (0, 1.0)],
        [(0, 0), (0.6, 0), (1.0, 0.42), (0.72, 0.8), (0.86, 1.0), (0, 1.0)],
    ]
    profile = np.array(shapes[kind % 3]) * [radius, height]
    return revolve(profile, 10, look)
