# SPDX-License-Identifier: Apache-2.0
"""UV layouts: cut into charts, packed into one square, none mirrored (xatlas, MIT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError
from pipeline.mesh.edges import edges
from pipeline.mesh.faces import areas, repeated
from pipeline.mesh.islands import islands
from pipeline.mesh.weld import weld

__all__ = ["Layout", "density", "pack", "unmirrored", "unwrap"]


@dataclass(frozen=True, eq=False)
class Layout:
    """UVs of one mesh.

    Attributes
    ----------
    uv : (k, 2) float32
        Within 0 to 1.
    corners : (t, 3) int32
        The UV of each corner of the triangles.
    """

    uv: NDArray[np.float32]
    corners: NDArray[np.int32]


def unwrap(
    meshes: Sequence[tuple[NDArray, NDArray]], side: int, padding: int, cost: float = 2.0, brute: bool = False
) -> tuple[list[Layout], dict[str, float]]:
    """Cut and pack meshes into one atlas.

    Parameters
    ----------
    meshes
        Points (n, 3) and triangles (t, 3) of each, in one common space.
    side, padding
        Of the texture the layout is meant for, and between charts: pixels.
    cost
        How much distortion a chart may gather before it is cut; larger means fewer charts.

    Returns
    -------
    layouts
        One a mesh.
    facts
        `charts` and `used`, the share of the square that is covered.

    Raises
    ------
    RefineError
        A mesh has no triangle with an area.
    """
    import xatlas

    atlas = xatlas.Atlas()
    sources = []
    for points, faces in meshes:
        joined = weld(np.ascontiguousarray(points, np.float32))
        solid = joined.index[faces]
        good = np.flatnonzero(~repeated(solid) & (areas(points, faces) > 0))
        if len(good) == 0:
            raise RefineError("a mesh without area cannot be unwrapped", remedy="remove-degenerate first")
        used, local = np.unique(solid[good], return_inverse=True)
        atlas.add_mesh(
            np.ascontiguousarray(points[joined.first[used]], np.float32),
            np.ascontiguousarray(local.reshape(-1, 3), np.uint32),
        )
        sources.append((len(faces), good))
    chart, place = xatlas.ChartOptions(), xatlas.PackOptions()
    chart.max_cost = cost
    chart.max_iterations = 2
    place.resolution, place.padding, place.bruteForce, place.bilinear = side, padding, brute, True
    # xatlas turns a chart by a quarter by swapping u and v, which mirrors it: only turns to its axis are asked for
    place.rotate_charts, place.rotate_charts_to_axis = False, True
    atlas.generate(chart, place)
    layouts = []
    for number, (count, good) in enumerate(sources):
        _, corner, uv = atlas.get_mesh(number)
        layouts.append(_whole(uv, corner.reshape(-1, 3), count, good))
    _square(layouts, atlas.width, atlas.height)
    facts = {"charts": int(atlas.chart_count), "used": round(float(atlas.utilization), 4)}
    facing = [unmirrored(m[0], m[1], layout) for m, layout in zip(meshes, layouts, strict=True)]
    if all(a is b for a, b in zip(facing, layouts, strict=True)):
        return layouts, facts
    # charts lie in each other's bays: one that was turned over needs a place of its own again
    packed, again = pack([(*m, f) for m, f in zip(meshes, facing, strict=True)], side, padding, equal=False)
    return packed, {**facts, "used": again["used"]}


def pack(
    meshes: Sequence[tuple[NDArray, NDArray, Layout]], side: int, padding: int, equal: bool = True, turn: bool = True
) -> tuple[list[Layout], dict[str, float]]:
    """Pack the islands of existing layouts anew into one square; their shapes stay.

    Parameters
    ----------
    meshes
        Points (n, 3), triangles (t, 3) and layout of each.
    equal
        Scale islands so that all have the same texels per metre.
    turn
        Islands may be turned.
    """
    import xatlas

    atlas = xatlas.Atlas()
    scaled = []
    for points, faces, layout in meshes:
        if not np.isfinite(layout.uv).all() or not (np.ptp(layout.uv[layout.corners], axis=1) > 0).all(axis=1).any():
            raise RefineError("the layout has no area to pack", remedy="unwrap first")
        uv = _apart(points, faces, layout, equal)
        scaled.append(uv)
        atlas.add_uv_mesh(uv, np.arange(len(uv), dtype=np.uint32).reshape(-1, 3))
    place = xatlas.PackOptions()
    place.resolution, place.padding, place.bilinear = side, padding, True
    place.rotate_charts, place.rotate_charts_to_axis = False, turn
    atlas.generate(xatlas.ChartOptions(), place)
    layouts = []
    for number, (_, faces, _) in enumerate(meshes):
        vertex, corner, uv = atlas.get_mesh(number)
        # one UV a corner: the order of corners is ours
        placed = np.zeros((faces.size, 2), np.float32)
        placed[vertex[corner]] = uv[corner]
        unique, rows = np.unique(placed, axis=0, return_inverse=True)
        layouts.append(Layout(unique.astype(np.float32), rows.reshape(-1, 3).astype(np.int32)))
    _square(layouts, atlas.width, atlas.height)
    return layouts, {"charts": int(atlas.chart_count), "used": round(float(atlas.utilization), 4)}


def unmirrored(points: NDArray, faces: NDArray, layout: Layout) -> Layout:
    """Mirror every island of negative area within its own box: a mirrored chart turns normal maps inside out."""
    label, live = _islands(points, faces, layout)
    value = layout.uv[layout.corners[live]].astype(np.float64)
    a, b, c = value[:, 0], value[:, 1], value[:, 2]
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    mirrored = np.bincount(label, area) < 0
    if not mirrored.any():
        return layout
    low = np.full(len(mirrored), np.inf)
    high = np.full(len(mirrored), -np.inf)
    np.minimum.at(low, label, value[:, :, 0].min(axis=1))
    np.maximum.at(high, label, value[:, :, 0].max(axis=1))
    turned = mirrored[label]
    value[turned, :, 0] = (low + high)[label[turned], None] - value[turned, :, 0]
    result = layout.uv[layout.corners].astype(np.float64)
    result[live] = value
    unique, rows = np.unique(result.reshape(-1, 2).astype(np.float32), axis=0, return_inverse=True)
    return Layout(unique, rows.reshape(-1, 3).astype(np.int32))


def density(points: NDArray, faces: NDArray, layout: Layout, side: int) -> tuple[float, float, float]:
    """Texels per unit of length at a texture of `side` pixels: 5th percentile, area-weighted mean, 95th."""
    value = layout.uv[layout.corners].astype(np.float64)
    u, v = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    flat = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    area = areas(points, faces)
    sound = area > 1e-12 * max(float(area.sum()), 1e-300)
    each = np.sqrt(flat[sound] / area[sound]) * side
    if len(each) == 0:
        return 0.0, 0.0, 0.0
    order = np.argsort(each)
    share = np.cumsum(area[sound][order]) / area[sound].sum()
    low, high = (float(each[order[min(int(np.searchsorted(share, p)), len(order) - 1)]]) for p in (0.05, 0.95))
    return low, float(np.sqrt(flat[sound].sum() / area[sound].sum()) * side), high


def _islands(points: NDArray, faces: NDArray, layout: Layout) -> tuple[NDArray, NDArray]:
    """(l,) island of each live triangle, and (l,) which triangles these are."""
    joined = weld(np.asarray(points))
    solid = joined.index[faces]
    live = np.flatnonzero(~repeated(solid))
    found = islands(points[joined.first], edges(solid[live]), layout.uv, layout.corners[live])
    return found.label, live


def _apart(points: NDArray, faces: NDArray, layout: Layout, equal: bool) -> NDArray[np.float32]:
    """(3 t, 2) UVs by corner with islands moved apart, and scaled to equal density where asked."""
    label, live = _islands(points, faces, layout)
    value = layout.uv[layout.corners].astype(np.float64)
    part = value[live]
    count = int(label.max()) + 1
    low = np.full((count, 2), np.inf)
    high = np.full((count, 2), -np.inf)
    for axis in range(2):
        np.minimum.at(low[:, axis], label, part[:, :, axis].min(axis=1))
        np.maximum.at(high[:, axis], label, part[:, :, axis].max(axis=1))
    scale = np.ones(count)
    if equal:
        u, v = part[:, 1] - part[:, 0], part[:, 2] - part[:, 0]
        flat = np.bincount(label, np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2)
        surface = np.bincount(label, areas(points, faces)[live])
        scale = np.sqrt(surface / np.maximum(flat, 1e-12 * max(float(flat.sum()), 1e-300)))
    size = (high - low) * scale[:, None]
    # a row of islands, each in a place of its own: touching islands would be packed as one
    start = np.concatenate([[0], np.cumsum(size[:, 0] * 1.05 + 1e-3 * size.max())[:-1]])
    moved = (part - low[label][:, None]) * scale[label][:, None, None]
    moved[:, :, 0] += start[label][:, None]
    result = np.zeros_like(value)
    result[live] = moved
    return np.ascontiguousarray(result.reshape(-1, 2), np.float32)


def _whole(uv: NDArray, corner: NDArray, count: int, good: NDArray) -> Layout:
    """A layout for all triangles; those without area get one point."""
    corners = np.zeros((count, 3), np.int32)
    corners[good] = corner
    if len(good) < count:
        flat = np.setdiff1d(np.arange(count), good)
        corners[flat] = corner[0, 0]
    return Layout(np.ascontiguousarray(uv, np.float32), corners)


def _square(layouts: list[Layout], width: int, height: int) -> None:
    """xatlas measures u and v in its own width and height: keep the ratio in the unit square."""
    longer = max(width, height, 1)
    for number, layout in enumerate(layouts):
        scaled = layout.uv * np.array([width / longer, height / longer], np.float32)
        layouts[number] = Layout(scaled.astype(np.float32), layout.corners)
