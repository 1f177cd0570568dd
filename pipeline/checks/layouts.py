# SPDX-License-Identifier: Apache-2.0
"""UV layouts and textures as pictures that findings are drawn on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.surfaces import Surface
from pipeline.checks.textures import TextureFile
from pipeline.mesh.uvraster import covered

#: pixels of a layout's side, and tiles of it that are shown at most
SIDE, MOST_TILES = 448, 4
_ISLAND, _SEAM, _TILE = 176, 96, 128


@dataclass(frozen=True)
class Layout:
    """A UV set as a picture.

    Attributes
    ----------
    surface
        The layout.
    low, tiles
        The UV corner at the lower left, and UV units a side.
    grey : (SIDE, SIDE, 2) uint8
        Islands with their borders on a clear ground, row 0 at the top.
    """

    surface: Surface
    low: NDArray[np.float64]
    tiles: int
    grey: NDArray[np.uint8]

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.surface.part.prim.rsplit('/', 1)[-1]}, {self.surface.uvs.name}"


def layout(surface: Surface) -> Layout | None:
    """The picture of a UV set; None where it has no numbers."""
    uv = surface.uvs.values.astype(np.float64)
    sound = np.isfinite(uv).all(axis=1) & (np.abs(uv) < 1e6).all(axis=1)
    if not sound.any():
        return None
    low = np.floor(uv[sound].min(axis=0) + 1e-6)
    tiles = int(np.clip(np.ceil((uv[sound].max(axis=0) - low - 1e-6).max()), 1, MOST_TILES))
    if tiles == 1 and (low != 0).any() and (uv[sound].max(axis=0) <= 1 + 1e-6).all():
        low = np.zeros(2)
    label = np.full((SIDE, SIDE), -1, np.int64)
    islands = surface.islands
    corners = islands.corners
    for column, row, triangle in covered((islands.uv - low) / tiles, corners, SIDE):
        inside = _inside(column, row)
        label[SIDE - 1 - row[inside], column[inside]] = islands.label[triangle[inside]]
    label = _closed(label)
    grey = np.zeros((SIDE, SIDE, 2), np.uint8)
    grey[label >= 0] = (_ISLAND, 255)
    for axis in (0, 1):
        step = np.diff(label, axis=axis) != 0
        for pad in ((1, 0), (0, 1)):
            edge = np.pad(step, [pad if a == axis else (0, 0) for a in (0, 1)])
            grey[edge & (label >= 0)] = (_SEAM, 255)
    for tile in range(tiles + 1):
        at = min(tile * SIDE // tiles, SIDE - 1)
        for line in (grey[SIDE - 1 - at], grey[:, at]):
            line[line[:, 1] == 0] = (_TILE, 255)
    return Layout(surface, low, tiles, grey)


def painted(shown: Layout, triangles: NDArray) -> NDArray[np.uint8]:
    """(SIDE, SIDE) where some triangles of the part lie: 1 or 0."""
    return _drawn(shown.surface, triangles, shown.low, shown.tiles, SIDE, SIDE)


def painted_texture(surface: Surface, triangles: NDArray, height: int, width: int) -> NDArray[np.uint8]:
    """(h, w) where some triangles of the part lie on a picture that the layout reads: 1 or 0."""
    return _drawn(surface, triangles, np.zeros(2), 1, height, width)


def picture(file: TextureFile) -> NDArray[np.uint8] | None:
    """(h, w, c) bytes of a texture's small copy; None where it cannot be read."""
    small = file.thumbnail
    if small is None or small.ndim != 3 or not small.size:
        return None
    step = -(-max(small.shape[:2]) // SIDE)
    shown = small[::step, ::step, : 3 if small.shape[2] >= 3 else 1]
    result: NDArray[np.uint8] = (np.nan_to_num(shown).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return result


def _drawn(
    surface: Surface, triangles: NDArray, low: NDArray, tiles: int, height: int, width: int
) -> NDArray[np.uint8]:
    chosen = np.zeros(len(surface.uvs.triangles), bool)
    chosen[triangles[triangles < len(chosen)]] = True
    result = np.full((SIDE, SIDE), -1, np.int64)
    uv = (surface.uvs.values.astype(np.float64) - low) / tiles
    for column, row, _ in covered(uv, surface.uvs.triangles[chosen], SIDE):
        inside = _inside(column, row)
        result[SIDE - 1 - row[inside], column[inside]] = 1
    drawn = (_closed(result) > 0).astype(np.uint8)
    if (height, width) == (SIDE, SIDE):
        return drawn
    return drawn[np.arange(height)[:, None] * SIDE // height, np.arange(width) * SIDE // width]


def _closed(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels, with the specks between triangles that no texel's middle lies in."""
    wide = np.pad(label, 1, constant_values=-1)
    beside = np.stack([wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]])
    speck = (label < 0) & ((beside >= 0).sum(axis=0) >= 3)
    result: NDArray[np.int64] = np.where(speck, beside.max(axis=0), label)
    return result


def _inside(column: NDArray, row: NDArray) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
    return result
