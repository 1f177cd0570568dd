# SPDX-License-Identifier: Apache-2.0
"""UV layouts: cut into charts, packed into one square, none mirrored (xatlas, MIT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError
from pipeline.mesh.atlas import cut, packed
from pipeline.mesh.distinct import numbered
from pipeline.mesh.edges import edges
from pipeline.mesh.faces import areas, degenerate, repeated
from pipeline.mesh.islands import islands
from pipeline.mesh.weld import weld

__all__ = ["Layout", "densities", "pack", "percentiles", "unmirrored", "unwrap"]


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
    sources, given = [], []
    # about one in size, so that its tolerances serve for any scale
    low, high = (np.array([f(p, axis=0) for p, _ in meshes if len(p)], np.float64) for f in (np.min, np.max))
    middle, size = (low.min(axis=0) + high.max(axis=0)) / 2, max(float(np.ptp(np.stack([low, high]))), 1e-30)
    for points, faces in meshes:
        near = ((points - middle) / size).astype(np.float32)
        joined = weld(near)
        solid = joined.index[faces]
        good = np.flatnonzero(~degenerate(near, solid, 1.0))
        if len(good) == 0:
            raise RefineError("a mesh without area cannot be unwrapped", remedy="remove-degenerate first")
        used, local = numbered(solid[good], joined.count)
        given.append((near[joined.first[used]], local))
        sources.append((len(faces), good))
    atlas = cut(given, side, padding, cost)
    layouts = []
    for (points, faces), made, (count, good) in zip(meshes, atlas.meshes, sources, strict=True):
        scaled = made.uv * np.array([atlas.width, atlas.height], np.float32)
        layouts.append(unmirrored(points, faces, _whole(scaled, made.corner, count, good)))
    return pack([(*m, new) for m, new in zip(meshes, layouts, strict=True)], side, padding, equal=True, brute=brute)


def pack(
    meshes: Sequence[tuple[NDArray, NDArray, Layout]],
    side: int,
    padding: int,
    equal: bool = True,
    turn: bool = True,
    brute: bool = False,
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
    brute
        Try every place.
    """
    scaled = []
    for points, faces, layout in meshes:
        if not np.isfinite(layout.uv).all() or not (np.ptp(layout.uv[layout.corners], axis=1) > 0).all(axis=1).any():
            raise RefineError("the layout has no area to pack", remedy="unwrap first")
        scaled.append(_apart(points, faces, layout, equal))
    largest = max(float(uv.max()) for uv in scaled)
    if not 1e-3 < largest < 1e4:  # its tolerances are absolute
        scaled = [uv / np.float32(max(largest, 1e-30)) for uv in scaled]
    atlas = packed(scaled, side, padding, turn, brute)
    layouts = []
    for made, (_, faces, _) in zip(atlas.meshes, meshes, strict=True):
        # one UV a corner: the order of corners is ours
        placed = np.zeros((faces.size, 2), np.float32)
        placed[made.vertex[made.corner]] = made.uv[made.corner]
        unique, rows = np.unique(placed, axis=0, return_inverse=True)
        layouts.append(Layout(unique.astype(np.float32), rows.reshape(-1, 3).astype(np.int32)))
    return layouts, {"charts": atlas.charts, "used": round(sum(_flat(x) for x in layouts), 4)}


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


def densities(points: NDArray, faces: NDArray, layout: Layout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """UV units per unit of length of each triangle that has an area, and its area."""
    value = layout.uv[layout.corners].astype(np.float64)
    u, v = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    flat = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    area = areas(points, faces)
    sound = area > 1e-12 * max(float(area.sum()), 1e-300)
    return np.sqrt(flat[sound] / area[sound]), area[sound]


def percentiles(values: NDArray, weight: NDArray) -> tuple[float, float]:
    """The 5th and the 95th percentile by weight; zeros without values."""
    if len(values) == 0:
        return 0.0, 0.0
    order = np.argsort(values)
    share = np.cumsum(weight[order]) / weight.sum()
    low, high = (float(values[order[min(int(np.searchsorted(share, p)), len(order) - 1)]]) for p in (0.05, 0.95))
    return low, high


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
    if len(live) == 0:
        raise RefineError("a mesh without area has no layout to pack", remedy="remove-degenerate first")
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


def _flat(layout: Layout) -> float:
    """Area of the layout's triangles, as a share of the square."""
    value = layout.uv[layout.corners].astype(np.float64)
    u, v = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    return float(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum()) / 2
