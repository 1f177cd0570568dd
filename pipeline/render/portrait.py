# SPDX-License-Identifier: Apache-2.0
"""One subject, read once and drawn small from any side: thumbnails, and pictures to compare with references."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.references.png import write_png
from pipeline.render import framing, views
from pipeline.render.camera import Array, Camera, look_at
from pipeline.render.draft.session import DraftSession
from pipeline.render.layers import centres
from pipeline.render.picturing import Options, read, setting_for
from pipeline.usd.colour import to_srgb

#: pixels of a thumbnail's side, which is also what textures are read for
SIDE = 192


class Portrait:
    """A subject in the light of the default rig, for the draft renderer.

    Parameters
    ----------
    stage
        A `Usd.Stage`; left as it is.
    prim
        What is drawn.
    variants
        Selections by set name.
    """

    def __init__(self, stage: Any, prim: str, variants: Mapping[str, str] | None = None) -> None:
        self._options = Options(
            size=(SIDE, SIDE), quality="draft", prims=(prim,), variants=dict(variants or {}),
            purposes=("default", "render"), lights=None, background="transparent", refine_level=0, view="srgb",
            exposure=0.0,
        )  # fmt: skip
        _, self.drawing = read(stage, self._options, None)
        self._pictures: dict[tuple[float, float, int], tuple[Array, Array]] = {}

    @cached_property
    def _free(self) -> DraftSession:
        return DraftSession(self.drawing, setting_for(self.drawing, self._options, self.drawing.bounds))

    def thumbnail(self, out: Path) -> Path:
        """A square picture from the three-quarter view with a transparent background, as PNG."""
        colour, alpha = self.seen(*views.INTENTS["three-quarter"], SIDE)
        pixels = np.concatenate([np.where(alpha[..., None] > 0, colour, 0), alpha[..., None]], axis=2)
        write_png(out, np.round(pixels * 255).astype(np.uint8))
        return out

    def seen(self, azimuth: float, elevation: float, side: int = 128) -> tuple[Array, Array]:
        """From one direction (degrees, see `framing.direction`), fitted into a square picture.

        Returns
        -------
        colour
            ``(side, side, 3)`` sRGB in 0-1, not multiplied by alpha.
        alpha
            ``(side, side)`` 0-1.
        """
        known = self._pictures.get((azimuth, elevation, side))
        if known:
            return known
        camera = framing.fit(self._extent, 1.0, azimuth, elevation, margin=0.02)
        pixels = self._free.draw(camera, side, side).colour
        alpha = np.clip(pixels[..., 3], 0, 1)
        colour = np.where(alpha[..., None] > 1e-3, pixels[..., :3] / np.maximum(alpha[..., None], 1e-3), 0)
        self._pictures[azimuth, elevation, side] = (to_srgb(colour.astype(np.float64)), alpha)
        return self._pictures[azimuth, elevation, side]

    def side(self, view: str, size: int) -> Array:
        """One side in parallel projection, as ``(h, w, 4) uint8`` sRGB with alpha, cut to what it shows and a rim.

        Parameters
        ----------
        view
            front, back, left or right.
        size
            Pixels of the longer side.
        """
        low, high = self.drawing.bounds
        middle, half = (low + high) / 2, float((high - low).max()) / 2 * 1.02
        away = framing.direction(*views.INTENTS[view]) * (4 * half + 1e-6)
        camera = Camera(look_at(middle + away, middle), (-half, half, -half, half), orthographic=True)
        pixels = self._free.draw(camera, size, size).colour
        alpha = np.clip(pixels[..., 3:], 0, 1)
        colour = to_srgb(np.where(alpha > 1e-3, pixels[..., :3] / np.maximum(alpha, 1e-3), 0).astype(np.float64))
        whole = np.round(np.concatenate([colour, alpha], axis=2) * 255).astype(np.uint8)
        rows, columns = (np.flatnonzero((whole[..., 3] > 0).any(axis=a)) for a in (1, 0))
        if not len(rows):
            return whole
        cut = whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return np.pad(cut, ((size // 32, size // 32), (size // 32, size // 32), (0, 0)))

    def outline(self, azimuth: float, elevation: float, side: int) -> Array:
        """``(side, side) bool``: what the subject covers from one direction, as in `seen` but without light."""
        camera = framing.fit(self._extent, 1.0, azimuth, elevation, margin=0.02)
        origins, directions = camera.rays(centres(side, side), side, side)
        return np.asarray(self._free.world.hits(origins, directions).found.reshape(side, side))

    @cached_property
    def _extent(self) -> Array:
        """The points that stand out, which are all that a camera has to be fitted to."""
        from scipy.spatial import ConvexHull, QhullError

        points = self.drawing.outline()
        try:
            return np.asarray(points[ConvexHull(points).vertices])
        except (QhullError, ValueError):  # flat, or too few
            return points
