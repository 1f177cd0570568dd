# SPDX-License-Identifier: Apache-2.0
"""Materials as UsdPreviewSurface networks.

UsdPreviewSurface, UsdUVTexture, UsdPrimvarReader_float2 and UsdTransform2d as in the UsdPreviewSurface
specification 2.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pxr import Gf, Sdf

from pipeline.importers.package import prims
from pipeline.importers.package.geometry import uv_name
from pipeline.importers.package.prims import T
from pipeline.importers.scene import Material, Texture

_COLORS = ("diffuseColor", "emissiveColor", "specularColor")
_CHANNEL = {"rgb": 0, "r": 0, "g": 1, "b": 2, "a": 3}


def write(layer: Sdf.Layer, path: str, material: Material, files: Mapping[int, str]) -> int:
    """Define the material at `path`; `files` gives each image's path relative to the layer.

    Returns the number of textures it reads.
    """
    prim = prims.define(layer, path, "Material")
    surface = _shader(layer, f"{path}/surface", "UsdPreviewSurface")
    prims.attribute(surface, "outputs:surface", T.Token)
    prims.connect(prim, "outputs:surface", T.Token, f"{path}/surface.outputs:surface")
    network = _Network(layer, path, files)
    slots: dict[str, Texture] = {s: t for s, t in material.textures.items() if t.image in files}
    if material.alpha == "opaque":
        slots.pop("opacity", None)
    for slot, value in _numbers(material).items():
        kind = T.Normal3f if slot == "normal" else T.Color3f if slot in _COLORS else T.Float
        if slot in slots:
            prims.connect(surface, f"inputs:{slot}", kind, network.output(slot, slots[slot]))
        elif slot == "diffuseColor" and material.vertex_color:
            prims.connect(surface, "inputs:diffuseColor", T.Color3f, network.vertex_color())
        elif value is not None:
            prims.attribute(surface, f"inputs:{slot}", kind, value)
    if material.alpha == "mask":
        prims.attribute(surface, "inputs:opacityThreshold", T.Float, float(material.alpha_cutoff))
    if material.specular is not None or "specularColor" in slots:
        prims.attribute(surface, "inputs:useSpecularWorkflow", T.Int, 1)
    return len({slots[s].image for s in slots})


def _numbers(m: Material) -> dict[str, Any]:
    """Every input with its value; None stays unauthored unless textured."""
    return {
        "diffuseColor": Gf.Vec3f(*m.diffuse),
        "emissiveColor": Gf.Vec3f(*m.emissive) if any(m.emissive) else None,
        "metallic": float(m.metallic),
        "roughness": float(m.roughness),
        "opacity": float(m.opacity) if m.alpha != "opaque" else None,
        "specularColor": Gf.Vec3f(*m.specular) if m.specular is not None else None,
        "normal": None,
        "occlusion": None,
        "displacement": None,
        "clearcoat": float(m.clearcoat) if m.clearcoat else None,
        "clearcoatRoughness": float(m.clearcoat_roughness) if m.clearcoat else None,
        "ior": float(m.ior) if m.ior != 1.5 else None,
    }


def _shader(layer: Sdf.Layer, path: str, identifier: str) -> Sdf.PrimSpec:
    shader = prims.define(layer, path, "Shader")
    prims.attribute(shader, "info:id", T.Token, identifier, uniform=True)
    return shader


class _Network:
    """The texture nodes of one material; one node serves every slot that reads the same picture alike."""

    def __init__(self, layer: Sdf.Layer, path: str, files: Mapping[int, str]) -> None:
        self.layer, self.path, self.files = layer, path, files
        self.nodes: list[tuple[Texture, str, dict[int, tuple[float, float]]]] = []
        self.coordinates: dict[tuple[Any, ...], str] = {}

    def output(self, slot: str, use: Texture) -> str:
        """The property that a slot connects to."""
        channels = range(3) if use.channels == "rgb" else (_CHANNEL[use.channels],)
        wanted = {c: (use.scale[c], use.bias[c]) for c in channels}
        for other, path, factors in self.nodes:
            alike = _sampling(other) == _sampling(use)
            if alike and all(factors.get(c, f) == f for c, f in wanted.items()):
                factors.update(wanted)
                self._factors(self.layer.GetPrimAtPath(path), factors)
                return self._port(path, use.channels)
        path = f"{self.path}/{slot}Texture"
        node = _shader(self.layer, path, "UsdUVTexture")
        prims.attribute(node, "inputs:file", T.Asset, Sdf.AssetPath(self.files[use.image]))
        prims.connect(node, "inputs:st", T.Float2, self._st(use))
        prims.attribute(node, "inputs:wrapS", T.Token, use.wrap_s)
        prims.attribute(node, "inputs:wrapT", T.Token, use.wrap_t)
        prims.attribute(node, "inputs:sourceColorSpace", T.Token, "sRGB" if use.srgb else "raw")
        self._factors(node, wanted)
        self.nodes.append((use, path, wanted))
        return self._port(path, use.channels)

    def vertex_color(self) -> str:
        """The output that gives displayColor."""
        node = _shader(self.layer, f"{self.path}/displayColorReader", "UsdPrimvarReader_float3")
        prims.attribute(node, "inputs:varname", T.String, "displayColor")
        prims.attribute(node, "outputs:result", T.Float3)
        return f"{self.path}/displayColorReader.outputs:result"

    def _factors(self, node: Sdf.PrimSpec, factors: Mapping[int, tuple[float, float]]) -> None:
        for i, (name, neutral) in enumerate((("scale", 1.0), ("bias", 0.0))):
            values = [factors[c][i] if c in factors else neutral for c in range(4)]
            spec = node.attributes.get(f"inputs:{name}")
            if spec is not None:
                spec.default = Gf.Vec4f(*values)
            elif any(v != neutral for v in values):
                prims.attribute(node, f"inputs:{name}", T.Float4, Gf.Vec4f(*values))

    def _port(self, path: str, channels: str) -> str:
        node = self.layer.GetPrimAtPath(path)
        name = f"outputs:{channels}"
        if name not in node.attributes:
            prims.attribute(node, name, T.Float3 if channels == "rgb" else T.Float)
        return f"{path}.{name}"

    def _st(self, use: Texture) -> str:
        key = (use.uv, use.transform)
        if key in self.coordinates:
            return self.coordinates[key]
        reader = f"{self.path}/{uv_name(use.uv)}Reader"
        if self.layer.GetPrimAtPath(reader) is None:
            node = _shader(self.layer, reader, "UsdPrimvarReader_float2")
            prims.attribute(node, "inputs:varname", T.String, uv_name(use.uv))
            prims.attribute(node, "outputs:result", T.Float2)
        result = f"{reader}.outputs:result"
        if use.transform is not None:
            translation, rotation, scale = use.transform
            path = f"{self.path}/{uv_name(use.uv)}Transform{len(self.coordinates)}"
            node = _shader(self.layer, path, "UsdTransform2d")
            prims.connect(node, "inputs:in", T.Float2, result)
            prims.attribute(node, "inputs:translation", T.Float2, Gf.Vec2f(*translation))
            prims.attribute(node, "inputs:rotation", T.Float, float(rotation))
            prims.attribute(node, "inputs:scale", T.Float2, Gf.Vec2f(*scale))
            prims.attribute(node, "outputs:result", T.Float2)
            result = f"{path}.outputs:result"
        self.coordinates[key] = result
        return result


def _sampling(use: Texture) -> tuple[Any, ...]:
    return use.image, use.uv, use.srgb, use.wrap_s, use.wrap_t, use.transform
