# SPDX-License-Identifier: Apache-2.0
"""Mode `hull`: the solid that several silhouettes allow, coloured from the pictures.

Concavities that no silhouette shows never appear: a stand-in volume, and it says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import GeneratorError
from pipeline.generators.base import Picture, Request
from pipeline.generators.embedded.model import Model
from pipeline.generators.embedded.pieces import Floats
from pipeline.generators.embedded.surfacing import isosurface
from pipeline.generators.embedded.wrapping import project_colours
from pipeline.references.foreground import find_foreground

#: picture axes of each named view: which world axis grows to the right, which grows up, where the eye is
VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]] = {
    "front": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "back": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "right": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "left": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "top": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "bottom": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
}
_TURN = ("front", "right", "back", "left")


def silhouette(picture: Picture, side: int = 256) -> tuple[NDArray[np.bool_], Floats]:
    """Mask and colours of a picture cut to what it shows, at most `side` pixels before the cut.

    Raises
    ------
    GeneratorError
        No object stands out from the background.
    """
    found = find_foreground(picture.path, side=side)
    mask, colour = found.mask, found.colour
    if not mask.any() or mask.mean() > 0.97:
        raise GeneratorError(
            "no silhouette can be found: the object does not stand out from its background",
            path=picture.path,
            remedy="give a picture on an even background or with an alpha channel",
        )
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return mask[cut], colour[cut]


def named_views(pictures: list[Picture]) -> list[tuple[str, Picture]]:
    """Each picture with its side; pictures without one go round: front, right, back, left."""
    taken = {p.view for p in pictures if p.view}
    free = [v for v in _TURN if v not in taken]
    result = []
    for p in pictures:
        view = p.view or (free.pop(0) if free else "")
        if view:
            result.append((view, p))
    return result


def _sizes(masks: dict[str, NDArray[np.bool_]], size: tuple[float, float, float] | None) -> Floats:
    """Width, height, depth in metres: as asked, or from the proportions with a height of 1."""
    if size:
        return np.asarray(size, float)
    ratio = {v: m.shape[1] / m.shape[0] for v, m in masks.items()}
    width = ratio.get("front") or ratio.get("back") or 1.0
    depth = ratio.get("right") or ratio.get("left")
    if depth is None and "top" in ratio:
        depth = width / ratio["top"]
    return np.array([width, 1.0, depth or width])


def _sample(mask: Floats, u: Floats, v: Floats) -> Floats:
    """Bilinear values at u to the right and v up in 0-1, 0 outside."""
    from scipy.ndimage import map_coordinates

    h, w = mask.shape
    at = np.stack([(1 - v) * h - 0.5, u * w - 0.5])
    inside: Floats = map_coordinates(mask.astype(float), at, order=1, mode="nearest")
    return np.where((u < 0) | (u > 1) | (v < 0) | (v > 1), 0.0, inside)


def carve(masks: dict[str, NDArray[np.bool_]], size: Floats, cells: int = 112) -> tuple[Floats, Floats]:
    """Occupancy 0-1 on a grid with one empty layer around, and the (3,) metres of a cell.

    Silhouettes are orthographic and fill their picture; each view cuts everything outside its own.
    """
    step = float(size.max()) / cells
    counts = np.maximum(np.ceil(size / step).astype(int), 4)
    axes = [(np.arange(-1, n + 1) + 0.5) / n for n in counts]
    solid = np.ones([len(a) for a in axes])
    grid = np.meshgrid(*axes, indexing="ij", sparse=True)
    for view, mask in masks.items():
        right, up, _ = VIEWS[view]
        u = _along(grid, right)
        v = _along(grid, up)
        u, v = np.broadcast_arrays(u, v)
        flat = np.minimum(solid, _sample(mask.astype(float), u, v))
        solid = flat
    border = np.ones_like(solid)
    border[1:-1, 1:-1, 1:-1] = 0
    solid[border > 0] = 0
    return solid, size / counts


def _along(grid: Sequence[Floats], axis: tuple[float, float, float]) -> Floats:
    i = int(np.flatnonzero(axis)[0])
    values: Floats = grid[i] if axis[i] > 0 else 1 - grid[i]
    return values


def hull_model(request: Request, seed: int) -> Model:
    """One candidate of mode `hull` from the pictures with role `shape` or `blockout`.

    Raises
    ------
    GeneratorError
        There are no pictures, no silhouette in one, or they contradict each other.
    """
    views = named_views(request.pictures("shape", "blockout"))
    if not views:
        raise GeneratorError("mode hull needs pictures with role shape", remedy="add at least a front and a side view")
    cut = {view: silhouette(picture) for view, picture in views}
    masks = {view: mask for view, (mask, _) in cut.items()}
    size = _sizes(masks, request.size_m)
    solid, cell = carve(masks, size)
    if not (solid > 0.5).any():
        raise GeneratorError(
            "the silhouettes contradict each other: nothing is inside all of them",
            remedy="check which view each picture shows",
        )
    points, faces = isosurface(solid, 0.5, cell, request.target_triangles or 20000)
    low, high = points.min(0), points.max(0)
    points = (points - [(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]) * (size / (high - low))
    notes = [
        f"a visual hull of {len(views)} silhouettes: a stand-in volume, concavities never appear",
    ]
    if len(views) < 3:
        notes.append("fewer than three views: the unseen sides are guesses")
    if request.pbr:
        notes.append("colours are projected from the pictures with the light they were taken in; roughness is even")
    pictures = {view: colour for view, (_, colour) in cut.items()}
    return project_colours(points, faces, pictures, {v: VIEWS[v] for v in pictures}, request.texture_size, notes)
