# SPDX-License-Identifier: Apache-2.0
"""Albedo, normal and roughness painted into an atlas with numpy; no light is baked in.

Albedo is sRGB with luminance inside 30-243 of 255, normals are tangent space with green up (OpenGL, glTF and
UsdPreviewSurface), roughness is linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.generators.embedded.atlas import Atlas
from pipeline.generators.embedded.pieces import Floats, Ints, Look

Bytes = NDArray[np.uint8]
Single = NDArray[np.float32]
Whole = NDArray[np.uint32]


@dataclass(frozen=True)
class Surface:
    """One material's maps: albedo and normal (s, s, 3), roughness (s, s), first row on top; metallic is even."""

    albedo: Bytes
    normal: Bytes
    roughness: Bytes
    metallic: float


@dataclass(frozen=True)
class Texels:
    """What is known of each texel of an atlas, row 0 at v = 0.

    `x`, `y` are metres inside the island, `seed` differs per island, `tint` and `second` are (s, s, 3) sRGB in 0-1,
    `stripes` is true where the second tint shows, `pitch` is metres per texel.
    """

    x: Single
    y: Single
    seed: Whole
    tint: Single
    stripes: NDArray[np.bool_]
    second: Single
    pitch: float


def _hash(x: Whole, y: Whole, seed: Whole) -> Single:
    """Numbers in 0-1 that look random; whole numbers wrap at 32 bits, which is meant."""
    h = x * np.uint32(374761393) + y * np.uint32(668265263) + seed * np.uint32(2654435761)
    h = (h ^ (h >> 13)) * np.uint32(1274126177)
    h = (h ^ (h >> 16)) * np.uint32(2246822519)
    value: Single = ((h ^ (h >> 15)) & 0xFFFF).astype(np.float32) / np.float32(65535.0)
    return value


def noise(x: Single, y: Single, seed: Whole) -> Single:
    """Smooth value noise in 0-1 on a lattice of pitch 1."""
    left, low = np.floor(x), np.floor(y)
    fx, fy = x - left, y - low
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    xi, yi = left.astype(np.int32).view(np.uint32), low.astype(np.int32).view(np.uint32)
    below = _hash(xi, yi, seed) * (1 - fx) + _hash(xi + 1, yi, seed) * fx
    above = _hash(xi, yi + 1, seed) * (1 - fx) + _hash(xi + 1, yi + 1, seed) * fx
    return (below * (1 - fy) + above * fy).astype(np.float32)


def _texels(atlas: Atlas, looks: list[Look], seed: int) -> tuple[Texels, Ints]:
    side = atlas.side
    owner = np.zeros((side, side), np.int64)
    low = np.floor(atlas.corner - atlas.pad).astype(int)
    high = np.ceil(atlas.corner + atlas.extent * atlas.density + atlas.pad).astype(int)
    for i, ((x0, y0), (x1, y1)) in enumerate(zip(low, high, strict=True)):
        owner[max(y0, 0) : y1, max(x0, 0) : x1] = i
    row, column = np.mgrid[0:side, 0:side] + 0.5
    x = (column - atlas.corner[owner, 0]) / atlas.density
    y = (row - atlas.corner[owner, 1]) / atlas.density
    tint = np.array([look.tint for look in looks])
    second = np.array([look.second for look in looks])
    striped = np.array([look.pattern == "stripes" for look in looks])
    width = np.array([look.stripe for look in looks])
    along = np.array([look.axis for look in looks])
    t = np.where(along[owner] == 0, x, y) / width[owner]
    stripes = striped[owner] & (np.floor(t + 1e-6).astype(np.int64) % 2 == 1)
    single = np.float32
    return Texels(
        x.astype(single),
        y.astype(single),
        (owner + 7919 * (seed + 1)).astype(np.uint32),
        tint.astype(single)[owner],
        stripes,
        second.astype(single)[owner],
        1 / atlas.density,
    ), owner


Painted = tuple[Single, Single, Single]


def _wood(t: Texels) -> Painted:
    warp = noise(t.x * 2.2, t.y * 7, t.seed)
    rings = t.y * 26 + 3.0 * warp + noise(t.x * 5, t.y * 30, t.seed + 1) * 0.8
    groove = np.abs(rings - np.round(rings)) * 2
    line = np.clip((0.30 - groove) / 0.22, 0, 1)
    fibre = noise(t.x * 9, t.y * 160, t.seed + 2)
    board = _hash(t.seed, t.seed * 0, t.seed * 0 + 5)
    value = 0.9 + 0.13 * (board - 0.5) + 0.16 * (warp - 0.5) + 0.10 * (fibre - 0.5) - 0.20 * line
    warm = 1 + (board[..., None] - 0.5) * np.array([0.06, 0.0, -0.06], np.float32)
    return t.tint * value[..., None] * warm, 0.0022 * (1 - line) + 0.0006 * fibre, 0.72 + 0.14 * line


def _cloth(t: Texels) -> Painted:
    base = np.where(t.stripes[..., None], t.second, t.tint)
    soft = noise(t.x * 4, t.y * 4, t.seed)
    weave = noise(t.x * 130, t.y * 130, t.seed + 3)
    value = 0.97 + 0.07 * (soft - 0.5) + 0.07 * (weave - 0.5)
    return base * value[..., None], 0.004 * soft + 0.0008 * weave, 0.86 + 0.06 * weave


