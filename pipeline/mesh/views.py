# SPDX-License-Identifier: Apache-2.0
"""Parallel views of triangles by rays: which face each pixel sees, how far, and from which side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.directions import frame
from pipeline.mesh.rays import Rays


@dataclass(frozen=True)
class View:
    """A picture of faces.

    Attributes
    ----------
    direction : (3,)
        Where the viewer looks.
    face : (h, w) int32
        The face each pixel sees, -1 for none; row 0 is on top.
    depth : (h, w) float32
        Distance from the plane in front of the object; infinite for none.
    pixel
        Side of a pixel in the unit of the points.
    """

    direction: NDArray[np.float64]
    face: NDArray[np.int32]
    depth: NDArray[np.float32]
    pixel: float

    @property
    def silhouette(self) -> NDArray[np.bool_]:
        """(h, w) pixels that see anything."""
        return self.face >= 0


def look(rays: Rays, direction: NDArray, side: int, margin: float = 0.02) -> View:
    """Look at the triangles along a direction, the whole of them in a square picture.

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
    direction = np.asarray(direction, np.float64)
    used = rays.points[rays.faces.reshape(-1)] if len(rays.points) > 3 * len(rays.faces) else rays.points
    if len(used) == 0:
        nothing = np.full((side, side), -1, np.int32)
        return View(direction, nothing, np.full((side, side), np.inf, np.float32), 1.0)
    right, up = frame(direction)
    across, along, away = used @ right, used @ up, used @ direction
    extent = max(float(np.ptp(across)), float(np.ptp(along)), 1e-12) / (1 - 2 * margin)
    pixel = extent / side
    steps = (np.arange(side) + 0.5) * pixel - extent / 2
    x = (across.min() + across.max()) / 2 + steps
    y = (along.min() + along.max()) / 2 - steps
    start = float(away.min()) - 0.01 * extent
    origins = (
        x[None, :, None] * right + y[:, None, None] * up + start * direction
    ).reshape(-1, 3)  # fmt: skip
    towards = np.broadcast_to(direction, origins.shape)
    face, distance = rays.first(origins, towards)
    shape = (side, side)
    return View(direction, face.reshape(shape), distance.reshape(shape), pixel)
