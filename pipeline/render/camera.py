# SPDX-License-Identifier: Apache-2.0
"""The camera that every renderer is given: a rigid frame and a window, nothing in film units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Camera:
    """A view of the world.

    Attributes
    ----------
    matrix
        ``(4, 4) float64``, camera to world, row vectors as in USD (``p @ matrix``), rigid: no scale. The
        camera looks along its -Z, +Y is up.
    window
        Left, right, bottom, top: where the picture's edges cut the plane one unit ahead (perspective), or
        metres (orthographic).
    near, far
        Metres.
    focus
        Metres to the plane in focus.
    lens_radius
        Metres; 0 is a pinhole.
    exposure
        What the picture is multiplied with.
    """

    matrix: Array
    window: tuple[float, float, float, float]
    orthographic: bool = False
    near: float = 0.01
    far: float = 1e5
    focus: float = 0.0
    lens_radius: float = 0.0
    name: str = ""
    exposure: float = 1.0

    @property
    def position(self) -> Array:
        """``(3,)`` metres."""
        return np.asarray(self.matrix[3, :3])

    @property
    def axes(self) -> Array:
        """``(3, 3)``: right, up and back in the world, unit vectors."""
        return np.asarray(self.matrix[:3, :3])

    def for_aspect(self, aspect: float) -> Camera:
        """The same view in a frame of this width/height: the window grows, nothing is cropped.

        This is `expandAperture`, UsdRender's fallback for aspectRatioConformPolicy.
        """
        left, right, bottom, top = self.window
        width, height = right - left, top - bottom
        grow_x = max(aspect * height / width, 1.0)
        grow_y = max(width / (aspect * height), 1.0)
        cx, cy = (left + right) / 2, (bottom + top) / 2
        half_w, half_h = width * grow_x / 2, height * grow_y / 2
        return replace(self, window=(cx - half_w, cx + half_w, cy - half_h, cy + half_h))

    def project(self, points: Array, width: int, height: int) -> tuple[Array, Array]:
        """Where world points fall in a picture.

        Returns
        -------
        pixels
            ``(n, 2)``: x from the left, y from the top.
        depth
            ``(n,)``: metres ahead of the camera; negative is behind it.
        """
        local = (np.asarray(points, np.float64) - self.position) @ self.axes.T
        depth = -local[:, 2]
        left, right, bottom, top = self.for_aspect(width / height).window
        scale = 1.0 if self.orthographic else np.where(np.abs(depth) < 1e-12, 1e-12, depth)
        x, y = local[:, 0] / scale, local[:, 1] / scale
        return np.stack([(x - left) / (right - left) * width, (top - y) / (top - bottom) * height], axis=1), depth

    def rays(self, pixels: Array, width: int, height: int, lens: Array | None = None) -> tuple[Array, Array]:
        """Origins and unit directions ``(n, 3) float32`` through picture positions ``(n, 2)``.

        Parameters
        ----------
        lens
            ``(n, 2)`` in 0..1: places on the aperture that the rays start from; through its middle without.
        """
        left, right, bottom, top = self.for_aspect(width / height).window
        x = left + (right - left) * pixels[:, 0] / width
        y = top - (top - bottom) * pixels[:, 1] / height
        if self.orthographic:
            origins = self.position + np.stack([x, y, np.zeros_like(x)], axis=1) @ self.axes
            directions = np.broadcast_to(-self.axes[2], origins.shape)
        else:
            ahead = np.stack([x, y, np.full_like(x, -1)], axis=1)
            origins = self.position
            if lens is not None and self.lens_radius > 0 and self.focus > 0:
                radius, turn = self.lens_radius * np.sqrt(lens[:, 0]), 2 * np.pi * lens[:, 1]
                start = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.zeros_like(turn)], axis=1)
                ahead -= start / self.focus
                origins = start @ self.axes + self.position
            directions = ahead @ self.axes
            directions /= np.sqrt(np.einsum("ij,ij->i", directions, directions))[:, None]
            origins = np.broadcast_to(origins, directions.shape)
        return np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32)


def rigid(matrix: Array) -> Array:
    """A camera's matrix without scale and shear: -Z kept, +Y as near as it can be, handedness right."""
    m = np.asarray(matrix, np.float64)
    back = m[2, :3] / np.linalg.norm(m[2, :3])
    right = np.cross(m[1, :3], back)
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[0, :3], out[1, :3], out[2, :3], out[3, :3] = right, np.cross(back, right), back, m[3, :3]
    return out


def look_at(position: Array, target: Array, up: tuple[float, float, float] = (0.0, 1.0, 0.0)) -> Array:
    """The matrix of a camera at `position` that looks at `target`; +Y up unless told."""
    back = np.asarray(position, np.float64) - np.asarray(target, np.float64)
    back /= np.linalg.norm(back)
    reference = np.asarray(up, np.float64)
    if abs(back @ reference) > 0.9999:
        reference = np.array([0.0, 0.0, -1.0]) if abs(back[1]) > 0.5 else np.array([0.0, 1.0, 0.0])
    right = np.cross(reference, back)
    right /= np.linalg.norm(right)
    out = np.eye(4)
    out[0, :3], out[1, :3], out[2, :3], out[3, :3] = right, np.cross(back, right), back, position
    return out
