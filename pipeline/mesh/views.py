# SPDX-License-Identifier: Apache-2.0
"""Parallel views of triangles by rays: which face each pixel sees, how far, and from which side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.directions import frame
from pipeline.mesh.once import once
from pipeline.mesh.rays import Rays


@dataclass(frozen=True)
class Window:
    """A square picture plane in front of an object.

    Attributes
    ----------
    direction, right, up : (3,) float64
        Unit vectors: where the viewer looks, and the picture's axes.
    left, top, near
        Where the picture begins along right, up and direction.
    pixel
        Side of a pixel in the unit of the points.
    side
        Pixels.
    """

    direction: NDArray[np.float64]
    right: NDArray[np.float64]
    up: NDArray[np.float64]
    left: float
    top: float
    near: float
    pixel: float
    side: int

    @once
    def origins(self) -> NDArray[np.float32]:
        """(side * side, 3) the middles of the pixels, row by row from the top."""
        steps = (np.arange(self.side) + 0.5) * self.pixel
        across = (self.left + steps)[None, :, None] * self.right
        down = (self.top - steps)[:, None, None] * self.up
        return (across + down + self.near * self.direction).reshape(-1, 3).astype(np.float32)

    def project(self, points: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Column and row of points; those beside the picture fall on its edge."""
        column = np.floor((points @ self.right - self.left) / self.pixel).astype(np.int64)
        row = np.floor((self.top - points @ self.up) / self.pixel).astype(np.int64)
        return column.clip(0, self.side - 1), row.clip(0, self.side - 1)


@dataclass(frozen=True)
class View:
    """A picture of faces.

    Attributes
    ----------
    window
        Where it was taken.
    face : (h, w) int32
        The face each pixel sees, -1 for none; row 0 is on top.
    depth : (h, w) float32
        Distance from the window; infinite for none.
    """

    window: Window
    face: NDArray[np.int32]
    depth: NDArray[np.float32]

    @property
    def direction(self) -> NDArray[np.float64]:
        """(3,) where the viewer looks."""
        return self.window.direction

    @property
    def silhouette(self) -> NDArray[np.bool_]:
        """(h, w) pixels that see anything."""
        return self.face >= 0


def window(points: NDArray, direction: NDArray, side: int, margin: float = 0.02) -> Window:
    """The plane from which all points are seen.

    Parameters
    ----------
    points : (n, 3) float
        At least one.
    direction : (3,) unit vector
    side
        Pixels.
    margin
        Free border, as a share of the picture's side.
    """
    direction = np.asarray(direction, np.float64)
    right, up = frame(direction)
    across, along, away = points @ right, points @ up, points @ direction
    extent = max(float(np.ptp(across)), float(np.ptp(along)), 1e-12) / (1 - 2 * margin)
    left = float(across.min() + across.max()) / 2 - extent / 2
    top = float(along.min() + along.max()) / 2 + extent / 2
    near = float(away.min()) - 0.01 * extent
    return Window(direction, right, up, left, top, near, extent / side, side)


def look(rays: Rays, direction: NDArray, side: int, margin: float = 0.02) -> View:
    """Look at triangles along a direction, the whole of them in a square picture.

    Parameters
    ----------
    rays
        The triangles.
    direction : (3,) unit vector
    side
        Pixels.
    margin
        Free border, as a share of the picture's side.
    """
    points = rays.points if len(rays.points) else np.zeros((1, 3))
    return look_through(rays, window(points, direction, side, margin))


def look_through(rays: Rays, plane: Window) -> View:
    """Look at triangles from a window that was chosen before."""
    origins = plane.origins
    towards = np.broadcast_to(plane.direction.astype(np.float32), origins.shape)
    face, distance = rays.first(origins, towards)
    shape = (plane.side, plane.side)
    return View(plane, face.reshape(shape), distance.reshape(shape))
