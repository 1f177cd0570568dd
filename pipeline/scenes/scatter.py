# SPDX-License-Identifier: Apache-2.0
"""Points on a surface with blue noise: spread by area, none nearer to another than a distance that suits the number.

Candidates are drawn by area; every candidate has a random rank, and in rounds each one that outranks all the
candidates within the distance is kept and those around it go (the maximal independent set of a random order, which
is what one would get by throwing darts one after the other). Source of the density that dart throwing reaches, a
packing of 0.547 with discs of half the distance: Torquato, Uche, Stillinger, Random sequential addition of hard
spheres in high Euclidean dimensions, Phys. Rev. E 74 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError

__all__ = ["Keepout", "ScatterSpec", "Scattered", "scatter"]

Floats = NDArray[np.float64]
#: candidates drawn for each point that is wanted
DRAWN = 5
#: distance by the square root of the area of a point; dart throwing would fill up at 0.83
PACKING = 0.70
MAX_COUNT = 2_000_000


@dataclass(frozen=True)
class Keepout:
    """A place that stays free: an upright box in metres, Y up."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]


@dataclass(frozen=True)
class ScatterSpec:
    """How to scatter; lengths in metres, angles in degrees.

    Attributes
    ----------
    count, density
        How many, or how many a square metre of what is allowed: one of them.
    spacing
        The least distance between two; None takes the largest that the number allows.
    slope
        Smallest and largest angle between the surface and the ground.
    scale
        Smallest and largest, spread evenly over their ratio.
    yaw
        Half of the range of turns about the up axis.
    align
        From 0, upright, to 1, along the surface's normal.
    weights
        How often each prototype stands there, relative to the others; empty: all alike.
    sink
        How deep each stands in the ground.
    """

    count: int | None = None
    density: float | None = None
    spacing: float | None = None
    seed: int = 0
    slope: tuple[float, float] = (0.0, 30.0)
    scale: tuple[float, float] = (1.0, 1.0)
    yaw: float = 180.0
    align: float = 0.0
    weights: tuple[float, ...] = ()
    sink: float = 0.0

    def check(self) -> None:
        """Refuse numbers that nobody can mean.

        Raises
        ------
        UsageError
            One of them is out of range.
        """
        wrong = None
        if (self.count is None) == (self.density is None):
            wrong = "give either a count or a density"
        elif self.count is not None and not 1 <= self.count <= MAX_COUNT:
            wrong = f"give a count between 1 and {MAX_COUNT:,}"
        elif self.density is not None and not 0 < self.density < 1e6:
            wrong = "give a density above 0, in instances a square metre"
        elif self.spacing is not None and not 0 < self.spacing < 1e6:
            wrong = "give a spacing above 0 metres"
        elif not 0 <= self.slope[0] < self.slope[1] <= 180:
            wrong = "give slopes from 0 to 180 degrees, the smaller first"
        elif not 0 < self.scale[0] <= self.scale[1] < 1e4:
            wrong = "give scales above 0, the smaller first"
        elif not 0 <= self.align <= 1:
            wrong = "give an alignment between 0 and 1"
        elif any(w < 0 for w in self.weights) or (self.weights and not sum(self.weights) > 0):
            wrong = "give weights of 0 or more, one of them above 0"
        if wrong:
            raise UsageError("this cannot be scattered", remedy=wrong)


@dataclass(frozen=True)
class Scattered:
    """Where things stand.

    Attributes
    ----------
    positions
        (n, 3) float64 metres, Y up.
    rotations
        (n, 4) float64 quaternions, x y z w.
    scales
        (n,) float64.
    prototypes
        (n,) int32 indices.
    area
        Square metres that were allowed.
    spacing
        The least distance between two in metres.
    """

    positions: Floats
    rotations: Floats
    scales: Floats
    prototypes: NDArray[np.int32]
    area: float
    spacing: float


