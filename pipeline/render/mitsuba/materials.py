# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface to Mitsuba's plug-ins, as dictionaries for `mi.load_dict`.

The metallic workflow is Mitsuba's `principled`. The specular workflow blends a metal of the specular colour with
a surface that only scatters, so that reflectance head on is what was authored. A constant opacity without
threshold lets light through a thin sheet that still reflects, as UsdPreviewSurface's mode `transparent` says;
pictures of opacity are masks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.render.lamps import Array
from pipeline.render.mitsuba.coating import register
from pipeline.render.surfaces import Surface
from pipeline.render.textures import Map

_SMALLEST = 0.03
Note = tuple[str, str, str]


class Materials:
    """Makes BSDF dictionaries; pictures are shared between surfaces."""

    def __init__(self, mi: Any) -> None:
        self.mi = mi
        self.notes: list[Note] = []
        self._bitmaps: dict[tuple[Any, ...], Any] = {}

    def bsdf(self, surface: Surface, uvs: dict[str, Array], tinted: bool, clear: bool) -> Any:
        """The material of one shape.

        Parameters
        ----------
        uvs
            The shape's UV sets, whose range decides how a picture goes on outside of 0..1.
        tinted, clear
            The shape has vertex colours, vertex opacities.
        """
        maps = {name: self._inside(picture, uvs) for name, picture in surface.maps.items()}
        inner = self._specular(surface, maps) if surface.values["useSpecularWorkflow"][0] > 0 else None
        if inner is None:
            inner = self._metallic(surface, maps, tinted and bool(surface.primvar))
        if surface.value("clearcoat").max() > 0:
            inner = self._coated(surface, maps, inner)
        if "normal" in maps:
            pixels = maps["normal"].pixels * 0.5 + 0.5
            inner = {"type": "normalmap", "normalmap": self._bitmap(maps["normal"], pixels, "n"), "bsdf": inner}
        made: dict[str, Any] = {"type": "twosided", "bsdf": inner}
        return self._see_through(surface, maps, made, clear and bool(surface.opacity_primvar))

    def _metallic(self, surface: Surface, maps: dict[str, Map], tinted: bool) -> dict[str, Any]:
        """`principled`; what reflects nothing is Lambert's, which `principled` (Burley's diffuse) is not."""
        base: Any = {"type": "mesh_attribute", "name": "vertex_color"} if tinted else None
        shiny = surface.value("metallic").max() > 0
        if not shiny and surface.values["ior"][0] <= 1.01:
            return {"type": "diffuse", "reflectance": base or self._rgb(surface, maps, "diffuseColor")}
        return {
            "type": "principled",
            "base_color": base or self._rgb(surface, maps, "diffuseColor"),
            "metallic": self._number(surface, maps, "metallic"),
            "roughness": self._number(surface, maps, "roughness", _SMALLEST),
            "eta": float(np.clip(surface.values["ior"][0], 1.01, 4.0)),
        }

    def _coated(self, surface: Surface, maps: dict[str, Map], inner: dict[str, Any]) -> dict[str, Any]:
        if self.mi.variant().startswith("scalar"):
            if inner["type"] == "principled":
                # Disney's coat
                alpha = float(np.clip(surface.value("clearcoatRoughness")[0], 0, 1)) ** 2
                inner["clearcoat"] = self._number(surface, maps, "clearcoat")
                inner["clearcoat_gloss"] = float(np.clip((0.1 - alpha) / 0.099, 0, 1))
            self.notes.append((surface.path, "clearcoat", "weaker than authored at grazing angles without a libLLVM"))
            return inner
        return {
            "type": register(self.mi),
            "base": inner,
            "weight": self._number(surface, maps, "clearcoat"),
            "alpha": self._number(surface, maps, "clearcoatRoughness", _SMALLEST, 2.0),
        }

    def _specular(self, surface: Surface, maps: dict[str, Map]) -> dict[str, Any]:
        share = float(np.clip(surface.value("specularColor").max(), 1e-3, 0.999))
        roughness = self._number(surface, maps, "roughness", _SMALLEST)
        metal = {
            "type": "principled", "metallic": 1.0, "roughness": roughness,
            "base_color": self._rgb(surface, maps, "specularColor", 1 / share),
        }  # fmt: skip
        matte = {"type": "diffuse", "reflectance": self._rgb(surface, maps, "diffuseColor", 1 / (1 - share))}
        return {"type": "blendbsdf", "weight": share, "a": matte, "b": metal}

    def _see_through(self, surface: Surface, maps: dict[str, Map], made: dict[str, Any], clear: bool) -> Any:
        threshold = surface.values["opacityThreshold"][0]
        if "opacity" in maps:
            picture = maps["opacity"]
            pixels = np.clip(picture.pixels, 0, 1)
            if threshold > 0:
                pixels = (pixels >= threshold).astype(np.float32)
            if float(pixels.min()) > 0.999:
                return made
            return {"type": "mask", "opacity": self._bitmap(picture, pixels, "o"), "bsdf": made}
        if clear:
            return {"type": "mask", "opacity": {"type": "mesh_attribute", "name": "vertex_opacity"}, "bsdf": made}
        opacity = float(np.clip(surface.values["opacity"][0], 0, 1))
        if threshold > 0:
            opacity = float(opacity >= threshold)
        if opacity > 0.999:
            return made
        if surface.presence or threshold > 0:
            return {"type": "mask", "opacity": opacity, "bsdf": made}
        ior = float(np.clip(surface.values["ior"][0], 1.01, 4.0))
        sheet = {"type": "thindielectric", "int_ior": ior, "ext_ior": 1.0}
        return {"type": "blendbsdf", "weight": opacity, "a": sheet, "b": made}

    def emission(self, surface: Surface, uvs: dict[str, Array]) -> dict[str, Any] | None:
        """The area emitter of a shape that glows."""
        picture = surface.maps.get("emissiveColor")
        if picture is None and max(surface.values["emissiveColor"]) <= 0:
            return None
        maps = {} if picture is None else {"emissiveColor": self._inside(picture, uvs)}
        value = self._rgb(surface, maps, "emissiveColor", bounded=False)
        return {"type": "area", "radiance": value}

    def _rgb(self, surface: Surface, maps: dict[str, Map], name: str, factor: float = 1.0, bounded: bool = True) -> Any:
        top = 1.0 if bounded else np.inf
        if name in maps:
            picture = maps[name]
            return self._bitmap(picture, np.clip(picture.pixels * np.float32(factor), 0, top), f"{name}{factor:.4f}")
        value = np.clip(np.asarray(surface.values[name]) * factor, 0, top)
        kind = "rgb"
        return {"type": kind, "value": [float(v) for v in value]}

    def _number(self, surface: Surface, maps: dict[str, Map], name: str, low: float = 0.0, power: float = 1.0) -> Any:
        if name in maps:
            picture = maps[name]
            return self._bitmap(picture, np.clip(picture.pixels, low, 1) ** np.float32(power), f"{name}{power}")
        return float(np.clip(surface.values[name][0], low, 1)) ** power

    def _bitmap(self, picture: Map, pixels: Array, use: str) -> Any:
        key = (id(picture.pixels), use, picture.affine.tobytes(), picture.wrap)
        if key not in self._bitmaps:
            # Mitsuba's rows grow with v; USD's picture has its origin at the lower left
            flip = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 1.0], [0.0, 0.0, 1.0]])
            matrix = np.eye(3)
            matrix[:2, :2] = picture.affine[:2].T
            matrix[:2, 2] = picture.affine[2]
            loaded = self.mi.load_dict(
                {
                    "type": "bitmap",
                    "bitmap": self.mi.Bitmap(np.ascontiguousarray(pixels, np.float32)),
                    "raw": True,
                    "wrap_mode": picture.wrap[0],
                    "to_uv": self.mi.ScalarTransform3f(flip @ matrix),
                }
            )
            # the picture is kept, so that its id stays its own
            self._bitmaps[key] = (loaded, picture)
        return self._bitmaps[key][0]

    def _inside(self, picture: Map, uvs: dict[str, Array]) -> Map:
        """The same picture where Mitsuba has its wrap modes; else one drawn over the range that the shape uses."""
        same = picture.wrap[0] == picture.wrap[1] and picture.wrap[0] != "black"
        uv = uvs.get(picture.uv_set)
        if same or uv is None or not len(uv):
            return picture if same else replace(picture, wrap=("clamp", "clamp"))
        st = picture.coordinates(uv)
        low, high = st.min(0), st.max(0)
        if (low >= 0).all() and (high <= 1).all():
            return replace(picture, wrap=("clamp", "clamp"))
        low, high = np.minimum(np.maximum(low, -16), 0), np.maximum(np.minimum(high, 16), 1)
        height, width = picture.pixels.shape[:2]
        span = high - low
        w, h = (int(min(2048, np.ceil(n * s))) for n, s in ((width, span[0]), (height, span[1])))
        x, y = np.meshgrid((np.arange(w) + 0.5) / w, 1 - (np.arange(h) + 0.5) / h)
        spots = np.stack([x.ravel(), y.ravel()], axis=1) * span + low
        flat = replace(picture, affine=np.array([[1.0, 0], [0, 1.0], [0, 0]]))
        drawn = flat.sample(spots).reshape(h, w, -1)
        affine = (picture.affine - np.array([[0, 0], [0, 0], low])) / span
        return Map(drawn, picture.uv_set, affine, ("clamp", "clamp"))
