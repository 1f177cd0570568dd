# SPDX-License-Identifier: Apache-2.0
"""A cloth roof with a scalloped edge: one thick sheet over the frame, flaps under its open ends."""

from __future__ import annotations

import numpy as np

from pipeline.generators.embedded.pieces import Floats, Look, Piece, sheet
from pipeline.generators.embedded.props.order import Order
from pipeline.generators.embedded.timber import bar

#: thickness of a stylised cloth in metres
CLOTH = 0.022


def _scallop(x: Floats, pitch: float, depth: float) -> Floats:
    """How far a scalloped edge hangs down at x: half circles of `pitch`, 0 at their meeting points."""
    phase = x / pitch - np.floor(x / pitch + 1e-9)
    return depth * np.sqrt(np.clip(1 - (2 * phase - 1) ** 2, 0, 1))


def _slope(order: Order, roof: str, support: float, front: float, back: float) -> Floats:
    """(m, 2) the roof's profile in z and y from the back edge to the front edge, metres."""
    _, h, d = order.size
    zb, zf = -d / 2 + CLOTH, d / 2 - CLOTH
    high = h - CLOTH / 2 - 0.002
    clear = support + CLOTH / 2 + 0.03
    sag = 0.02 * h
    if roof == "gable":
        ridge = (front + back) / 2
        edge_f = high - (high - clear) * (zf - ridge) / (front + 0.72 * (d / 2 - front) - ridge)
        edge_b = high - (high - clear) * (ridge - zb) / (ridge - back + 0.12)
        left = np.linspace(0, 1, 5)
        one = np.stack([zb + (ridge - zb) * left, edge_b + (high - edge_b) * left - sag * np.sin(np.pi * left)], -1)
        two = np.stack([ridge + (zf - ridge) * left, high + (edge_f - high) * left - sag * np.sin(np.pi * left)], -1)
        return np.concatenate([one, two[1:]])
    edge_f = high - (high - clear) * (zf - zb) / (front + 0.72 * (d / 2 - front) - zb)
    t = np.linspace(0, 1, 9)
    return np.stack([zb + (zf - zb) * t, high + (edge_f - high) * t - 0.6 * sag * np.sin(np.pi * t)], -1)


def canopy(order: Order, roof: str, support: float, front: float, back: float) -> list[Piece]:
    """The cloth roof over a frame.

    Parameters
    ----------
    roof
        `gable` (a ridge along x) or `awning` (one slope to the front).
    support
        Height of the upper side of the beams that carry it, metres.
    front, back
        Where the front and back posts stand (z, metres).
    """
    w, h, _ = order.size
    half = w / 2 - 0.001
    stripes = max(4, round(w / 0.2))
    if stripes % 2 == 0:
        stripes += 1
    pitch = 2 * half / stripes
    striped = "plain" if "plain" in order.traits else "stripes"
    look = Look("cloth", order.dye("cloth"), striped, order.dye("cloth2"), pitch)
    per = 4 if order.hand.detail >= 0.6 else 2
    x = np.linspace(-half, half, stripes * per + 1)
    profile = _slope(order, roof, support, front, back)
    drop = 0.062 * h
    hang = 0.42 * pitch
    steps = np.array([1.0, 0.55, 0.12])
    ends = []
    for edge, sign in ((profile[0], -1), (profile[-1], 1)):
        out = edge[None, :] + np.stack([0.006 * sign * np.ones(3), -steps * drop], -1)
        ends.append(out if sign < 0 else out[::-1])
    path = np.concatenate([ends[0], profile[1:-1], ends[1]])
    grid = np.zeros((len(path), len(x), 3))
    grid[..., 0] = x
    grid[..., 1] = path[:, 1, None]
    grid[..., 2] = -path[:, 0, None] * -1
    curve = _scallop(x + half, pitch, hang) - hang * 0.5
    for row, share in ((0, 1.0), (1, 0.35), (-1, 1.0), (-2, 0.35)):
        grid[row, :, 1] -= curve * share
    ripple = 0.006 * np.sin(2 * np.pi * (x + half) / pitch)
    grid[3:-3, :, 1] += ripple * 0.5
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    u, v = np.meshgrid(x + half, arc)
    v[0] -= curve
    v[-1] += curve
    grid = grid[::-1]
    pieces = [sheet(grid, np.stack([u, arc[-1] - v[::-1]], -1), CLOTH, look)]
    pieces += _flaps(order, profile, half, pitch, look)
    pieces += _ridge(order, roof, profile, half, support)
    return pieces


def _flaps(order: Order, profile: Floats, half: float, pitch: float, look: Look) -> list[Piece]:
    """Scalloped strips under the left and right edge that follow the roof's slope."""
    z0, z1 = profile[0, 0] + 0.06, profile[-1, 0] - 0.06
    count = max(3, round((z1 - z0) / pitch))
    step = (z1 - z0) / count
    z = np.linspace(z0, z1, count * 4 + 1)
    # below the roof's chords, not its curve: the cloth above is cut into straight pieces
    y = np.interp(z, profile[:, 0], profile[:, 1])
    slope = np.gradient(y, z)
    top = y - CLOTH * 0.5 * np.sqrt(1 + slope**2) - order.play(0.015) - np.abs(np.gradient(slope)) * 0.012
    depth = 0.05 * order.size[1] + _scallop(z - z0, step, 0.36 * step)
    level = np.array([1.0, 0.5, 0.0])
    pieces = []
    for side in (-1, 1):
        grid = np.zeros((3, len(z), 3))
        grid[..., 0] = side * (half - CLOTH / 2)
        order_z = z if side < 0 else z[::-1]
        grid[..., 2] = order_z
        grid[..., 1] = np.interp(order_z, z, top) - level[:, None] * np.interp(order_z, z, depth)
        u, _ = np.meshgrid(order_z - order_z[0] if side < 0 else order_z[0] - order_z, level)
        v = (1 - level[:, None]) * np.interp(order_z, z, depth)
        v = v + np.interp(order_z, z, top) - np.interp(order_z, z, depth) * 1.0
        flap = Look(look.material, look.tint, look.pattern, look.second, step)
        pieces.append(sheet(grid, np.stack([u, v], -1), CLOTH * 0.9, flap))
    return pieces


def _ridge(order: Order, roof: str, profile: Floats, half: float, support: float) -> list[Piece]:
    """The pole and props under the ridge of a gable, or under the back edge of an awning."""
    dark, hand, c = order.look("wood", "dark"), order.hand, order.clearance
    if roof == "gable":
        z, y = profile[np.argmax(profile[:, 1])]
    else:
        z, y = profile[1]
    y = y - CLOTH / 2 - order.play(0.024 + order.hand.wobble)
    reach = half - 0.08
    thick = 0.06
    props_x = order.size[0] / 2 - 0.055 * order.size[0] - 0.0525
    pieces = [bar((-reach, y - thick / 2 - c, z), (reach, y - thick / 2 - c, z), thick, thick, dark, hand)]
    for x in (-props_x, props_x):
        low = support + 2 * c
        pieces.append(bar((x, low, z), (x, y - thick - 2 * c, z), 0.07, 0.07, dark, hand, (0, 0, 1)))
    return pieces
