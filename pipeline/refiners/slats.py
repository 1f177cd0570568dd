# SPDX-License-Identifier: Apache-2.0
"""Close an opening with a panel of slats: a shutter, a fence, a blind, as a part of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, UsdGeom, UsdShade, Vt
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.refiners.core import Operation, Settings, Subject

#: the corners of each side of a box, counter-clockwise from outside; corner number = 4 x + 2 y + z
SIDES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


class SlatsSettings(Settings):
    """Where the panel hangs, as shares of the asset's bounds, and how it is built."""

    name: str = Field(default="shutter", description="Name of the new part.")
    material: str = Field(default="", description="Name of the asset's material to wear; empty: the first one.")
    low: tuple[float, float, float] = Field(
        default=(0.08, 0.38, 0.90), description="Lowest corner as shares of width, height, depth."
    )
    high: tuple[float, float, float] = Field(
        default=(0.92, 0.78, 0.925), description="Highest corner as shares of width, height, depth."
    )
    count: int = Field(default=8, ge=1, le=200, description="Horizontal slats.")
    gap: float = Field(default=0.08, ge=0, lt=0.9, description="Share of a slat's height left open above it.")
    battens: int = Field(default=2, ge=0, le=20, description="Upright battens behind the slats.")


def run(subject: Subject, settings: SlatsSettings) -> None:
    """Author the part; one that is there already is left as it is."""
    if not settings.name.isidentifier():
        raise RefineError(f"{settings.name!r} cannot be a prim name", remedy="use letters, digits and _")
    path = subject.prim.GetPath().AppendPath(f"geo/{settings.name}")
    if subject.stage.GetPrimAtPath(path):
        subject.note(f"{path} is there already")
        return
    low, high = subject.bounds()
    start = low + (high - low) * np.array(settings.low)
    end = low + (high - low) * np.array(settings.high)
    if (end <= start).any():
        raise RefineError(
            "the panel has no size", prim=str(subject.prim.GetPath()), remedy="give `high` above `low` on each axis"
        )
    material = _material(subject, settings.material)
    lows, highs = _boxes(start, end, settings, subject.up)
    _author(subject, path, lows, highs, material)
    subject.count("boxes", len(lows))
    subject.changed = True


def _boxes(
    start: NDArray[np.float64], end: NDArray[np.float64], settings: SlatsSettings, up: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest corners (n, 3) of all slats and battens."""
    deep = 3 - up  # the horizontal axis that is not x
    step = (end[up] - start[up]) / settings.count
    lows = np.tile(start, (settings.count, 1))
    highs = np.tile(end, (settings.count, 1))
    lows[:, up] += step * np.arange(settings.count)
    highs[:, up] = lows[:, up] + step * (1 - settings.gap)
    if settings.battens:
        width, depth = 0.04 * (end[0] - start[0]), end[deep] - start[deep]
        middle = start[0] + (end[0] - start[0]) * (np.arange(settings.battens) + 0.5) / settings.battens
        batten_low, batten_high = np.tile(start, (settings.battens, 1)), np.tile(end, (settings.battens, 1))
        batten_low[:, 0], batten_high[:, 0] = middle - width / 2, middle + width / 2
        batten_low[:, deep] = start[deep] - 1.2 * depth
        batten_high[:, deep] = start[deep] - 0.05 * depth
        lows, highs = np.concatenate([lows, batten_low]), np.concatenate([highs, batten_high])
    return lows, highs


def _author(
    subject: Subject,
    path: Sdf.Path,
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    material: UsdShade.Material,
) -> None:
    count = len(lows)
    pick = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], bool)
    points = np.where(pick, highs[:, None], lows[:, None]).reshape(-1, 3).astype(np.float32)
    corners = (SIDES[None] + 8 * np.arange(count)[:, None, None]).reshape(-1).astype(np.int32)
    mesh = UsdGeom.Mesh.Define(subject.stage, path)
    mesh.CreatePointsAttr().Set(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr().Set(Vt.IntArray.FromNumpy(np.full(6 * count, 4, np.int32)))
    mesh.CreateFaceVertexIndicesAttr().Set(Vt.IntArray.FromNumpy(corners))
    mesh.CreateSubdivisionSchemeAttr().Set(UsdGeom.Tokens.none)
    extent = [Gf.Vec3f(*points.min(0).tolist()), Gf.Vec3f(*points.max(0).tolist())]
    mesh.CreateExtentAttr().Set(extent)
    uvs = _unfold(lows, highs).astype(np.float32)
    primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    primvar.Set(Vt.Vec2fArray.FromNumpy(uvs))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


def _unfold(lows: NDArray[np.float64], highs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(24 n, 2) UVs: the sides of all boxes as rectangles on shelves, one scale for all, nothing overlapping."""
    points = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], float)
    size = (highs - lows)[:, None, None, :] * points[SIDES][None]  # box, side, corner, axis
    along = size[:, :, 1] - size[:, :, 0]
    across = size[:, :, 3] - size[:, :, 0]
    wide, tall = np.linalg.norm(along, axis=-1).ravel(), np.linalg.norm(across, axis=-1).ravel()
    turned = tall > wide
    length, height = np.where(turned, tall, wide), np.where(turned, wide, tall)
    order = np.argsort(-height, kind="stable")
    scale, places = _shelves(length[order], height[order])
    left, bottom = np.empty(len(order)), np.empty(len(order))
    left[order], bottom[order] = places[:, 0], places[:, 1]
    # turned sides stand a quarter turn around, so that none is mirrored
    x = np.where(turned[:, None], [[0, 0, 1, 1]], [[0, 1, 1, 0]]) * length[:, None]
    y = np.where(turned[:, None], [[1, 0, 0, 1]], [[0, 0, 1, 1]]) * height[:, None]
    uvs = np.stack([(x + left[:, None]) * scale, (y + bottom[:, None]) * scale], axis=-1)
    return uvs.reshape(-1, 2)


def _shelves(length: NDArray[np.float64], height: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Places (n, 2) of rectangles, tallest first, on shelves in a square, and the scale that makes it 0-1."""
    margin = 0.004 * float(np.sqrt((length * height).sum()))
    side = max(float(length.max()) + 2 * margin, float(np.sqrt((length * height).sum())))
    while True:
        places = np.empty((len(length), 2))
        x = y = margin
        shelf = float(height[0])
        for i, (w, h) in enumerate(zip(length.tolist(), height.tolist(), strict=True)):
            if x + w + margin > side:
                x, y, shelf = margin, y + shelf + margin, h
            places[i] = x, y
            x += w + margin
        if y + shelf + margin <= side:
            return 1.0 / side, places
        side *= 1.05


def _material(subject: Subject, name: str) -> UsdShade.Material:
    materials = subject.materials()
    if not materials:
        raise RefineError("the asset has no material", prim=str(subject.prim.GetPath()), remedy="run pbr-set first")
    if not name:
        return materials[0]
    for material in materials:
        if material.GetPrim().GetName() == name:
            return material
    raise RefineError(
        f"no material called {name!r}",
        prim=str(subject.prim.GetPath()),
        remedy=f"use one of: {', '.join(m.GetPrim().GetName() for m in materials)}",
    )


operation = Operation(name="slats", summary="Close an opening with a panel of slats", settings=SlatsSettings, run=run)
