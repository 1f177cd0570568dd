# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface to glTF's metallic-roughness material and the KHR extensions it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.exporters.gltf.container import Document
from pipeline.exporters.gltf.images import Images
from pipeline.exporters.gltf.texels import CHANNEL, ONE, as_factor, is_packed, is_srgb, plain, three, together
from pipeline.exporters.gltf.textures import MaterialPictures
from pipeline.exporters.pictures import Pixels, decode, mapped
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import PREVIEW_SURFACE, Input, Material
from pipeline.usd.scene.report import Report

__all__ = ["MaterialWriter"]


class MaterialWriter:
    """Writes materials, each once for every way it is used (sides, UV sets, vertex colours, UDIM tile)."""

    def __init__(self, document: Document, images: Images, target: Target, report: Report) -> None:
        self.document, self.images, self.target, self.report = document, images, target, report
        self.pictures = MaterialPictures(document, images, target, report)
        self._made: dict[tuple[Any, ...], int] = {}

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
            self.pictures.uv_sets, self.pictures.tile = uv_sets, tile
            sound = _sound(material, self.report)
            number = self.document.add("materials", self._material(sound, double_sided, vertex_opacity))
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
        if self.pictures.tile:
            item["name"] += f"_{self.pictures.tile}"
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
        if 0 < ior < 1:
            self.report.lose(m.path, "ior", f"glTF has none of {ior:g}: 1.5 stands for it")
        elif abs(ior - 1.5) > 1e-6:
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
        picture, cut = self.pictures.tiled(color.texture), self.pictures.tiled(opacity.texture)
        rgb = list(color.value) if picture is None else [1.0, 1.0, 1.0]
        if color.primvar and picture is None:
            rgb = [1.0, 1.0, 1.0]
        alpha = opacity.value[0] if cut is None else 1.0
        if picture is not None and cut is not None and not together(picture, cut):
            self.report.lose(m.path, "opacity's own UVs", "it was packed into the base colour as if it had its UVs")
        texture = None
        if picture is not None and cut is None:
            factor = as_factor(picture, 3)
            rgb = list(factor or (1.0, 1.0, 1.0))
            texture = self.pictures.color(picture, m, baked=factor is None)
        elif picture is not None and cut is not None:
            factor = as_factor(picture, 3)
            rgb = list(factor or (1.0, 1.0, 1.0))
            if cut.path == picture.path and cut.channel == "a" and plain(cut) and factor and is_srgb(picture):
                texture = self.pictures.color(picture, m, baked=False)
            else:
                texture = self.pictures.color_and_opacity(picture, cut, m, factor is None)
        elif cut is not None:
            texture = self.pictures.opacity_only(cut, m)
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
            1: self.pictures.tiled(rough.texture),
            2: None if m.scalar("useSpecularWorkflow") else self.pictures.tiled(metal.texture),
            0: self.pictures.tiled(shade.texture),
        }
        r, b, o = maps[1], maps[2], maps[0]
        roughness = rough.value[0] if r is None else 1.0
        metallic = (0.0 if m.scalar("useSpecularWorkflow") else metal.value[0]) if b is None else 1.0
        if r is not None and b is not None and not together(r, b):
            self.report.lose(m.path, "metallic's own UVs", "it was packed with roughness as if it had its UVs")
        texture = None
        shared = o is not None and self.target.textures.pack_orm and together(o, r or b)
        if r is not None or b is not None:
            ready = is_packed(r, b, metallic)
            if ready:
                picked = r if r is not None else b
                assert picked is not None
                texture = self.pictures.info(picked, self.images.plain(picked.path, m.path, color=False), m)
                roughness = roughness if r is None else r.scale[CHANNEL.get(r.channel, 0)]
                metallic = metallic if b is None else b.scale[CHANNEL.get(b.channel, 0)]
                shared = shared and o is not None and o.path == picked.path
            else:
                packed = {k: t for k, t in maps.items() if t is not None and (k or shared)}
                texture = self.pictures.packed(packed, m, "orm" if shared else "mr")
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
        elif o.channel in {"r", "rgb"} and plain(o):
            found = self.pictures.info(o, self.images.plain(o.path, m.path, color=False), m)
            if found is not None:
                item["occlusionTexture"] = found
        else:
            found = self.pictures.packed({0: o}, m, "occlusion")
            if found is not None:
                item["occlusionTexture"] = found

    def _normal(self, m: Material, item: dict[str, Any]) -> None:
        found = self.pictures.tiled(m.texture("normal"))
        if found is None:
            return
        scale, bias = found.scale, found.bias
        plain = (scale == ONE and bias[:3] == (0.0, 0.0, 0.0)) or (
            scale[:3] == (2.0, 2.0, 2.0) and bias[:3] == (-1.0, -1.0, -1.0)
        )
        strength = 1.0
        if not plain and scale[0] == scale[1] > 0 and np.allclose(bias[:2], -scale[0] / 2):
            strength, plain = scale[0] / 2, True
        if plain:
            info = self.pictures.info(found, self.images.plain(found.path, m.path, color=False), m)
        else:

            def make() -> Pixels:
                pixels = three(decode(found.path, color=False))
                planes = []
                for k in range(3):

                    def change(x: Any, scale: float = scale[k], bias: float = bias[k]) -> Any:
                        return (x * scale + bias + 1) / 2

                    planes.append(mapped(pixels[..., k], change))
                return np.stack(planes, -1)

            key = ("normal", found.path, scale, bias)
            info = self.pictures.info(
                found, self.images.made(key, self.pictures.name(found, "normal"), m.path, make), m
            )
        if info is not None:
            if strength != 1.0:
                info["scale"] = strength
            item["normalTexture"] = info

    def _emissive(self, m: Material, item: dict[str, Any], extensions: dict[str, Any]) -> None:
        glow = m.get("emissiveColor")
        picture = self.pictures.tiled(glow.texture)
        factor = list(glow.value)
        if picture is not None:
            plain = picture.bias[:3] == (0.0, 0.0, 0.0) and min(picture.scale[:3]) >= 0
            info = self.pictures.color(picture, m, baked=not plain)
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
        picture = self.pictures.tiled(tint.texture)
        if picture is not None:
            info = self.pictures.color(picture, m, baked=as_factor(picture, 3) is None)
            if info is not None:
                found["specularColorTexture"] = info
                found["specularColorFactor"] = [1 / base] * 3
        extensions["KHR_materials_specular"] = found

    def _clearcoat(self, m: Material, extensions: dict[str, Any]) -> None:
        coat, rough = m.get("clearcoat"), m.get("clearcoatRoughness")
        picture, other = self.pictures.tiled(coat.texture), self.pictures.tiled(rough.texture)
        if picture is None and coat.value[0] <= 0:
            return
        found: dict[str, Any] = {
            "clearcoatFactor": 1.0 if picture else min(max(coat.value[0], 0.0), 1.0),
            "clearcoatRoughnessFactor": 1.0 if other else min(max(rough.value[0], 0.0), 1.0),
        }
        if picture is not None:
            info = (
                self.pictures.info(picture, self.images.plain(picture.path, m.path, color=False), m)
                if picture.channel in {"r", "rgb"} and plain(picture)
                else self.pictures.packed({0: picture}, m, "clearcoat")
            )
            if info is not None:
                found["clearcoatTexture"] = info
        if other is not None:
            info = (
                self.pictures.info(other, self.images.plain(other.path, m.path, color=False), m)
                if other.channel == "g" and plain(other)
                else self.pictures.packed({1: other}, m, "clearcoat_roughness")
            )
            if info is not None:
                found["clearcoatRoughnessTexture"] = info
        extensions["KHR_materials_clearcoat"] = found


#: inputs whose numbers have no upper end
_OPEN = {"emissiveColor", "specularColor", "ior"}
#: inputs that may be negative, or that are no numbers of light
_ANY = {"normal", "displacement", "useSpecularWorkflow"}


def _sound(m: Material, report: Report) -> Material:
    """The material with constants that glTF takes: finite, and within 0-1 where they are shares."""
    changed: dict[str, Input] = {}
    for name, found in m.inputs.items():
        if found.texture is not None or name in _ANY or name not in PREVIEW_SURFACE:
            continue
        values = np.asarray(found.value, np.float64)
        if not np.isfinite(values).all():
            changed[name] = replace(found, value=PREVIEW_SURFACE[name])
            report.lose(m.path, name, "it is not finite: the fallback stands for it")
            continue
        inside = np.clip(values, 0.0, None if name in _OPEN else 1.0)
        if np.abs(inside - values).max(initial=0) > 1e-6:
            changed[name] = replace(found, value=tuple(inside.tolist()))
            report.lose(m.path, name, f"{values.tolist()} lies outside of what glTF takes: the nearest stands for it")
    return replace(m, inputs={**m.inputs, **changed}) if changed else m
