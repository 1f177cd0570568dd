# SPDX-License-Identifier: Apache-2.0
"""What a camera sees of the asset: its outline by rays, and a draft picture with ids and depth."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError
from pipeline.render.backend import Job
from pipeline.render.backends import choose
from pipeline.render.camera import Camera
from pipeline.render.picturing import setting_for
from pipeline.render.setting import Frame
from pipeline.render.views import converted
from pipeline.scenes.notes.situation import Situation

__all__ = ["Outline", "Picture", "View"]

#: rays along the longer side of the asset's own rectangle
OUTLINE = 384
#: pixels along the longer side of the picture that is measured
PICTURE = 400
#: how far beyond the frame a cut asset is still followed, in frames
BEYOND = 2.0


@dataclass(frozen=True, eq=False)
class Outline:
    """The asset by rays through its own rectangle, which may reach beyond the frame.

    Attributes
    ----------
    x, y
        ``(k,)`` places of the rays that meet the asset, in frames from the left and from the top: 0 to 1 is inside.
    hidden
        ``(k,) bool``: something stands in front of it.
    step
        ``(2,)`` frames between rays.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    step: NDArray[np.float64]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """``(k,)``: within the frame."""
        return np.asarray((self.x >= 0) & (self.x <= 1) & (self.y >= 0) & (self.y <= 1))


@dataclass(frozen=True, eq=False)
class Picture:
    """A draft picture of the scene.

    Attributes
    ----------
    colour
        ``(h, w, 3) float32`` scene-linear Rec.709.
    owner
        ``(h, w) int``: number of the model, 0 is the asset, -1 is nothing (sky, backdrop, studio floor).
    shape
        ``(h, w) int``: number of the shape, -1 is nothing.
    surface
        ``(h, w) int``: number of the surface, -1 is nothing.
    depth
        ``(h, w)`` metres along the view.
    frame
        As the renderer drew it.
    """

    colour: NDArray[np.float32]
    owner: NDArray[np.int64]
    shape: NDArray[np.int64]
    surface: NDArray[np.int64]
    depth: NDArray[np.float32]
    frame: Frame


class View:
    """The situation through one camera.

    Parameters
    ----------
    path
        The camera prim.
    pixels
        Along the longer side of the picture that is drawn and measured.

    Raises
    ------
    UsageError
        There is no such camera.
    """

    def __init__(self, situation: Situation, path: str, pixels: int = PICTURE) -> None:
        self.situation = situation
        self.path = path
        self.name = path.rpartition("/")[2]
        self.camera = self._converted()
        left, right, bottom, top = self.camera.window
        aspect = (right - left) / (top - bottom)
        width, height = situation.size
        #: pixels of the picture that will be rendered
        self.size = (width, height or max(1, round(width / aspect)))
        scale = pixels / max(self.size)
        #: pixels of the picture that is measured
        self.small = (max(16, round(self.size[0] * scale)), max(16, round(self.size[1] * scale)))
        self.camera = self.camera.for_aspect(self.size[0] / self.size[1])

    def _converted(self) -> Camera:
        scene = self.situation.scene
        for number, node in enumerate(scene.nodes):
            if node.path == self.path and node.camera is not None:
                return converted(scene.cameras[node.camera], scene.world_matrices[number])
        raise UsageError("no such camera", prim=self.path, remedy="gates camera NAME --subject ASSET makes one")

    def project(self, points: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points ``(n, 3)`` in metres to frames ``(n, 2)`` from the upper left, and depth ``(n,)`` in metres."""
        pixels, depth = self.camera.project(points, *self.size)
        return pixels / np.array(self.size), depth

    def metres_per_pixel(self, depth: NDArray) -> NDArray[np.float64]:
        """What a pixel of the rendered picture covers at some depths, facing the camera."""
        left, right, _, _ = self.camera.window
        width = (right - left) / self.size[0]
        return np.full(np.shape(depth), width) if self.camera.orthographic else np.asarray(depth) * width

    @cached_property
    def outline(self) -> Outline:
        """The asset's outline, and what is hidden of it."""
        points, faces = self.situation.mesh
        placed, depth = self.project(points[np.unique(faces)])
        ahead = depth > 1e-6
        empty = np.zeros(0)
        if not ahead.any():
            return Outline(empty, empty, np.zeros(0, bool), np.ones(2))
        low, high = placed[ahead].min(0), placed[ahead].max(0)
        if not ahead.all():
            # it surrounds the camera: nobody can say where it ends
            low, high = np.full(2, -BEYOND), np.full(2, 1 + BEYOND)
        low, high = np.maximum(low, -BEYOND), np.minimum(high, 1 + BEYOND)
        span = np.maximum(high - low, 1e-9)
        wide = span * np.array(self.size)
        count = np.maximum(np.ceil(OUTLINE * wide / wide.max()).astype(int), 2)
        step = span / count
        gx, gy = np.meshgrid(*(low[k] + (np.arange(count[k]) + 0.5) * step[k] for k in (0, 1)))
        x, y = gx.ravel(), gy.ravel()
        origins, directions = self.camera.rays(np.stack([x, y], 1) * np.array(self.size), *self.size)
        face, distance = self.situation.rays.first(origins, directions)
        met = face >= 0
        x, y, origins, directions, distance = x[met], y[met], origins[met], directions[met], distance[met]
        rows = self._between(low, high, float(depth[ahead].max()))
        near = np.maximum(distance * (1 - 1e-4) - 1e-3, 0)
        hidden = self.situation.blocked_by_others(rows, origins, directions, near)
        return Outline(x, y, hidden, step)

    def _between(self, low: NDArray, high: NDArray, far: float) -> NDArray[np.int64]:
        """Pieces of others whose bounds may stand between the camera and a rectangle of the picture."""
        pieces = self.situation.pieces
        others = np.flatnonzero(pieces.owner != 0)
        if not len(others):
            return others
        a, b = pieces.low[others], pieces.high[others]
        pick = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], bool)
        corners = np.where(pick[None], b[:, None], a[:, None])
        placed, depth = self.project(corners.reshape(-1, 3))
        placed, depth = placed.reshape(-1, 8, 2), depth.reshape(-1, 8)
        around = (depth <= 1e-6).any(1) & (depth > 0).any(1)
        meets = (placed.min(1) <= high).all(1) & (placed.max(1) >= low).all(1)
        return np.asarray(others[(depth.min(1) < far) & (depth.max(1) > 0) & (meets | around)])

    @cached_property
    def picture(self) -> Picture:
        """The scene drawn as a draft, in its own light where it has any, else in the studio's."""
        situation = self.situation
        drawing = situation.drawing
        options = replace(situation.options, size=self.small)
        setting = setting_for(drawing, options, drawing.bounds)
        away = float(np.linalg.norm(self.camera.position - situation.box.centre))
        left, right, _, _ = self.camera.window
        pixel = (right - left) * (1.0 if self.camera.orthographic else away) / self.small[0]
        job = Job(drawing, setting, options.quality, pixel, situation.stage, None, ())
        with closing(choose("draft", "draft").open(job)) as session:
            frame = session.draw(self.camera, *self.small)
        shape = frame.layers["shape"].astype(np.int64)
        owner = np.where(shape >= 0, situation.pieces.shape_owner[np.maximum(shape, 0)], -1)
        return Picture(
            np.nan_to_num(frame.colour[..., :3], nan=0.0, posinf=1e4, neginf=0.0),
            owner,
            shape,
            frame.layers["surface"].astype(np.int64),
            frame.layers["depth"],
            frame,
        )
