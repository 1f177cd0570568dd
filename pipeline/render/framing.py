# SPDX-License-Identifier: Apache-2.0
"""Cameras that fit what is there: three-quarter, product, orbit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.render.camera import Camera, look_at

Array = NDArray[Any]

#: 50 mm on a 36 mm film back, in radians
NORMAL_LENS = 2 * math.atan(18 / 50)


def direction(azimuth: float, elevation: float) -> Array:
    """The unit vector from the subject to a camera, Y-up; degrees. Azimuth 0 is in front (+Z), 90 is at +X."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])


def corners(bounds: Array) -> Array:
    """The ``(8, 3)`` corners of bounds ``(2, 3)``."""
    low, high = np.asarray(bounds, np.float64)
    pick = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], bool)
    return np.asarray(np.where(pick, high, low))


def fit(
    points: Array,
    aspect: float = 1.0,
    azimuth: float = 35.0,
    elevation: float = 18.0,
    fov: float = NORMAL_LENS,
    margin: float = 0.08,
    name: str = "fit",
) -> Camera:
    """The nearest camera of this direction that sees all points.

    Every edge of the picture is a plane through the camera; the point that lies farthest out on either side
    says how far away the camera must be, so the fit is exact and needs no search.

    Parameters
    ----------
    points
        ``(n, 3)`` metres, Y-up; the corners of bounds or vertices.
    aspect
        Width / height of the picture.
    azimuth, elevation
        Degrees, see `direction`.
    fov
        Radians across the longer side of the picture.
    margin
        Share of the picture left free on each side.
    """
    points = np.asarray(points, np.float64)
    if not len(points) or not np.isfinite(points).all():
        points = corners(np.array([[-0.5] * 3, [0.5] * 3]))
    back = direction(azimuth, elevation)
    axes = look_at(back, np.zeros(3))[:3, :3]
    local = points @ axes.T
    half = math.tan(fov / 2)
    window = (half, half / aspect) if aspect >= 1 else (half * aspect, half)
    free = 1 - 2 * margin
    distance, centre = -np.inf, []
    for axis in (0, 1):
        slope = window[axis] * free
        high = float(np.max(local[:, axis] + slope * local[:, 2]))
        low = float(np.max(-local[:, axis] + slope * local[:, 2]))
        distance = max(distance, (high + low) / (2 * slope))
        centre.append((high - low) / 2)
    # the axis that does not decide the distance is centred anew at that distance
    depth_span = float(np.ptp(local[:, 2]))
    size = float(np.max(np.ptp(local, axis=0)))
    distance = max(distance, float(np.max(local[:, 2])) + 1e-3 * max(size, 1e-6))
    position = np.array([centre[0], centre[1], distance]) @ axes
    matrix = np.eye(4)
    matrix[:3, :3], matrix[3, :3] = axes, position
    nearest = distance - float(np.max(local[:, 2]))
    scale = max(size, depth_span, 1e-6)
    return Camera(
        matrix=matrix,
        window=(-window[0], window[0], -window[1], window[1]),
        near=max(nearest * 0.1, scale * 1e-4),
        far=distance - float(np.min(local[:, 2])) + 100 * scale,
        focus=distance - float(np.mean(local[:, 2])),
        name=name,
    )


def orbit(
    bounds: Array,
    count: int,
    aspect: float = 1.0,
    azimuth: float = 35.0,
    elevation: float = 18.0,
    fov: float = NORMAL_LENS,
    margin: float = 0.08,
) -> list[Camera]:
    """Cameras on one circle around the vertical axis through the middle of the bounds.

    All have the distance that fits the turning bounds from every side, so the subject neither grows nor
    wanders. The camera goes anticlockwise seen from above: the subject seems to turn clockwise.
    """
    low, high = np.asarray(bounds, np.float64)
    centre = (low + high) / 2
    radius = float(np.hypot(*(high - low)[[0, 2]])) / 2
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.stack([np.cos(angles) * radius, np.zeros(48), np.sin(angles) * radius], axis=1) + centre
    hull = np.concatenate([ring * [1, 0, 1] + [0, low[1], 0], ring * [1, 0, 1] + [0, high[1], 0]])
    first = fit(hull, aspect, azimuth, elevation, fov, margin)
    cameras = []
    for i in range(count):
        turn = 2 * math.pi * i / count
        c, s = math.cos(turn), math.sin(turn)
        rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
        matrix = np.eye(4)
        matrix[:3, :3] = first.axes @ rotation
        matrix[3, :3] = (first.position - centre) @ rotation + centre
        cameras.append(Camera(matrix, first.window, False, first.near, first.far, first.focus, 0.0, f"turn{i:04d}"))
    return cameras
