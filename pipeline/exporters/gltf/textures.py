# SPDX-License-Identifier: Apache-2.0
"""Textures of one material: pictures as they are or put together anew, their UV set, wrapping and transform."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.images import Images
from pipeline.exporters.gltf.texels import channel, colored, is_srgb, three
from pipeline.exporters.pictures import Pixels, same_size
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import Material, Texture
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.textures import inner_name

__all__ = ["MaterialPictures", "transform_extension"]


def transform_extension(texture: Texture) -> dict[str, Any] | None:
    """KHR_texture_transform of a UsdTransform2d; None where it changes nothing.

    UsdTransform2d counts V upwards, glTF downwards; with rotation r, scale s and translation t that makes
    `offset = (tx - sin r * sy, 1 - cos r * sy - ty)`, scale and rotation as they are.
    """
    found = texture.transform
    if found is None:
        return None
    angle = math.radians(found.rotation)
    (sx, sy), (tx, ty) = found.scale, found.translation
    result: dict[str, Any] = {}
    offset = (tx - math.sin(angle) * sy, 1 - math.cos(angle) * sy - ty)
    if max(abs(v) for v in offset) > 1e-9:
        result["offset"] = list(offset)
    if abs(angle) > 1e-12:
        result["rotation"] = angle
    if (sx, sy) != (1.0, 1.0):
        result["scale"] = [sx, sy]
    return result or None


class MaterialPictures:
    """Adds the pictures that a material reads.

    Attributes
    ----------
    uv_sets
        The mesh's UV sets in the order of TEXCOORD_n.
    tile
        The UDIM tile that is being written, or 0.
    """

    def __init__(self, document: Document, images: Images, target: Target, report: Report) -> None:
        self.document, self.images, self.target, self.report = document, images, target, report
        self.uv_sets: Sequence[str] = ()
        self.tile = 0

    def tiled(self, texture: Texture | None) -> Texture | None:
        """The texture itself, or the UDIM tile that is being written; None where there is none."""
        if texture is None or not texture.tiles:
            return texture
        path = dict(texture.tiles).get(self.tile)
        if path is None:
            return None
        return replace(texture, path=path, tiles=(), wrap_s="repeat", wrap_t="repeat")

    def info(self, texture: Texture, image: int | None, m: Material) -> dict[str, Any] | None:
        """The textureInfo of an image; None where there is none, or no UVs to lay it by."""
        if image is None:
            return None
        if not self.uv_sets:
            self.report.lose(m.path, "textures", "a mesh that it is bound to has no UVs")
            return None
        if "black" in {texture.wrap_s, texture.wrap_t}:
            self.report.lose(m.path, "wrap mode black", "the border's pixels go on instead")
        info: dict[str, Any] = {"index": self.images.texture(image, texture.wrap_s, texture.wrap_t)}
        uv_set = 0
        if texture.uv_set in self.uv_sets:
            uv_set = self.uv_sets.index(texture.uv_set)
        else:
            self.report.lose(
                m.path, f"UV set {texture.uv_set}", f"a mesh has none of that name: {self.uv_sets[0]} is used"
            )
        if uv_set:
            info["texCoord"] = uv_set
        transform = transform_extension(texture)
        if transform is not None:
            info["extensions"] = {"KHR_texture_transform": transform}
            self.document.use("KHR_texture_transform")
        return info

    def name(self, texture: Texture, what: str) -> str:
        """The name of a picture that was made from a texture's."""
        return f"{self.target.names.texture}{inner_name(texture.path).rsplit('.', 1)[0]}_{what}"

    def color(self, texture: Texture, m: Material, *, baked: bool) -> dict[str, Any] | None:
        """A colour texture; with scale and bias in its pixels where `baked`."""
        if not baked and is_srgb(texture) and texture.channel in {"rgb", "rgba"}:
            return self.info(texture, self.images.plain(texture.path, m.path, color=True), m)
        key = ("color", texture.path, texture.channel, texture.scale if baked else None,
               texture.bias if baked else None, is_srgb(texture))  # fmt: skip
        image = self.images.made(key, self.name(texture, "color"), m.path, lambda: colored(texture, baked))
        return self.info(texture, image, m)

    def color_and_opacity(self, picture: Texture, cut: Texture, m: Material, baked: bool) -> dict[str, Any] | None:
        """One picture of a colour texture and an opacity texture as its alpha."""

        def make() -> Pixels:
            rgb, alpha = same_size([colored(picture, baked), channel(cut)[..., None]])
            return np.concatenate([three(rgb), alpha], axis=2)

        key = ("rgba", picture.path, picture.channel, picture.scale, picture.bias, cut.path, cut.channel,
               cut.scale, cut.bias)  # fmt: skip
        return self.info(picture, self.images.made(key, self.name(picture, "rgba"), m.path, make), m)

    def opacity_only(self, cut: Texture, m: Material) -> dict[str, Any] | None:
        """A white picture whose alpha is an opacity texture."""

        def make() -> Pixels:
            alpha = channel(cut)
            return np.stack([np.full_like(alpha, 255)] * 3 + [alpha], -1)

        key = ("alpha", cut.path, cut.channel, cut.scale, cut.bias)
        return self.info(cut, self.images.made(key, self.name(cut, "alpha"), m.path, make), m)

    def packed(self, maps: dict[int, Texture], m: Material, what: str) -> dict[str, Any] | None:
        """Several textures in the channels of one picture; channels without one are white."""

        def make() -> Pixels:
            order = sorted(maps)
            planes = same_size([channel(maps[k])[..., None] for k in order])
            result = np.full((*planes[0].shape[:2], 3), 255, np.uint8)
            for k, plane in zip(order, planes, strict=True):
                result[..., k] = plane[..., 0]
            return result

        first = maps[max(maps)] if 1 not in maps else maps[1]
        key = ("packed", *((k, t.path, t.channel, t.scale, t.bias, t.color_space) for k, t in sorted(maps.items())))
        return self.info(first, self.images.made(key, self.name(first, what), m.path, make), m)
