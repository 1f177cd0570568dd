# SPDX-License-Identifier: Apache-2.0
"""Boxes, spheres, cylinders and capsules around points, for bodies that are nearly one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Primitive", "fitted"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Primitive:
    """A simple body that holds some points.

    Attributes
    ----------
    kind
        As USD calls it, in lower case.
    frame : (4, 4)
        Its place, row vectors, a rotation and a translation; a cylinder's and a capsule's axis is z.
    size : (3,)
        Sides of a box; radius, radius, height of the others (a capsule's height is that of its straight part).
    volume
        Its own.
    """

    kind: Literal["box", "sphere", "cylinder", "capsule"]
    frame: Doubles
    size: Doubles
    volume: float

    def distance(self, points: NDArray) -> Doubles:
        """(n,) how far points lie outside of it, negative inside."""
        local = (points - self.frame[3, :3]) @ self.frame[:3, :3].T
        if self.kind == "box":
            return np.asarray((np.abs(local) - self.size / 2).max(axis=1))
        height = np.abs(local[:, 2])
        if self.kind == "cylinder":
            return np.asarray(
                np.maximum(np.linalg.norm(local[:, :2], axis=1) - self.size[0], height - self.size[2] / 2)
            )
        if self.kind == "capsule":
            local[:, 2] = np.maximum(height - self.size[2] / 2, 0)
        return np.asarray(np.linalg.norm(local, axis=1) - self.size[0])


def fitted(points: NDArray, volume: float, excess: float) -> Primitive | None:
    """The smallest simple body around points whose hull has a `volume`; None where it is larger by more than `excess`.

    Parameters
    ----------
    points : (n, 3) float
        The corners of a hull.
    excess
        Share of the hull's volume.
    """
    places = np.asarray(points, np.float64)
    best: Primitive | None = None
    for axes in _axes(places):
        for one in (_box(places, axes), _cylinder(places, axes), _capsule(places, axes)):
            if best is None or one.volume < best.volume * (1 - 1e-6):
                best = one
    ball = _sphere(places)
    if best is None or ball.volume < best.volume:
        best = ball
    return best if best is not None and best.volume <= volume * (1 + excess) else None


def _axes(points: Doubles) -> list[Doubles]:
    """Frames (3, 3) to try, rows are axes: the space's own in three orders and the principal ones, turned flat."""
    centred = points - points.mean(axis=0)
    _, own = np.linalg.eigh(centred.T @ centred)
    orders = ([0, 1, 2], [1, 2, 0], [2, 0, 1])
    return [_right(_turned_flat(points, base[order])) for base in (np.eye(3), own.T) for order in orders]


def _turned_flat(points: Doubles, frame: Doubles) -> Doubles:
    """The frame turned about its third axis to the smallest rectangle around the points."""
    flat = points @ frame[:2].T
    angles = np.radians(np.arange(0, 90, 1.0))
    for _ in range(3):
        width = flat @ np.stack([np.cos(angles), np.sin(angles)])
        height = flat @ np.stack([-np.sin(angles), np.cos(angles)])
        best = angles[np.argmin(np.ptp(width, axis=0) * np.ptp(height, axis=0))]
        step = (angles[1] - angles[0]) / 10
        angles = best + step * np.arange(-10, 11)
    turn = np.array([[np.cos(best), np.sin(best)], [-np.sin(best), np.cos(best)]])
    return np.concatenate([turn @ frame[:2], frame[2:]])


def _right(frame: Doubles) -> Doubles:
    return np.asarray(frame * [[1], [1], [np.sign(np.linalg.det(frame))]])


def _placed(axes: Doubles, centre: Doubles) -> Doubles:
    frame = np.eye(4)
    frame[:3, :3], frame[3, :3] = axes, centre
    return frame


def _box(points: Doubles, axes: Doubles) -> Primitive:
    local = points @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    return Primitive("box", _placed(axes, (low + high) / 2 @ axes), high - low, float((high - low).prod()))


def _round(points: Doubles, axes: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Middle in the frame, distances from the axis, heights."""
    local = points @ axes.T
    centre = _middle(local[:, :2])
    height = local[:, 2]
    middle = np.array([*centre, (height.min() + height.max()) / 2])
    return middle, np.linalg.norm(local[:, :2] - centre, axis=1), height - middle[2]


def _cylinder(points: Doubles, axes: Doubles) -> Primitive:
    middle, away, height = _round(points, axes)
    radius, tall = float(away.max()), float(np.ptp(height))
    return Primitive(
        "cylinder", _placed(axes, middle @ axes), np.array([radius, radius, tall]), float(np.pi * radius**2 * tall)
    )


def _capsule(points: Doubles, axes: Doubles) -> Primitive:
    middle, away, height = _round(points, axes)
    radius = float(away.max())
    # a point at height h off the axis by a is inside of the ball of an end at height e where (h - e)^2 <= r^2 - a^2
    slack = np.sqrt(np.maximum(radius**2 - away**2, 0))
    straight = 2 * max(float((np.abs(height) - slack).max()), 0.0)
    volume = np.pi * radius**2 * (straight + 4 / 3 * radius)
    return Primitive("capsule", _placed(axes, middle @ axes), np.array([radius, radius, straight]), float(volume))


def _sphere(points: Doubles) -> Primitive:
    centre = _middle(points)
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    return Primitive("sphere", _placed(np.eye(3), centre), np.full(3, radius), float(4 / 3 * np.pi * radius**3))


def _middle(points: Doubles) -> Doubles:
    """Centre of the smallest ball around points, nearly: steps toward the farthest point that grow smaller.

    Bădoiu and Clarkson's iteration, from the middle of the box, which is the centre for what is even.
    """
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    best, least = centre, np.inf
    for step in range(2, 60):
        gap = points - centre
        away = np.einsum("ij,ij->i", gap, gap)
        far = int(away.argmax())
        if away[far] < least:
            best, least = centre, away[far]
        centre = centre + gap[far] / step**1.5
    return np.asarray(best)
