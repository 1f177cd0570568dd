# SPDX-License-Identifier: Apache-2.0
"""The floor melts into the backdrop: its edge is taken out by rays through the middle of every pixel."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from pipeline.render.camera import Camera
from pipeline.render.draft.tracing import World
from pipeline.render.drawing import Drawing
from pipeline.render.lamps import Array
from pipeline.render.layers import centres
from pipeline.render.setting import Floor, Setting


class Backdrop:
    """Mends pictures of one scene."""

    def __init__(self, drawing: Drawing, setting: Setting, pixel: float = 0.0) -> None:
        self.setting = setting
        self.world = World(drawing, None, pixel)

    def mended(self, colour: Array, camera: Camera) -> Array:
        """The picture ``(h, w, 3)`` over its backdrop."""
        backdrop = np.asarray(self.setting.backdrop, np.float32)
        height, width = colour.shape[:2]
        origins, directions = camera.rays(centres(width, height), width, height)
        hits = self.world.hits(origins, directions)
        cover = floor_cover(self.setting.floor, origins, directions)
        subject = binary_dilation(hits.found.reshape(height, width), iterations=1)
        fade = np.where(subject.ravel(), 1, cover)[:, None].astype(np.float32)
        out = backdrop + fade * (colour.reshape(-1, 3) - backdrop)
        return np.asarray(out.reshape(height, width, 3), np.float32)


def floor_cover(floor: Floor | None, origins: Array, directions: Array) -> Array:
    """``(n,)``: how much of the floor a ray meets that nothing stands in the way of."""
    if floor is None:
        return np.zeros(len(origins))
    slope = np.where(np.abs(directions[:, 1]) < 1e-9, -1e-9, directions[:, 1])
    away = (floor.centre[1] - origins[:, 1]) / slope
    points = origins + directions * np.maximum(away, 0)[:, None]
    return np.asarray(np.where(away > 0, floor.opacity(points), 0.0))
