# SPDX-License-Identifier: Apache-2.0
"""Baking in batches: every sample of every texel once, all maps from the same rays, memory bound by the picture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError
from pipeline.mesh.bake import Padding, Texels, gathered, texels
from pipeline.mesh.faces import diagonal
from pipeline.mesh.occlusion import occlusion
from pipeline.mesh.projection import Hits
from pipeline.progress import step
from pipeline.refiners.core.cage import Cage
from pipeline.refiners.core.high import High
from pipeline.refiners.core.low import Low

__all__ = ["MAPS", "Baked", "Passes", "bake"]

#: map -> (input of UsdPreviewSurface, channels)
MAPS: dict[str, tuple[str, int]] = {
    "normal": ("normal", 3),
    "ao": ("occlusion", 1),
    "albedo": ("diffuseColor", 3),
    "roughness": ("roughness", 1),
    "metallic": ("metallic", 1),
    "emissive": ("emissiveColor", 3),
}
#: samples of one batch: their arrays stay in the processor's cache
_BATCH = 1 << 15
#: memory for each pixel: its place, its triangle, the padding around (measured); the maps' own comes on top
_BYTES = 80


@dataclass(frozen=True)
class Passes:
    """What is baked.

    Attributes
    ----------
    maps
        Keys of `MAPS`.
    side
        Of the pictures, pixels.
    supersample
        Samples along each side of a pixel.
    padding
        Pixels around islands; 0 fills the picture.
    ao_rays, ao_reach
        Rays at a pixel, and how far they go, in the unit of the low side.
    overlap
        Whether texels that several faces use are baked from the first of them, an unmirrored one within 0-1.
    """

    maps: tuple[str, ...]
    side: int
    supersample: int
    padding: int
    ao_rays: int
    ao_reach: float
    overlap: bool


@dataclass
class Baked:
    """Pictures and what is worth knowing of them.

    Attributes
    ----------
    pictures
        `(side, side, c) float32` by map, row 0 at v = 0, linear, padded; normals from -1 to 1.
    spread
        The largest difference within each map, before it was padded.
    samples, missed
        How many samples were taken, how many met nothing; `missed_by` says it by part.
    turned
        How many met only faces that look away.
    distance
        Mean and largest distance from the low to the high surface along the rays.
    tilt
        Mean angle between the low and the high side's normals, degrees, where a normal map was baked.
    texels
        Pixels that islands cover.
    unsaid
        Maps that were asked for, of which the source says nothing.
    """

    pictures: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    spread: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    missed: int = 0
    missed_by: dict[str, int] = field(default_factory=dict)
    turned: int = 0
    distance: tuple[float, float] = (0.0, 0.0)
    tilt: float | None = None
    texels: int = 0
    unsaid: list[str] = field(default_factory=list)


def bake(low: Low, high: High, cage: Cage, passes: Passes) -> Baked:
    """Project along the cage, sample the high surface, average, pad.

    Raises
    ------
    RefineError
        The layout covers no pixel, several faces share texels, or nothing was met.
    """
    n, side = passes.supersample, passes.side
    result = Baked()
    maps = [m for m in passes.maps if m in ("normal", "ao") or high.says(MAPS[m][0])]
    result.unsaid = [m for m in passes.maps if m not in maps]
    _room(side, sum(MAPS[m][1] for m in maps))
    total = {m: np.zeros((side * side, MAPS[m][1]), np.float32) for m in maps}
    extent = {m: (np.full(MAPS[m][1], np.inf), np.full(MAPS[m][1], -np.inf)) for m in maps}
    count = np.zeros(side * side, np.uint8)
    table = np.concatenate([low.points[low.faces] - low.middle, cage.reach], axis=2).astype(np.float32)
    same = high.same_as(low)
    tilt, far = 0.0, np.zeros(2)
    missed = np.zeros(len(low.parts), np.int64)
    for number, grid in enumerate(_grids(low, passes)):
        for start in range(0, len(grid), _BATCH):
            step("bake", int(n * n * 100 * (number + start / len(grid)) / (n * n)), 100 * n * n)
            part = grid.part(slice(start, start + _BATCH))
            hits = _hits(low, high, cage, part, table, far, same)
            lost = np.flatnonzero(hits.missed)
            missed += np.bincount(low.owner[part.triangle[lost]], minlength=len(missed))
            result.turned += int(hits.turned.sum())
            smooth = high.smooth(hits)
            for name in maps:
                input_, channels = MAPS[name]
                if name == "normal":
                    values = low.local(high.bumped(smooth, hits), part)
                    tilt += float(np.arccos(np.clip(values[:, 2], -1, 1)).sum())
                elif name == "ao":
                    _open(total[name], count, high, smooth, hits, part, passes)
                    continue
                else:
                    values = high.look_at(input_, channels, hits)
                np.minimum(extent[name][0], values.min(axis=0), out=extent[name][0])
                np.maximum(extent[name][1], values.max(axis=0), out=extent[name][1])
                total[name][part.index] += values
            count[part.index] += 1
        result.samples += len(grid)
    result.missed = int(missed.sum())
    result.missed_by = {p.path: int(k) for p, k in zip(low.parts, missed, strict=True) if k}
    _refuse(result, low, high, same)
    result.distance = (float(far[0] / max(result.samples - result.missed, 1)), float(far[1]))
    result.tilt = float(np.degrees(tilt / result.samples)) if "normal" in maps else None
    _finish(result, total, extent, count, passes)
    return result


def _room(side: int, channels: int) -> None:
    """Refuse what would not fit into memory before it is tried."""
    need = side * side * (_BYTES + 8 * channels)
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else need
    if need > 0.8 * have:
        raise RefineError(
            f"pictures of {side} pixels take {need / 1e9:.1f} GB while they are baked, and there are {have / 1e9:.1f}",
            remedy="bake smaller, or fewer maps at a time: --set side=… --set maps=…",
        )


def _grids(low: Low, passes: Passes) -> Iterator[Texels]:
    """The texels of each sample place within a pixel."""
    n = passes.supersample
    uv, corners = low.layout.uv, low.layout.corners
    place = uv[corners]
    first, second = place[:, 1] - place[:, 0], place[:, 2] - place[:, 0]
    mirrored = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0
    outside = np.any(np.floor(place.mean(axis=1)) != 0, axis=1)
    rank = 2 * outside + mirrored
    for row in range(n):
        for column in range(n):
            shift = (column + 0.5) / n - 0.5, (row + 0.5) / n - 0.5
            grid = texels(uv, corners, passes.side, shift, rank)
            if grid.shared > 0.01 * len(grid) and not passes.overlap:
                tiles = int(np.unique(np.floor(place.mean(axis=1)), axis=0).shape[0])
                raise RefineError(
                    f"{grid.shared / len(grid):.0%} of the layout is used by several faces: a bake would mix them"
                    + (f" (it lies in {tiles} tiles, and all are one picture here)" if tiles > 1 else ""),
                    prim=low.parts[0].path if len(low.parts) == 1 else None,
                    remedy="unwrap first (all parts come into one layout), or let the first face have them where they "
                    "are mirrored on purpose: --set overlap=first",
                )  # fmt: skip
            yield grid


def _hits(low: Low, high: High, cage: Cage, part: Texels, table: NDArray, far: NDArray, same: bool) -> Hits:
    """What lies over the texels; sum and largest of the distances are added to `far`."""
    if same:
        none = np.zeros(len(part), bool)
        return Hits(part.triangle, part.weights.astype(np.float32), none, none)
    both = gathered(table, part)
    places, reach = both[:, :3], np.ascontiguousarray(both[:, 3:])
    hits = high.project(places, reach, cage.inward, _limit(low, places, reach) if cage.careful else None)
    gap = np.sqrt(np.square(high.places(hits) - places).sum(axis=1))[~hits.missed]
    far[0] += float(gap.sum())
    far[1] = max(far[1], float(gap.max(initial=0)))
    return hits


def _limit(low: Low, places: NDArray, reach: NDArray) -> NDArray[np.float32]:
    """Half-way to the next low surface that shows its front there, at most the cage."""
    length = np.sqrt(np.einsum("ij,ij->i", reach, reach))
    along = reach / np.where(length > 0, length, 1)[:, None]
    lift = np.float32(1e-3) * length
    face, distance, _, _, away = low.rays.meet(places + along * lift[:, None], along, 2 * length)
    return np.asarray(np.where((face >= 0) & ~away, (distance + lift) / 2, length), np.float32)


def _open(
    total: NDArray, count: NDArray, high: High, smooth: NDArray, hits: Hits, part: Texels, passes: Passes
) -> None:
    """Ambient occlusion of pixels that are seen for the first time: the rays average already."""
    fresh = np.flatnonzero(count[part.index] == 0)
    if not len(fresh):
        return
    chosen = Hits(hits.face[fresh], hits.weights[fresh], hits.turned[fresh], hits.missed[fresh])
    free = occlusion(high.target.rays, high.places(chosen), smooth[fresh], passes.ao_rays, passes.ao_reach)
    total[part.index[fresh], 0] = free


def _refuse(result: Baked, low: Low, high: High, same: bool) -> None:
    if result.samples == 0:
        raise RefineError(
            "the UV layout covers no pixel", prim=low.parts[0].path,
            remedy="unwrap first, or bake larger: --set side=…",
        )  # fmt: skip
    if result.missed > 0.95 * result.samples and not same:
        middle = (high.points.min(axis=0) + high.points.max(axis=0)) / 2
        apart, ratio = float(np.linalg.norm(middle)) * low.metres, diagonal(high.points) / max(low.size, 1e-30)
        raise RefineError(
            f"{result.missed / result.samples:.0%} of the texels see nothing of the source within the cage: its middle "
            f"lies {apart:.4g} m from the asset's, its size is {ratio:.4g} of the asset's",
            path=high.subject.stage.GetRootLayer().realPath or None,
            remedy="bring both to one place and size, or widen the cage: --set cage=…",
        )  # fmt: skip


def _finish(result: Baked, total: dict[str, Any], extent: dict[str, Any], count: NDArray, passes: Passes) -> None:
    """Averages, padding, and one value where no island is near."""
    side = passes.side
    used = count > 0
    result.texels = int(used.sum())
    padding = Padding(used.reshape(side, side), passes.padding)
    for name in list(total):
        values = total.pop(name)
        if name == "normal":
            length = np.sqrt(np.einsum("ij,ij->i", values, values))
            values /= np.where(length > 1e-9, length, 1)[:, None]
            empty: Any = (0, 0, 1)
        else:
            if name != "ao":
                values /= np.maximum(count, 1)[:, None]
            empty = values[used].mean(axis=0)
        values[~used] = empty
        result.spread[name] = float((extent[name][1] - extent[name][0]).max()) if name != "ao" else 1.0
        result.pictures[name] = padding.fill(values.reshape(side, side, -1))
