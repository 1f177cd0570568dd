# SPDX-License-Identifier: Apache-2.0
"""Are there as many texels as pixels? Texels of each material's texture for one pixel of the rendered picture.

A face shows ``sqrt(texels / m2)`` texels a metre, and a pixel covers so many metres at its depth; the product says how
many texels a pixel gets along each side, were the face turned to the camera (slanted faces are what anisotropic
filtering is for). The median over what the camera sees counts, weighted by the area on the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import GatesError
from pipeline.render.drawing import Shape
from pipeline.render.textures import affine_of, picture_size
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.usd.scene import Material, Texture

#: the picture that is looked at: the first of these that a material has
INPUTS = ("diffuseColor", "normal", "emissiveColor", "roughness", "metallic", "occlusion", "opacity")


class TexelDensity(Measure):
    """Blurry: texels larger than pixels. Wasted: texels that no pixel ever shows."""

    kind = "texel-density"
    title = "texels a pixel"
    limit = 0.5  # a texel spans two pixels: seen as blur
    ceiling = 4.0  # three quarters of the texture's sides are never shown, fifteen sixteenths of its memory
    unit = "texels a pixel"
    advice = "Give it the resolution that the picture asks for, or scale its UVs."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        setting = situation.setting(self)
        sizes: dict[str, tuple[int, int]] = {}
        for path, (density, weights, largest) in self._by_material(situation, view, sizes).items():
            measured = _median(density, weights)
            if setting.limit <= measured <= setting.ceiling:
                continue
            blurry = measured < setting.limit
            side = 2 ** max(0, ceil(log2(max(largest / measured, 1)) - 0.25))
            yield self.note(
                situation,
                "its texture is blurry from here" if blurry else "most of its texture is never shown from here",
                prim=path,
                measured=f"{measured:.2f} texels a pixel (texture of {largest}, picture of {view.size[0]})",
                expected=f"{setting.limit:g} to {setting.ceiling:g} texels a pixel",
                value=measured,
                severity=None if blurry else "info",
                advice=f"A side of {side} gives one texel a pixel here.",
                view=view,
            )

    @staticmethod
    def _by_material(
        situation: Situation, view: View, sizes: dict[str, tuple[int, int]]
    ) -> dict[str, tuple[NDArray, NDArray, int]]:
        """Texels a pixel, weights, and the texture's longer side, by material path."""
        materials = {m.path: m for m in situation.scene.materials}
        drawing, pieces = situation.drawing, situation.pieces
        parts: dict[str, list[tuple[NDArray, NDArray, int]]] = {}
        for number in np.flatnonzero(pieces.shape_owner == 0).tolist():
            shape = drawing.shapes[number]
            material = materials.get(drawing.surfaces[shape.surface].path)
            texture = None if material is None else _shown(material)
            if material is None or texture is None or not shape.uvs:
                continue
            texels, largest = _texels(shape, texture, sizes)
            if not largest:
                continue
            area, weights, per_pixel = _seen(shape, view)
            good = (area > 0) & (texels > 0) & (weights > 0)
            if good.any():
                per_metre = np.sqrt(np.broadcast_to(texels, area.shape)[good] / area[good])
                parts.setdefault(material.path, []).append((per_metre * per_pixel[good], weights[good], largest))
        return {
            path: (np.concatenate([d for d, _, _ in p]), np.concatenate([w for _, w, _ in p]), max(s for *_, s in p))
            for path, p in sorted(parts.items())
        }


def _shown(material: Material) -> Texture | None:
    return next((t for t in map(material.texture, INPUTS) if t is not None), None)


def _texels(shape: Shape, texture: Texture, sizes: dict[str, tuple[int, int]]) -> tuple[NDArray[np.float64], int]:
    """Area of each triangle ``(t,)`` in texels, and the longer side of the texture (the largest tile of a UDIM)."""
    uv = shape.uvs.get(texture.uv_set, next(iter(shape.uvs.values()))).astype(np.float64)
    affine = affine_of(texture)
    corners = (uv @ affine[:2] + affine[2])[shape.triangles]
    tiles = texture.tiles or ((1001, texture.path),)
    found: dict[int, tuple[int, int]] = {}
    for tile, path in tiles:
        if path not in sizes:
            try:
                sizes[path] = picture_size(path)
            except GatesError:
                sizes[path] = (0, 0)  # missing textures are inspection's to tell
        found[tile] = sizes[path]
    if texture.tiles:
        cell = np.floor(corners.mean(1)).astype(int)
        names = 1001 + cell[:, 0] + 10 * cell[:, 1]
        table = np.zeros((max(found) - 1000, 2))
        for tile, size in found.items():
            table[tile - 1001] = size
        known = (names >= 1001) & (names <= max(found)) & (cell[:, 0] >= 0) & (cell[:, 0] < 10)
        scale = np.where(known[:, None], table[np.clip(names - 1001, 0, len(table) - 1)], 0.0)
    else:
        scale = np.broadcast_to(np.asarray(found[1001], float), (len(corners), 2))
    one, two = (corners[:, 1] - corners[:, 0]) * scale, (corners[:, 2] - corners[:, 0]) * scale
    return np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2, max(max(s) for s in found.values())


def _seen(shape: Shape, view: View) -> tuple[NDArray, NDArray, NDArray]:
    """For each place and triangle ``(k, t)``: square metres, area on the picture (0 where unseen), metres a pixel."""
    matrices = shape.matrices
    world = np.einsum("vi,kij->kvj", shape.points, matrices[:, :3, :3]) + matrices[:, None, 3, :3]
    a, b, c = (world[:, shape.triangles[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    mirrored = np.linalg.det(matrices[:, :3, :3]) < 0
    normal[mirrored] *= -1
    area = np.linalg.norm(normal, axis=2) / 2
    middle = (a + b + c) / 3
    placed, depth = view.project(middle.reshape(-1, 3))
    placed, depth = placed.reshape(*area.shape, 2), depth.reshape(area.shape)
    towards = -view.camera.axes[2] if view.camera.orthographic else middle - view.camera.position
    distance = np.maximum(np.linalg.norm(np.broadcast_to(towards, middle.shape), axis=2), 1e-9)
    facing = -(normal * towards).sum(2) / np.maximum(2 * area * distance, 1e-30)
    facing = np.abs(facing) if shape.double_sided else np.maximum(facing, 0)
    inside = (depth > view.camera.near) & ((placed >= 0) & (placed <= 1)).all(2)
    per_pixel = view.metres_per_pixel(np.maximum(depth, 1e-9))
    return area, np.where(inside, area * facing / per_pixel**2, 0.0), per_pixel


def _median(values: NDArray, weights: NDArray) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])
