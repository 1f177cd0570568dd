# SPDX-License-Identifier: Apache-2.0
"""Points on lamps: where light comes from, how far, how much."""

from __future__ import annotations

import math

import numpy as np

from pipeline.render.lamps import Array, Lamp
from pipeline.render.vectors import cross, dot, length, unit

_FAR = np.float32(1e20)
_TURN = np.float32(2 * np.pi)
_X, _Y = np.eye(3, dtype=np.float32)[:2, None]


def sample_lamp(lamp: Lamp, points: Array, numbers: Array) -> tuple[Array, Array, Array]:
    """Light that arrives from one place on a lamp (no dome), unshadowed.

    Parameters
    ----------
    points
        ``(n, 3) float32`` lit.
    numbers
        ``(n, 2)`` in 0..1 that choose the place.

    Returns
    -------
    towards
        ``(n, 3)`` unit vectors to the lamp.
    distance
        ``(n,)`` metres.
    weight
        ``(n, 3)``: times the cosine at the point it is an estimate of the irradiance.
    """
    a, b = np.asarray(numbers, np.float32).T
    radiance = lamp.radiance.astype(np.float32)
    x, y, z = lamp.axes.astype(np.float32)
    position = lamp.position.astype(np.float32)
    if lamp.kind == "distant":
        spread = math.tan(min(lamp.size[0], 3.0) / 2)
        r, phi = np.sqrt(a) * np.float32(spread), _TURN * b
        towards = z + (r * np.cos(phi))[:, None] * x + (r * np.sin(phi))[:, None] * y
        return unit(towards), np.full(len(a), _FAR), np.broadcast_to(radiance, (len(a), 3))
    if lamp.kind == "sphere":
        axis = unit(position - points)
        helper = np.where(np.abs(axis[:, :1]) > 0.9, _Y, _X)
        u = unit(cross(axis, helper))
        r, phi = (np.sqrt(a) * np.float32(lamp.size[0]))[:, None], (_TURN * b)[:, None]
        place = position + r * (np.cos(phi) * u + np.sin(phi) * cross(axis, u))
        facing, area = None, math.pi * lamp.size[0] ** 2
    elif lamp.kind == "cylinder":
        phi, along = _TURN * b, (a - 0.5) * np.float32(lamp.size[1])
        outward = np.cos(phi)[:, None] * y + np.sin(phi)[:, None] * z
        place = position + along[:, None] * x + np.float32(lamp.size[0]) * outward
        facing, area = outward, lamp.area
    else:
        if lamp.kind == "disk":
            r, phi = np.sqrt(a) * np.float32(lamp.size[0]), _TURN * b
            dx, dy = r * np.cos(phi), r * np.sin(phi)
        else:
            dx, dy = (a - 0.5) * np.float32(lamp.size[0]), (b - 0.5) * np.float32(lamp.size[1])
        place = position + dx[:, None] * x + dy[:, None] * y
        facing, area = -z, lamp.area
    gap = place - points
    distance = np.maximum(length(gap), np.float32(1e-9))
    towards = gap / distance[:, None]
    leaving = np.ones(len(a), np.float32) if facing is None else np.maximum(_cosine(towards, facing), 0)
    weight = (leaving * np.float32(area) / distance**2)[:, None] * radiance
    if lamp.cone[0] < math.pi / 2 - 1e-6:
        weight = weight * _cone(lamp, towards)[:, None]
    if lamp.picture is not None and lamp.kind == "rect":
        height, width = lamp.picture.shape[:2]
        # seen from the lit side u grows from the lamp's -x; the picture's rows go down
        texel = lamp.picture[((1 - b) * (height - 1)).astype(int), (a * (width - 1)).astype(int)]
        weight = weight * texel
    return towards, distance, np.asarray(weight, np.float32)


def _cosine(towards: Array, facing: Array) -> Array:
    return np.asarray(-(towards @ facing)) if facing.ndim == 1 else -dot(towards, facing)


def _cone(lamp: Lamp, towards: Array) -> Array:
    """UsdLuxShapingAPI: full inside of the softened cone, smooth to nothing at its edge."""
    angle = np.arccos(np.clip(towards @ lamp.axes[2], -1, 1))
    inner = lamp.cone[0] * (1 - lamp.cone[1])
    t = np.clip((lamp.cone[0] - angle) / max(lamp.cone[0] - inner, 1e-4), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def seen_in_mirror(lamp: Lamp, origins: Array, directions: Array, blur: Array) -> Array:
    """``(n, 3)``: radiance of a flat lamp along a direction, its edge softened by `blur` ``(n,)`` radians."""
    if lamp.kind not in {"rect", "disk", "sphere"}:
        return np.zeros((len(origins), 3), np.float32)
    if lamp.kind == "sphere":
        gap = lamp.position - origins
        along = (gap * directions).sum(1)
        off = np.sqrt(np.maximum((gap * gap).sum(1) - along**2, 0))
        soft = np.maximum(blur * np.maximum(along, 0), 1e-6)
        cover = np.clip((lamp.size[0] + soft - off) / (2 * soft), 0, 1) * (along > 0)
        spread = lamp.size[0] ** 2 / np.maximum(lamp.size[0], soft) ** 2
        return np.asarray((cover * spread)[:, None] * lamp.radiance, np.float32)
    facing = -(directions @ lamp.axes[2])
    safe = np.where(np.abs(facing) < 1e-6, 1e-6, facing)
    away = -((lamp.position - origins) @ lamp.axes[2]) / safe
    place = origins + directions * away[:, None] - lamp.position
    soft = np.maximum(blur * np.maximum(away, 0), 1e-6)
    if lamp.kind == "disk":
        off = np.hypot(place @ lamp.axes[0], place @ lamp.axes[1])
        cover = _edge(off, lamp.size[0], soft)
    else:
        cover = _edge(np.abs(place @ lamp.axes[0]), lamp.size[0] / 2, soft)
        cover = cover * _edge(np.abs(place @ lamp.axes[1]), lamp.size[1] / 2, soft)
    # light arrives only from the side that shines
    cover = cover * ((away > 0) & (directions @ lamp.axes[2] > 0))
    return np.asarray(cover[:, None] * lamp.radiance, np.float32)


def _edge(off: Array, half: float, soft: Array) -> Array:
    """Cover of a strip of this half width, blurred; what a wide blur takes from it stays lost."""
    t = np.clip((half + soft - off) / (2 * soft), 0, 1)
    return np.asarray(t * t * (3 - 2 * t) * np.minimum(half / np.maximum(soft, 1e-9), 1))
