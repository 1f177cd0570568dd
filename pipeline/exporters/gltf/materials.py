# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface to glTF's metallic-roughness material and the KHR extensions it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.images import Images
from pipeline.exporters.pictures import Pixels, curve, decode, mapped, same_size
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import Material, Texture
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.textures import inner_name

__all__ = ["MaterialWriter", "transform_extension"]

_ONE = (1.0, 1.0, 1.0, 1.0)
_ZERO = (0.0, 0.0, 0.0, 0.0)
_CHANNEL = {"r": 0, "g": 1, "b": 2, "a": 3}


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


class MaterialWriter:
    """Writes materials, each once for every way it is used (sides, UV sets, vertex colours, UDIM tile)."""

    def __init__(self, document: Document, images: Images, target: Target, report: Report) -> None:
        self.document, self.images, self.target, self.report = document, images, target, report
        self._made: dict[tuple[Any, ...], int] = {}
        self._uv_sets: Sequence[str] = ()
        self._tile = 0

    def write(
        self,
        material: Material,
        *,
        uv_sets: Sequence[str],
        double_sided: bool,
        vertex_opacity: bool = False,
        tile: int = 0,
    ) -> int:
        """The number of the glTF material.

        Parameters
        ----------
        uv_sets
            The mesh's UV sets in the order of TEXCOORD_n.
        vertex_opacity
            The mesh has displayOpacity that shows.
        """
        used = tuple(uv_sets.index(t.uv_set) if t.uv_set in uv_sets else 0 for t in material.textures)
        key = (material.path, used, bool(uv_sets), double_sided, vertex_opacity, tile)
        number = self._made.get(key)
        if number is None:
            self._uv_sets, self._tile = uv_sets, tile
            number = self.document.add("materials", self._material(material, double_sided, vertex_opacity))
            self._made[key] = number
        return number

    def displayed(self, *, double_sided: bool, opacity: bool) -> int | None:
        """The material of a mesh that has only displayColor; None where glTF's default does."""
        if not double_sided and not opacity:
            key: tuple[Any, ...] = ("displayColor",)
        else:
            key = ("displayColor", double_sided, opacity)
        if key not in self._made:
            item: dict[str, Any] = {
                "name": "displayColor",
                "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.5},
            }
            if double_sided:
                item["doubleSided"] = True
            if opacity:
                item["alphaMode"] = "BLEND"
            self._made[key] = self.document.add("materials", item)
        return self._made[key]

    # one material

    def _material(self, m: Material, double_sided: bool, vertex_opacity: bool) -> dict[str, Any]:
        item: dict[str, Any] = {"name": f"{self.target.names.material}{m.name}"}
        if self._tile:
            item["name"] += f"_{self._tile}"
        pbr: dict[str, Any] = {}
        item["pbrMetallicRoughness"] = pbr
        extensions: dict[str, Any] = {}
        self._base(m, item, pbr, vertex_opacity)
        self._rough(m, item, pbr)
        self._normal(m, item)
        self._emissive(m, item, extensions)
        self._specular(m, pbr, extensions)
        self._clearcoat(m, extensions)
        ior = m.scalar("ior")
        if m.texture("ior"):
            self.report.lose(m.path, "texture of ior", "it became a constant")
        if abs(ior - 1.5) > 1e-6 and (ior == 0 or ior >= 1):
            extensions["KHR_materials_ior"] = {"ior": ior}
        if extensions:
            item["extensions"] = extensions
            for name in extensions:
                self.document.use(name)
        if double_sided:
            item["doubleSided"] = True
        return item

    def _base(self, m: Material, item: dict[str, Any], pbr: dict[str, Any], vertex_opacity: bool) -> None:
        color, opacity = m.get("diffuseColor"), m.get("opacity")
        picture, cut = self._tiled(color.texture), self._tiled(opacity.texture)
        rgb = list(color.value) if picture is None else [1.0, 1.0, 1.0]
        if color.primvar and picture is None:
            rgb = [1.0, 1.0, 1.0]
        alpha = opacity.value[0] if cut is None else 1.0
        if picture is not None and cut is not None and not _together(picture, cut):
            self.report.lose(m.path, "opacity's own UVs", "it was packed into the base colour as if it had its UVs")
        texture = None
        if picture is not None and cut is None:
            factor = _factor(picture, 3)
            rgb = list(factor or (1.0, 1.0, 1.0))
            texture = self._color(picture, m, baked=factor is None)
        elif picture is not None and cut is not None:
            factor = _factor(picture, 3)
            rgb = list(factor or (1.0, 1.0, 1.0))
            if cut.path == picture.path and cut.channel == "a" and _plain(cut) and factor and _is_srgb(picture):
                texture = self._color(picture, m, baked=False)
            else:
                texture = self._color_and_opacity(picture, cut, m, factor is None)
        elif cut is not None:
            texture = self._opacity_only(cut, m)
        if texture is not None:
            pbr["baseColorTexture"] = texture
        else:
            rgb = list(color.value) if not color.primvar else [1.0, 1.0, 1.0]
            alpha = opacity.value[0]
        if any(abs(v - 1) > 1e-6 for v in (*rgb, alpha)):
            pbr["baseColorFactor"] = [min(max(float(v), 0.0), 1.0) for v in (*rgb, alpha)]
        threshold = m.scalar("opacityThreshold")
        if threshold > 0:
            if cut is not None or alpha < 1:
                item["alphaMode"], item["alphaCutoff"] = "MASK", min(max(threshold, 0.0), 1.0)
        elif cut is not None or alpha < 1 or vertex_opacity:
            item["alphaMode"] = "BLEND"

    def _rough(self, m: Material, item: dict[str, Any], pbr: dict[str, Any]) -> None:
        rough, metal, shade = m.get("roughness"), m.get("metallic"), m.get("occlusion")
        maps = {
            1: self._tiled(rough.texture),
            2: None if m.scalar("useSpecularWorkflow") else self._tiled(metal.texture),
            0: self._tiled(shade.texture),
        }
        r, b, o = maps[1], maps[2], maps[0]
        roughness = rough.value[0] if r is None else 1.0
        metallic = (0.0 if m.scalar("useSpecularWorkflow") else metal.value[0]) if b is None else 1.0
        if r is not None and b is not None and not _together(r, b):
            self.report.lose(m.path, "metallic's own UVs", "it was packed with roughness as if it had its UVs")
        texture = None
        shared = o is not None and self.target.textures.pack_orm and _together(o, r or b)
        if r is not None or b is not None:
            ready = _ready(r, b, metallic)
            if ready:
                picked = r if r is not None else b
                assert picked is not None
                texture = self._info(picked, self.images.plain(picked.path, m.path, color=False), m)
                roughness = roughness if r is None else r.scale[_CHANNEL.get(r.channel, 0)]
                metallic = metallic if b is None else b.scale[_CHANNEL.get(b.channel, 0)]
                shared = shared and o is not None and o.path == picked.path
            else:
                packed = {k: t for k, t in maps.items() if t is not None and (k or shared)}
                texture = self._packed(packed, m, "orm" if shared else "mr")
            if texture is not None:
                pbr["metallicRoughnessTexture"] = texture
            else:
                roughness, metallic = rough.value[0], metal.value[0]
        pbr["roughnessFactor"] = min(max(float(roughness), 0.0), 1.0)
        pbr["metallicFactor"] = min(max(float(metallic), 0.0), 1.0)
        if o is None:
            return
        if shared and texture is not None:
            item["occlusionTexture"] = dict(texture)
        elif o.channel in {"r", "rgb"} and _plain(o):
            found = self._info(o, self.images.plain(o.path, m.path, color=False), m)
            if found is not None:
                item["occlusionTexture"] = found
        else:
            found = self._packed({0: o}, m, "occlusion")
            if found is not None:
                item["occlusionTexture"] = found

    def _normal(self, m: Material, item: dict[str, Any]) -> None:
        found = self._tiled(m.texture("normal"))
        if found is None:
            return
        scale, bias = found.scale, found.bias
        plain = (scale == _ONE and bias[:3] == (0.0, 0.0, 0.0)) or (
            scale[:3] == (2.0, 2.0, 2.0) and bias[:3] == (-1.0, -1.0, -1.0)
        )
        strength = 1.0
        if not plain and scale[0] == scale[1] > 0 and np.allclose(bias[:2], -scale[0] / 2):
            strength, plain = scale[0] / 2, True
        if plain:
            info = self._info(found, self.images.plain(found.path, m.path, color=False), m)
        else:

            def make() -> Pixels:
                pixels = _three(decode(found.path, color=False))
                planes = []
                for k in range(3):

                    def change(x: Any, scale: float = scale[k], bias: float = bias[k]) -> Any:
                        return (x * scale + bias + 1) / 2

                    planes.append(mapped(pixels[..., k], change))
                return np.stack(planes, -1)

            key = ("normal", found.path, scale, bias)
            info = self._info(found, self.images.made(key, self._name(found, "normal"), m.path, make), m)
        if info is not None:
            if strength != 1.0:
                info["scale"] = strength
            item["normalTexture"] = info

    def _emissive(self, m: Material, item: dict[str, Any], extensions: dict[str, Any]) -> None:
        glow = m.get("emissiveColor")
        picture = self._tiled(glow.texture)
        factor = list(glow.value)
        if picture is not None:
            plain = picture.bias[:3] == (0.0, 0.0, 0.0) and min(picture.scale[:3]) >= 0
            info = self._color(picture, m, baked=not plain)
            if info is not None:
                item["emissiveTexture"] = info
                factor = list(picture.scale[:3]) if plain else [1.0, 1.0, 1.0]
        strongest = max(factor)
        if strongest > 1:
            extensions["KHR_materials_emissive_strength"] = {"emissiveStrength": strongest}
            factor = [v / strongest for v in factor]
        if strongest > 0:
            item["emissiveFactor"] = [max(float(v), 0.0) for v in factor]

    def _specular(self, m: Material, pbr: dict[str, Any], extensions: dict[str, Any]) -> None:
        """Specular workflow: F0 is the specular colour; KHR_materials_specular scales ((ior-1)/(ior+1))^2."""
        if not m.scalar("useSpecularWorkflow"):
            return
        pbr["metallicFactor"] = 0.0
        tint = m.get("specularColor")
        ior = m.scalar("ior")
        base = ((ior - 1) / (ior + 1)) ** 2 if ior != 1 else 0.04
        base = base or 0.04
        found: dict[str, Any] = {"specularColorFactor": [v / base for v in tint.value]}
        picture = self._tiled(tint.texture)
        if picture is not None:
            info = self._color(picture, m, baked=_factor(picture, 3) is None)
            if info is not None:
                found["specularColorTexture"] = info
                found["specularColorFactor"] = [1 / base] * 3
        extensions["KHR_materials_specular"] = found

    def _clearcoat(self, m: Material, extensions: dict[str, Any]) -> None:
        coat, rough = m.get("clearcoat"), m.get("clearcoatRoughness")
        picture, other = self._tiled(coat.texture), self._tiled(rough.texture)
        if picture is None and coat.value[0] <= 0:
            return
        found: dict[str, Any] = {
            "clearcoatFactor": 1.0 if picture else min(max(coat.value[0], 0.0), 1.0),
            "clearcoatRoughnessFactor": 1.0 if other else min(max(rough.value[0], 0.0), 1.0),
        }
        if picture is not None:
            info = (
                self._info(picture, self.images.plain(picture.path, m.path, color=False), m)
                if picture.channel in {"r", "rgb"} and _plain(picture)
                else self._packed({0: picture}, m, "clearcoat")
            )
            if info is not None:
                found["clearcoatTexture"] = info
        if other is not None:
            info = (
                self._info(other, self.images.plain(other.path, m.path, color=False), m)
                if other.channel == "g" and _plain(other)
                else self._packed({1: other}, m, "clearcoat_roughness")
            )
            if info is not None:
                found["clearcoatRoughnessTexture"] = info
        extensions["KHR_materials_clearcoat"] = found

    # pictures of one material

    def _tiled(self, texture: Texture | None) -> Texture | None:
        """The texture itself, or the UDIM tile that is being written; None where there is none."""
        if texture is None or not texture.tiles:
            return texture
        path = dict(texture.tiles).get(self._tile)
        if path is None:
            return None
        from dataclasses import replace

        return replace(texture, path=path, tiles=(), wrap_s="repeat", wrap_t="repeat")

    def _info(self, texture: Texture, image: int | None, m: Material) -> dict[str, Any] | None:
        if image is None:
            return None
        if not self._uv_sets:
            self.report.lose(m.path, "textures", "a mesh that it is bound to has no UVs")
            return None
        if "black" in {texture.wrap_s, texture.wrap_t}:
            self.report.lose(m.path, "wrap mode black", "the border's pixels go on instead")
        info: dict[str, Any] = {"index": self.images.texture(image, texture.wrap_s, texture.wrap_t)}
        if texture.uv_set in self._uv_sets:
            channel = self._uv_sets.index(texture.uv_set)
        else:
            channel = 0
            self.report.lose(
                m.path, f"UV set {texture.uv_set}", f"a mesh has none of that name: {self._uv_sets[0]} is used"
            )
        if channel:
            info["texCoord"] = channel
        transform = transform_extension(texture)
        if transform is not None:
            info["extensions"] = {"KHR_texture_transform": transform}
            self.document.use("KHR_texture_transform")
        return info

    def _name(self, texture: Texture, what: str) -> str:
        return f"{self.target.names.texture}{inner_name(texture.path).rsplit('.', 1)[0]}_{what}"

    def _color(self, texture: Texture, m: Material, *, baked: bool) -> dict[str, Any] | None:
        if not baked and _is_srgb(texture) and texture.channel in {"rgb", "rgba"}:
            return self._info(texture, self.images.plain(texture.path, m.path, color=True), m)
        key = ("color", texture.path, texture.channel, texture.scale if baked else None,
               texture.bias if baked else None, _is_srgb(texture))  # fmt: skip
        image = self.images.made(key, self._name(texture, "color"), m.path, lambda: _colored(texture, baked))
        return self._info(texture, image, m)

    def _color_and_opacity(self, picture: Texture, cut: Texture, m: Material, baked: bool) -> dict[str, Any] | None:
        def make() -> Pixels:
            rgb, alpha = same_size([_colored(picture, baked), _channel(cut)[..., None]])
            return np.concatenate([_three(rgb), alpha], axis=2)

        key = ("rgba", picture.path, picture.channel, picture.scale, picture.bias, cut.path, cut.channel,
               cut.scale, cut.bias)  # fmt: skip
        return self._info(picture, self.images.made(key, self._name(picture, "rgba"), m.path, make), m)

    def _opacity_only(self, cut: Texture, m: Material) -> dict[str, Any] | None:
        def make() -> Pixels:
            alpha = _channel(cut)
            return np.stack([np.full_like(alpha, 255)] * 3 + [alpha], -1)

        key = ("alpha", cut.path, cut.channel, cut.scale, cut.bias)
        return self._info(cut, self.images.made(key, self._name(cut, "alpha"), m.path, make), m)

    def _packed(self, maps: dict[int, Texture], m: Material, what: str) -> dict[str, Any] | None:
        """Several textures in the channels of one picture; channels without one are white."""

        def make() -> Pixels:
            order = sorted(maps)
            planes = same_size([_channel(maps[k])[..., None] for k in order])
            result = np.full((*planes[0].shape[:2], 3), 255, np.uint8)
            for k, plane in zip(order, planes, strict=True):
                result[..., k] = plane[..., 0]
            return result

        first = maps[max(maps)] if 1 not in maps else maps[1]
        key = ("packed", *((k, t.path, t.channel, t.scale, t.bias, t.color_space) for k, t in sorted(maps.items())))
        return self._info(first, self.images.made(key, self._name(first, what), m.path, make), m)


