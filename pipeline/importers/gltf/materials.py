# SPDX-License-Identifier: Apache-2.0
"""glTF materials as UsdPreviewSurface: metallic-roughness, and the extensions that have a place in it."""

from __future__ import annotations

import math
from typing import Any

from pipeline.errors import ImportRefused
from pipeline.importers.gltf.container import Container
from pipeline.importers.scene import Image, Material, Slot, Texture, Wrap

_WRAP: dict[int, Wrap] = {10497: "repeat", 33648: "mirror", 33071: "clamp"}
_KNOWN = {
    "KHR_materials_unlit", "KHR_materials_emissive_strength", "KHR_materials_ior", "KHR_materials_clearcoat",
    "KHR_materials_pbrSpecularGlossiness",
}  # fmt: skip
Vec4 = tuple[float, float, float, float]


class Materials:
    """Reads the materials of a file and keeps each picture once."""

    def __init__(self, file: Container) -> None:
        self.file = file
        self.images: dict[int, int] = {}

    def read(self, index: int) -> Material:
        """One material."""
        told = self.file.item("materials", index)
        name = str(told.get("name") or f"material_{index}")
        extensions = told.get("extensions", {})
        m = Material(name, double_sided=bool(told.get("doubleSided")))
        m.alpha = {"MASK": "mask", "BLEND": "blend"}.get(told.get("alphaMode", "OPAQUE"), "opaque")  # type: ignore[assignment]
        m.alpha_cutoff = _number(told.get("alphaCutoff"), 0.5)
        glossy = extensions.get("KHR_materials_pbrSpecularGlossiness")
        if glossy is not None:
            self._specular_glossiness(m, glossy)
        else:
            self._metallic_roughness(m, told.get("pbrMetallicRoughness", {}))
        self._surface(m, told, extensions)
        for other in sorted(extensions.keys() - _KNOWN):
            self.file.scene.lose(name, other, "has no place in UsdPreviewSurface")
        if "KHR_materials_unlit" in extensions:
            self.file.scene.lose(name, "KHR_materials_unlit", "UsdPreviewSurface is always lit: rough, not metallic")
            m.roughness, m.metallic = 1.0, 0.0
        return m

    def _metallic_roughness(self, m: Material, told: dict[str, Any]) -> None:
        base = _numbers(told.get("baseColorFactor"), (1.0, 1.0, 1.0, 1.0))
        m.metallic, m.roughness = _number(told.get("metallicFactor"), 1.0), _number(told.get("roughnessFactor"), 1.0)
        self._base(m, told.get("baseColorTexture"), base)
        both = told.get("metallicRoughnessTexture")
        self._put(m, "metallic", both, "b", (1.0, 1.0, m.metallic, 1.0))
        self._put(m, "roughness", both, "g", (1.0, m.roughness, 1.0, 1.0))

    def _base(self, m: Material, texture: Any, factor: Vec4) -> None:
        m.diffuse, m.opacity = factor[:3], factor[3]
        self._put(m, "diffuseColor", texture, "rgb", factor, srgb=True)
        if m.alpha != "opaque":
            self._put(m, "opacity", texture, "a", factor, srgb=True)

    def _specular_glossiness(self, m: Material, told: dict[str, Any]) -> None:
        m.metallic = 0.0
        self._base(m, told.get("diffuseTexture"), _numbers(told.get("diffuseFactor"), (1.0, 1.0, 1.0, 1.0)))
        r, g, b = _numbers(told.get("specularFactor"), (1.0, 1.0, 1.0))
        gloss = _number(told.get("glossinessFactor"), 1.0)
        m.specular, m.roughness = (r, g, b), 1.0 - gloss
        both = told.get("specularGlossinessTexture")
        self._put(m, "specularColor", both, "rgb", (r, g, b, 1.0), srgb=True)
        self._put(m, "roughness", both, "a", (1.0, 1.0, 1.0, -gloss), bias=(0.0, 0.0, 0.0, 1.0), srgb=True)

    def _surface(self, m: Material, told: dict[str, Any], extensions: dict[str, Any]) -> None:
        normal = told.get("normalTexture") or {}
        s = _number(normal.get("scale"), 1.0)
        self._put(m, "normal", normal, "rgb", (2 * s, 2 * s, 2.0, 1.0), bias=(-s, -s, -1.0, 0.0))
        occlusion = told.get("occlusionTexture") or {}
        k = _number(occlusion.get("strength"), 1.0)
        self._put(m, "occlusion", occlusion, "r", (k, 1.0, 1.0, 1.0), bias=(1.0 - k, 0.0, 0.0, 0.0))
        strength = _number(extensions.get("KHR_materials_emissive_strength", {}).get("emissiveStrength"), 1.0)
        e = _numbers(told.get("emissiveFactor"), (0.0, 0.0, 0.0))
        m.emissive = (e[0] * strength, e[1] * strength, e[2] * strength)
        if any(m.emissive):
            self._put(m, "emissiveColor", told.get("emissiveTexture"), "rgb", (*m.emissive, 1.0), srgb=True)
        m.ior = _number(extensions.get("KHR_materials_ior", {}).get("ior"), 1.5)
        coat = extensions.get("KHR_materials_clearcoat")
        if coat is not None:
            m.clearcoat = _number(coat.get("clearcoatFactor"), 0.0)
            m.clearcoat_roughness = _number(coat.get("clearcoatRoughnessFactor"), 0.0)
            self._put(m, "clearcoat", coat.get("clearcoatTexture"), "r", (m.clearcoat, 1.0, 1.0, 1.0))
            self._put(m, "clearcoatRoughness", coat.get("clearcoatRoughnessTexture"), "g",
                      (1.0, m.clearcoat_roughness, 1.0, 1.0))  # fmt: skip
            if coat.get("clearcoatNormalTexture"):
                self.file.scene.lose(m.name, "clearcoat normal map", "has no place in UsdPreviewSurface")

    def _put(
        self, m: Material, slot: Slot, told: Any, channels: str, scale: Vec4, *,
        bias: Vec4 = (0.0, 0.0, 0.0, 0.0), srgb: bool = False,
    ) -> None:  # fmt: skip
        """Read a textureInfo into a slot; what cannot be had is a loss and the factor stays."""
        if not isinstance(told, dict) or "index" not in told:
            return
        try:
            image, sampler = self._image(told["index"])
        except ImportRefused as e:
            self.file.scene.lose(m.name, f"texture of {slot}", e.message)
            return
        use = Texture(image, channels, srgb=srgb, scale=scale, bias=bias)  # type: ignore[arg-type]
        use.wrap_s = _WRAP.get(sampler.get("wrapS", 10497), "repeat")
        use.wrap_t = _WRAP.get(sampler.get("wrapT", 10497), "repeat")
        use.uv = int(_number(told.get("texCoord"), 0))
        moved = told.get("extensions", {}).get("KHR_texture_transform")
        if isinstance(moved, dict):
            use.uv = int(_number(moved.get("texCoord"), use.uv))
            use.transform = _transform(moved)
        m.textures[slot] = use

    def _image(self, texture: Any) -> tuple[int, dict[str, Any]]:
        told = self.file.item("textures", texture)
        extensions = told.get("extensions", {})
        number = extensions.get("EXT_texture_webp", {}).get("source", told.get("source"))
        if number is None:
            kinds = ", ".join(sorted(extensions)) or "nothing"
            raise ImportRefused(f"has no picture that can be read ({kinds})")
        if number not in self.images:
            self.images[number] = len(self.file.scene.images)
            self.file.scene.images.append(self._content(number))
        sampler = told.get("sampler")
        return self.images[number], self.file.item("samplers", sampler) if sampler is not None else {}

    def _content(self, number: int) -> Image:
        try:
            return self.file.image(number)
        except ImportRefused as e:
            del self.images[number]
            raise ImportRefused(e.message) from None


def _transform(told: dict[str, Any]) -> tuple[tuple[float, float], float, tuple[float, float]] | None:
    """KHR_texture_transform in UsdTransform2d's terms.

    glTF turns (u, v) with v down by T R S; with v' = 1 - v that is scale s, rotation theta and translation
    (ox + sin(theta) sy, 1 - cos(theta) sy - oy).
    """
    ox, oy = _numbers(told.get("offset"), (0.0, 0.0))
    sx, sy = _numbers(told.get("scale"), (1.0, 1.0))
    theta = _number(told.get("rotation"), 0.0)
    if (ox, oy, sx, sy, theta) == (0.0, 0.0, 1.0, 1.0, 0.0):
        return None
    translation = (ox + math.sin(theta) * sy, 1 - math.cos(theta) * sy - oy)
    return translation, math.degrees(theta), (sx, sy)


def _number(told: Any, default: float) -> float:
    good = isinstance(told, (int, float)) and not isinstance(told, bool) and math.isfinite(told)
    return float(told) if good else default


def _numbers(told: Any, default: Any) -> Any:
    if not isinstance(told, list) or len(told) != len(default):
        return default
    return tuple(_number(x, d) for x, d in zip(told, default, strict=True))