def scatter(
    points: Floats, faces: NDArray[np.int64], spec: ScatterSpec, prototypes: int = 1, keepouts: tuple[Keepout, ...] = ()
) -> Scattered:
    """Scatter over a surface. Same input and seed, same result.

    Parameters
    ----------
    points
        (n, 3) metres, Y up.
    faces
        (m, 3) triangles.
    keepouts
        Boxes that stay free.

    Raises
    ------
    UsageError
        No surface has such a slope outside of the boxes, or the number does not fit at that spacing.
    """
    spec.check()
    chance = np.random.default_rng(spec.seed)
    corners = points[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(cross, axis=1)
    normals = cross / np.where(double > 0, double, 1)[:, None]
    steep = np.degrees(np.arccos(np.clip(normals[:, 1], -1, 1)))
    allowed = (double > 0) & (steep >= spec.slope[0] - 1e-9) & (steep <= spec.slope[1] + 1e-9)
    area = np.where(allowed, double / 2, 0.0)
    if not area.sum() > 0:
        raise UsageError(
            f"no surface is between {spec.slope[0]:g} and {spec.slope[1]:g} degrees steep",
            remedy="allow other slopes, or name another surface",
        )
    free = _free_share(corners, area, keepouts, spec.seed)
    surface = float(area.sum()) * free
    if free == 0:
        raise UsageError("nothing of the surface is left outside of what stays free", remedy="keep less of it free")
    number = spec.count if spec.count is not None else max(round((spec.density or 0) * surface), 1)
    if number > MAX_COUNT:
        raise UsageError(f"that would be {number:,} instances", remedy=f"keep to {MAX_COUNT:,}: lower the density")
    distance = spec.spacing or PACKING * float(np.sqrt(surface / number))
    for _ in range(12):
        where, which = _candidates(chance, corners, area, int(number * DRAWN / free) + 64, keepouts)
        kept = _spread(where, distance)
        if len(kept) >= number:
            break
        if spec.spacing is not None:
            if spec.count is None:
                number = len(kept)
                break
            raise UsageError(
                f"{number:,} do not fit {spec.spacing:g} m apart on {surface:.1f} square metres: {len(kept):,} do",
                remedy="lower the count or the spacing",
            )
        distance *= 0.93
    kept = kept[:number]  # in the order of their ranks, so what is left out is left out evenly
    where, normal = where[kept], normals[which[kept]]
    low, high = np.log(spec.scale)
    scales = np.exp(chance.uniform(low, high, len(kept)))
    yaw = np.radians(chance.uniform(-spec.yaw, spec.yaw, len(kept)))
    share = np.asarray(spec.weights or (1.0,) * prototypes, np.float64)
    kinds = chance.choice(prototypes, len(kept), p=share / share.sum()).astype(np.int32)
    rotations = _turned(normal, spec.align, yaw)
    sunk = where - np.array([0.0, spec.sink, 0.0]) * scales[:, None]
    return Scattered(sunk, rotations, scales, kinds, surface, distance)


def _candidates(
    chance: np.random.Generator, corners: Floats, area: Floats, number: int, keepouts: tuple[Keepout, ...]
) -> tuple[Floats, NDArray[np.int64]]:
    """Random places by area, and their faces, outside of the boxes; in random order."""
    total = np.cumsum(area)
    which = np.searchsorted(total, chance.uniform(0, total[-1], number), side="right").clip(0, len(area) - 1)
    u, v = chance.random((2, number))
    root = np.sqrt(u)
    weights = np.stack([1 - root, root * (1 - v), root * v], axis=1)
    where = np.einsum("nk,nki->ni", weights, corners[which])
    keep = ~_inside(where, keepouts)
    return where[keep], which[keep]


def _free_share(corners: Floats, area: Floats, keepouts: tuple[Keepout, ...], seed: int) -> float:
    """The share of the allowed surface outside of the boxes, by 20,000 samples."""
    if not keepouts:
        return 1.0
    where, _ = _candidates(np.random.default_rng(seed), corners, area, 20_000, keepouts)
    return len(where) / 20_000


def _inside(where: Floats, keepouts: tuple[Keepout, ...]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = np.zeros(len(where), bool)
    for box in keepouts:
        inside |= ((where >= box.low) & (where <= box.high)).all(1)
    return inside


def _spread(where: Floats, distance: float) -> NDArray[np.int64]:
    """Indices of points none nearer to another than `distance`, to which no other could be added; the first win."""
    from scipy.spatial import cKDTree

    number = len(where)
    if not number:
        return np.zeros(0, np.int64)
    pairs = cKDTree(where, leafsize=16, compact_nodes=False, balanced_tree=False).query_pairs(
        distance, output_type="ndarray"
    )
    first, second = np.sort(pairs, axis=1).T if len(pairs) else np.zeros((2, 0), np.int64)
    kept = np.zeros(number, bool)
    gone = np.zeros(number, bool)
    while len(first):
        beaten = np.zeros(number, bool)
        beaten[second] = True  # somebody with a better rank is near
        winners = ~beaten & ~gone & ~kept
        kept |= winners
        gone[second[winners[first]]] = True
        open_ = ~(kept[first] | gone[first] | gone[second])
        first, second = first[open_], second[open_]
    return np.flatnonzero(kept | ~gone)


def _turned(normal: Floats, align: float, yaw: Floats) -> Floats:
    """Quaternions (n, 4), x y z w: about the up axis by `yaw`, then up towards the normal by a share."""
    half = yaw / 2
    spin = np.stack([np.zeros_like(half), np.sin(half), np.zeros_like(half), np.cos(half)], axis=1)
    if align == 0:
        return spin
    tilt = np.arccos(np.clip(normal[:, 1], -1, 1)) * align / 2
    axis = np.stack([normal[:, 2], np.zeros(len(normal)), -normal[:, 0]], axis=1)  # up x normal
    length = np.linalg.norm(axis, axis=1, keepdims=True)
    axis = np.where(length > 1e-12, axis / np.where(length > 1e-12, length, 1), [1.0, 0.0, 0.0])
    lean = np.concatenate([axis * np.sin(tilt)[:, None], np.cos(tilt)[:, None]], axis=1)
    return _product(lean, spin)


def _product(a: Floats, b: Floats) -> Floats:
    """Quaternion product: first `b`, then `a`."""
    ax, ay, az, aw = a.T
    bx, by, bz, bw = b.T
    return np.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        axis=1,
    )