def _together(a: Texture, b: Texture | None) -> bool:
    """Whether two textures lie on the surface in the same way."""
    return b is not None and (a.uv_set, a.transform, a.wrap_s, a.wrap_t) == (
        b.uv_set, b.transform, b.wrap_s, b.wrap_t,
    )  # fmt: skip


def _plain(texture: Texture) -> bool:
    """Whether the picture's own numbers are the values."""
    return texture.scale == _ONE and texture.bias == _ZERO and texture.color_space != "sRGB"


def _is_srgb(texture: Texture) -> bool:
    return texture.color_space in {"sRGB", "auto"}


def _factor(texture: Texture, count: int) -> tuple[float, ...] | None:
    """The scale as glTF's factor; None where only new pixels can say it."""
    scale = texture.scale[:count]
    if any(texture.bias[:count]) or any(s < 0 or s > 1 for s in scale):
        return None
    return scale


def _ready(rough: Texture | None, metal: Texture | None, metallic: float) -> bool:
    """Whether a picture already has roughness in green and metallic in blue."""
    for texture in (rough, metal):
        if texture is None:
            continue
        if any(texture.bias) or texture.color_space == "sRGB" or any(s < 0 or s > 1 for s in texture.scale):
            return False
    if rough is not None and metal is not None:
        return rough.path == metal.path and rough.channel == "g" and metal.channel == "b" and _together(rough, metal)
    if rough is not None:
        return rough.channel == "g" and metallic == 0
    return False


