# SPDX-License-Identifier: Apache-2.0
"""Lanterns, lamp posts, signs, fences, pillars."""

from __future__ import annotations

import numpy as np

from pipeline.generators.embedded.pieces import Piece, revolve
from pipeline.generators.embedded.props.order import Order
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
