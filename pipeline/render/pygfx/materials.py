# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface to pygfx's physical material; its colours are sRGB-encoded, its pictures given in linear values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pygfx

from pipeline.render.lamps import Array
from pipeline.render.surfaces import Surface
from pipeline.render.textures import Map, _resized


def colour(value: Array) -> Any:
    """A linear colour."""
    r, g, b = (float(v) for v in np.clip(value, 0, None))
    return pygfx.Color.from_physical(r, g, b)


class Materials:
    """Makes materials and the coordinates their pictures need; pictures are shared."""

    def __init__(self, surfaces: tuple[Surface, ...]) -> None:
        self.surfaces = surfaces
        self._textures: dict[tuple[int, str], tuple[Any, Map]] = {}

    def coordinates(self, number: int) -> list[tuple[str, tuple[float, ...]]]:
        """UV set and affine of each texture channel of a surface."""
        maps = self.surfaces[number].maps.values()
        return list(dict.fromkeys((m.uv_set, tuple(m.affine.ravel())) for m in maps))

    def material(self, number: int, tinted: bool, faceted: bool) -> Any:
        """The material of a surface.

        Parameters
        ----------
        tinted
            The shape has colours of its own that diffuseColor reads.
        faceted
            The shape has no normals.
        """
        surface = self.surfaces[number]
        value = {name: np.asarray(v, float) for name, v in surface.values.items()}
        ior = float(np.clip(value["ior"][0], 1.0, 4.0))
        made = pygfx.MeshPhysicalMaterial(
            color=colour(value["diffuseColor"]), metalness=float(np.clip(value["metallic"][0], 0, 1)),
            roughness=float(np.clip(value["roughness"][0], 0.04, 1)), ior=max(ior, 1.0001),
            emissive=colour(np.clip(value["emissiveColor"], 0, 1)), flat_shading=faceted,
            clearcoat=float(np.clip(value["clearcoat"][0], 0, 1)),
            clearcoat_roughness=float(np.clip(value["clearcoatRoughness"][0], 0.02, 1)),
        )  # fmt: skip
        strength = float(value["emissiveColor"].max())
        if strength > 1:
            made.emissive, made.emissive_intensity = colour(value["emissiveColor"] / strength), strength
        if value["useSpecularWorkflow"][0] > 0:
            self._specular(made, surface)
        if tinted and surface.primvar and "diffuseColor" not in surface.maps:
            made.color_mode = "vertex"
        self._pictures(made, number)
        self._opacity(made, number)
        return made

    def _specular(self, made: Any, surface: Surface) -> None:
        head_on = np.clip(surface.value("specularColor"), 0, 0.999)
        strongest = float(head_on.max())
        root = np.sqrt(strongest)
        made.metalness, made.ior = 0.0, max((1 + root) / (1 - root), 1.0001)
        made.specular = colour(head_on / strongest if strongest > 0 else head_on)

    def _pictures(self, made: Any, number: int) -> None:
        maps = self.surfaces[number].maps
        for name, prefix in (("metallic", "metalness"), ("roughness", "roughness"), ("clearcoat", "clearcoat"),
                             ("clearcoatRoughness", "clearcoat_roughness"), ("occlusion", "ao")):  # fmt: skip
            if name in maps:
                setattr(made, f"{prefix}_map", self._map(number, name))
                if prefix != "ao":
                    setattr(made, prefix, 1.0)
        if "diffuseColor" in maps:
            made.color, made.map = colour(np.ones(3)), self._map(number, "diffuseColor")
        if "emissiveColor" in maps:
            made.emissive, made.emissive_map = colour(np.ones(3)), self._map(number, "emissiveColor")
        if "normal" in maps:
            made.normal_map = self._map(number, "normal")

    def _opacity(self, made: Any, number: int) -> None:
        surface = self.surfaces[number]
        threshold = surface.values["opacityThreshold"][0]
        opacity = float(np.clip(surface.values["opacity"][0], 0, 1))
        if "opacity" in surface.maps:
            made.map = self._masked(number)
            if "diffuseColor" in surface.maps or made.color_mode != "vertex":
                made.color = colour(np.ones(3))
            made.alpha_mode = "blend"
        elif opacity < 0.999 and not threshold:
            made.opacity, made.alpha_mode = opacity, "blend"
        if threshold > 0:
            made.alpha_mode, made.alpha_test = "solid", max(float(threshold), 1e-3)

    def _masked(self, number: int) -> Any:
        """Opacity as the alpha of the colour's picture."""
        surface = self.surfaces[number]
        mask = surface.maps["opacity"]
        base = surface.maps.get("diffuseColor")
        height, width = (base or mask).pixels.shape[:2]
        rgb = base.pixels if base else np.broadcast_to(np.asarray(surface.values["diffuseColor"]), (height, width, 3))
        pixels = np.concatenate([rgb, _resized(mask.pixels, width, height)], axis=2)
        return self._texture_map(number, base or mask, pixels)

    def _map(self, number: int, name: str) -> Any:
        picture = self.surfaces[number].maps[name]
        pixels = picture.pixels
        if name == "normal":
            pixels = pixels * 0.5 + 0.5
        if pixels.shape[2] == 1:
            pixels = np.repeat(pixels, 3, axis=2)
        pixels = np.concatenate([pixels, np.ones((*pixels.shape[:2], 1), np.float32)], axis=2)
        return self._texture_map(number, picture, pixels, name)

    def _texture_map(self, number: int, picture: Map, pixels: Array, use: str = "masked") -> Any:
        key = (id(picture.pixels), use if use in {"masked", "normal"} else "")
        if key not in self._textures:
            data = np.ascontiguousarray(pixels.astype(np.float16))
            made = pygfx.Texture(data, dim=2, colorspace="physical", generate_mipmaps=True)
            self._textures[key] = (made, picture)
        modes = {"repeat": "repeat", "mirror": "mirror", "clamp": "clamp", "black": "clamp"}
        wrap = tuple(modes[w] for w in picture.wrap)
        channel = self.coordinates(number).index((picture.uv_set, tuple(picture.affine.ravel())))
        return pygfx.TextureMap(self._textures[key][0], uv_channel=channel, wrap_s=wrap[0], wrap_t=wrap[1])