def _three(pixels: Pixels) -> Pixels:
    if pixels.shape[2] >= 3:
        return pixels[..., :3]
    return np.repeat(pixels[..., :1], 3, axis=2)


def _channel(texture: Texture) -> Pixels:
    """One channel of a data texture with its scale and bias, `(h, w) uint8`."""
    pixels = decode(texture.path, color=False)
    index = min(_CHANNEL.get(texture.channel, 0), pixels.shape[2] - 1)
    if texture.channel == "a" and pixels.shape[2] in (1, 3):
        return np.full(pixels.shape[:2], 255, np.uint8)
    if texture.channel != "a" and pixels.shape[2] in (1, 2):
        index = 0
    plane = pixels[..., index]
    number = _CHANNEL.get(texture.channel, 0)
    scale, bias, straight = texture.scale[number], texture.bias[number], texture.color_space == "sRGB"
    if straight and texture.channel != "a":
        return mapped(plane, lambda x: curve(x, back=True) * scale + bias)
    return plane if (scale, bias) == (1.0, 0.0) else mapped(plane, lambda x: x * scale + bias)


def _colored(texture: Texture, baked: bool) -> Pixels:
    """A colour texture with the sRGB curve, scale and bias in it where `baked`, `(h, w, 3) uint8`."""
    pixels = decode(texture.path, color=True)
    if texture.channel in {"rgb", "rgba"}:
        rgb = _three(pixels)
    else:
        plane = pixels[..., min(_CHANNEL[texture.channel], pixels.shape[2] - 1)]
        rgb = np.repeat(plane[..., None], 3, axis=2)
    linear_source = not _is_srgb(texture)
    if not baked and not linear_source:
        return rgb
    planes = []
    for k in range(3):
        scale, bias = (texture.scale[k], texture.bias[k]) if baked else (1.0, 0.0)

        def change(x: Any, scale: float = scale, bias: float = bias) -> Any:
            light = x if linear_source else curve(x, back=True)
            return curve(np.clip(light * scale + bias, 0, 1))

        planes.append(mapped(rgb[..., k], change))
    return np.stack(planes, -1)
