# SPDX-License-Identifier: Apache-2.0
"""Crates, trays, barrels and baskets."""

from __future__ import annotations

import numpy as np

from pipeline.generators.embedded.pieces import Piece, revolve
from pipeline.generators.embedded.props.order import Order, Parts, shifted
from pipeline.generators.embedded.timber import bar, planks


def tray(order: Order, width: float, height: float, depth: float, board: float = 0.023) -> tuple[list[Piece], float]:
    """An open slatted tray standing on y = 0, centred; returns its pieces and the height of its floor."""
    c, hand, woods = order.clearance, order.hand, order.woods()
    post = 0.035
    floor = 0.03
    x, z = width / 2 - board - c - post / 2, depth / 2 - board - c - post / 2
    pieces = [
        bar((sx * x, 0, sz * z), (sx * x, height, sz * z), post, post, woods[0], hand.sharp, (0, 0, 1))
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    slats = max(2, round(height / 0.11))
    gap = 0.012
    rise = (height - floor * 0.4 - (slats - 1) * gap) / slats
    for i in range(slats):
        y = floor * 0.4 + rise / 2 + i * (rise + gap)
        for s in (-1, 1):
            look = woods[int(order.rng.integers(3))]
            front = s * (depth / 2 - board / 2)
            pieces.append(bar((-width / 2, y, front), (width / 2, y, front), rise, board, look, hand, (0, 0, s)))
            side, reach = s * (width / 2 - board / 2), depth / 2 - board - c
            pieces.append(bar((side, y, -reach), (side, y, reach), rise, board, look, hand, (s, 0, 0)))
    inner = width / 2 - board - c - post - c
    reach = depth / 2 - board - c
    pieces += planks(
        (-inner, floor + board / 2, reach), (2 * inner, 0, 0), (0, 0, -2 * reach), 3, board, 0.01, woods, hand
    )
    return pieces, floor + board


def crate(order: Order) -> Parts:
    """A closed shipping crate of the order's size, with corner posts, boards and a lid."""
    w, h, d = order.size
    c, hand, woods, dark = order.clearance, order.hand, order.woods(), order.woods("dark")
    t = float(np.clip(min(w, h, d) * 0.05, 0.012, 0.04))
    frame, boards = [], []
    post = 2.6 * t
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z = sx * (w / 2 - post / 2), sz * (d / 2 - post / 2)
            frame.append(bar((x, 0, z), (x, h - t - c, z), post, post, dark[1], hand, (0, 0, 1)))
    for sz in (-1, 1):
        for y in (post / 2, h - t - c - post / 2):
            reach = w / 2 - post - c
            z = sz * (d / 2 - post / 4)
            frame.append(bar((-reach, y, z), (reach, y, z), post, post / 2, dark[0], hand, (0, 0, sz)))
    for sx in (-1, 1):
        for y in (post / 2, h - t - c - post / 2):
            reach = d / 2 - post - c
            x = sx * (w / 2 - post / 4)
            frame.append(bar((x, y, -reach), (x, y, reach), post, post / 2, dark[0], hand, (sx, 0, 0)))
    rows = max(3, round((h - 2 * post) / 0.14))
    inset = post / 2 + c + t / 2
    low, high = 0.012, h - t - c - 0.012
    for sz in (-1, 1):
        reach = w / 2 - post - c
        side = sz * (d / 2 - inset)
        boards += planks(
            (-reach * sz, low, side), (2 * reach * sz, 0, 0), (0, high - low, 0), rows, t, 0.008, woods, hand
        )
    for sx in (-1, 1):
        reach = d / 2 - post - c
        side = sx * (w / 2 - inset)
        boards += planks(
            (side, low, reach * sx), (0, 0, -2 * reach * sx), (0, high - low, 0), rows, t, 0.008, woods, hand
        )
    boards += planks((-w / 2, h - t / 2, d / 2), (w, 0, 0), (0, 0, -d), max(3, round(d / 0.15)), t, 0.008, woods, hand)
    return {"frame": frame, "boards": boards}


def barrel(order: Order) -> Parts:
    """A barrel of the order's size: staves, hoops and a lid set a little below the rim."""
    w, h, d = order.size
    r = min(w, d) / 2
    n = max(10, round(2 * np.pi * r / 0.12))
    s = np.linspace(0, 1, 7)
    bulge = 0.82 + 0.18 * np.sin(np.pi * s)
    rim = 0.035 * h
    outer = [(r * 0.985 * b, h * y) for b, y in zip(bulge, s, strict=True)]
    wall = 0.07 * r
    profile = [(0, 0), *outer, (outer[-1][0] - wall, h), (outer[-1][0] - wall, h - rim), (0, h - rim)]
    body = revolve(np.array(profile), n, order.look("wood"))
    hoops = []
    for at in (0.1, 0.3, 0.7, 0.9):
        band = 0.05 * h
        ys = np.array([at * h - band / 2, at * h + band / 2])
        rs = np.interp(ys / h, s, bulge) * r * 0.985 + 0.0012 * r
        hoops.append(_hoop(rs + max(order.clearance, 0), ys, 0.022 * r + 0.004, n, order))
    return {"staves": [body], "hoops": hoops}


def _hoop(radius: np.ndarray, y: np.ndarray, thickness: float, n: int, order: Order) -> Piece:
    """A closed iron ring around the y axis: inner radii `radius` at heights `y`."""
    angle = np.arange(n + 1) * (2 * np.pi / n)
    ring = np.stack([np.sin(angle), np.zeros(n + 1), np.cos(angle)], -1)
    section = np.array(
        [
            (radius[0], y[0]),
            (radius[0] + thickness, y[0]),
            (radius[1] + thickness, y[1]),
            (radius[1], y[1]),
        ]
    )
    points = (ring[:-1, None] * section[None, :, :1] + np.array([0, 1, 0]) * section[None, :, 1:]).reshape(-1, 3)
    i = np.arange(n)
    j = (i + 1) % n
    faces, uv = [], []
    length = np.linalg.norm(np.roll(section, -1, 0) - section, axis=1)
    v = np.concatenate([[0], np.cumsum(length)])
    step = 2 * np.pi / n * float(radius.mean() + thickness)
    for k in range(4):
        m = (k + 1) % 4
        faces.append(np.stack([i * 4 + k, j * 4 + k, j * 4 + m, i * 4 + m], -1))
        u0, u1 = i * step, (i + 1) * step
        low, high = np.full(n, v[k]), np.full(n, v[k + 1])
        uv.append(np.stack([np.stack(p, -1) for p in ((u0, low), (u1, low), (u1, high), (u0, high))], 1))
    return Piece(points, np.concatenate(faces), np.concatenate(uv), np.zeros(4 * n, np.int64), order.look("metal"))


def basket(order: Order) -> Parts:
    """A round basket, wider at the top."""
    w, h, d = order.size
    r = min(w, d) / 2
    profile = [(0, 0), (0.7 * r, 0), (0.9 * r, 0.5 * h), (r, h), (0.9 * r, h), (0.8 * r, 0.55 * h), (0, 0.5 * h)]
    return {"basket": [revolve(np.array(profile), 16, order.look("wood"))]}


def loaded(order: Order, ware: str, width: float, height: float, depth: float) -> tuple[list[Piece], list[Piece]]:
    """A tray with one layer of a ware in it: tray pieces, ware pieces."""
    from pipeline.generators.embedded.props.goods import WARES, heap

    pieces, floor = tray(order, width, height, depth)
    margin = 2 * (0.023 + order.clearance)
    inner_w, inner_d = width - margin - 0.07, depth - margin
    radius = WARES[ware][1]
    lift = max(floor + order.clearance, height - 1.1 * radius)
    if lift > floor + 0.03:
        lift = floor + order.clearance
    wares = shifted(heap(order, ware, inner_w - 0.006, inner_d - 0.006), 0, lift, 0)
    return pieces, wares