def _metal(t: Texels) -> Painted:
    hammer = noise(t.x * 45, t.y * 45, t.seed)
    patch = noise(t.x * 9, t.y * 9, t.seed + 1)
    value = 0.95 + 0.14 * (patch - 0.5) + 0.10 * (hammer - 0.5)
    return t.tint * value[..., None], 0.0012 * hammer, 0.42 + 0.22 * patch


def _plain(t: Texels) -> Painted:
    base = np.where(t.stripes[..., None], t.second, t.tint)
    patch = noise(t.x * 22, t.y * 22, t.seed)
    speck = np.clip((noise(t.x * 120, t.y * 120, t.seed + 1) - 0.82) * 4, 0, 1)
    value = 0.96 + 0.20 * (patch - 0.5) + 0.25 * speck
    return base * value[..., None], 0.0008 * patch, 0.46 + 0.2 * patch


def _stone(t: Texels) -> Painted:
    large = noise(t.x * 5, t.y * 5, t.seed)
    small = noise(t.x * 32, t.y * 32, t.seed + 1)
    crack = np.abs(noise(t.x * 7, t.y * 7, t.seed + 2) - 0.5) * 2
    line = np.clip((0.05 - crack) / 0.05, 0, 1)
    value = 0.92 + 0.3 * (large - 0.5) + 0.16 * (small - 0.5) - 0.18 * line
    return t.tint * value[..., None], 0.006 * large + 0.002 * small - 0.003 * line, 0.8 + 0.1 * small


def _leaf(t: Texels) -> Painted:
    clump = noise(t.x * 16, t.y * 16, t.seed)
    blade = noise(t.x * 60, t.y * 60, t.seed + 1)
    value = 0.92 + 0.34 * (clump - 0.5) + 0.2 * (blade - 0.5)
    hue = 1 + (clump[..., None] - 0.5) * np.array([0.18, 0.0, -0.1], np.float32)
    return t.tint * value[..., None] * hue, 0.006 * clump + 0.003 * blade, 0.7 + 0.1 * blade


#: how each material is painted, and its metallic value
PAINTERS: dict[str, tuple[Callable[[Texels], Painted], float]] = {
    "wood": (_wood, 0.0),
    "timber": (_wood, 0.0),
    "cloth": (_cloth, 0.0),
    "metal": (_metal, 1.0),
    "goods": (_plain, 0.0),
    "glass": (_plain, 0.0),
    "stone": (_stone, 0.0),
    "leaf": (_leaf, 0.0),
    "paint": (_plain, 0.0),
}
MATERIALS = tuple(PAINTERS)


def _bounded(albedo: Floats, low: float = 34 / 255, high: float = 238 / 255) -> Floats:
    """Colours whose luminance is inside the range that real materials have."""
    clipped = np.clip(albedo, 0, 1)
    y = clipped @ np.array([0.2126, 0.7152, 0.0722])
    lift = np.clip(low - y, 0, None)[..., None]
    drop = np.where(y > high, high / np.maximum(y, 1e-6), 1.0)[..., None]
    bounded: Floats = np.clip(clipped * drop + lift, 0, 1)
    return bounded


def _normals(height: Floats, pitch: float) -> Bytes:
    dy, dx = np.gradient(height, pitch)
    n = np.stack([-dx, -dy, np.ones_like(height)], -1)
    n /= np.linalg.norm(n, axis=2, keepdims=True)
    return np.round((n * 0.5 + 0.5) * 255).astype(np.uint8)[::-1]


def paint(material: str, atlas: Atlas, looks: list[Look], seed: int) -> Surface:
    """Paint one material's atlas; `looks` holds the look of each island.

    Several materials may share one atlas: each island is painted by its own look's material then.
    """
    texels, owner = _texels(atlas, looks, seed)
    kinds = np.array([look.material for look in looks])
    albedo = np.zeros((atlas.side, atlas.side, 3))
    height, rough = np.zeros(albedo.shape[:2]), np.zeros(albedo.shape[:2])
    for kind in sorted(set(kinds)):
        a, h, r = PAINTERS[kind][0](texels)
        mask = (kinds == kind)[owner]
        albedo[mask], height[mask], rough[mask] = a[mask], h[mask], r[mask]
    edge = np.zeros(owner.shape, bool)
    edge[1:] |= owner[1:] != owner[:-1]
    edge[:, 1:] |= owner[:, 1:] != owner[:, :-1]
    edge[:-1] |= edge[1:]
    edge[:, :-1] |= edge[:, 1:]
    normal = _normals(height, texels.pitch)
    normal[edge[::-1]] = (128, 128, 255)
    metallic = PAINTERS.get(material, (_plain, 0.0))[1]
    return Surface(
        np.round(_bounded(albedo) * 255).astype(np.uint8)[::-1],
        normal,
        np.round(np.clip(rough, 0.04, 1) * 255).astype(np.uint8)[::-1],
        metallic,
    )
