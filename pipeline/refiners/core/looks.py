# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface materials: which input has which value, which is read from which texture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, UsdGeom, UsdShade

from pipeline.refiners.core.images import Picture, read_picture, sample, srgb_to_linear, write_picture
from pipeline.refiners.core.subject import Subject

__all__ = [
    "COLOURS",
    "DEFAULTS",
    "Map",
    "connect_texture",
    "define_surface",
    "input_of",
    "maps",
    "set_input",
    "surface",
    "write_map",
]

#: inputs that hold colours; all others hold data
COLOURS = ("diffuseColor", "emissiveColor", "specularColor")
#: what UsdPreviewSurface says where nothing is authored
DEFAULTS: dict[str, tuple[float, ...]] = {
    "diffuseColor": (0.18, 0.18, 0.18), "emissiveColor": (0, 0, 0), "specularColor": (0, 0, 0),
    "metallic": (0.0,), "roughness": (0.5,), "opacity": (1.0,), "occlusion": (1.0,), "normal": (0, 0, 1),
}  # fmt: skip
_CHANNEL = {"r": (0,), "g": (1,), "b": (2,), "a": (3,), "rgb": (0, 1, 2)}
_KINDS = {
    "diffuseColor": Sdf.ValueTypeNames.Color3f, "emissiveColor": Sdf.ValueTypeNames.Color3f,
    "specularColor": Sdf.ValueTypeNames.Color3f, "normal": Sdf.ValueTypeNames.Normal3f,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Map:
    """One input of one material that is read from a texture.

    Attributes
    ----------
    material
    input
        `diffuseColor`, `roughness`, …
    shader
        The UsdUVTexture.
    output
        `rgb`, `r`, `g`, `b` or `a`.
    """

    material: UsdShade.Material
    input: str
    shader: UsdShade.Shader
    output: str

    @property
    def asset(self) -> str:
        """The asset path as authored."""
        value = self.shader.GetInput("file").Get()
        return str(value.path) if value else ""

    @property
    def path(self) -> str:
        """The file, or nothing where it does not resolve."""
        value = self.shader.GetInput("file").Get()
        return str(value.resolvedPath) if value else ""

    @cached_property
    def picture(self) -> Picture:
        """The decoded file."""
        return read_picture(self.path or self.asset, str(self.shader.GetPath()))

    @property
    def encoded(self) -> bool:
        """Whether the file's colours are sRGB encoded, as USD reads it (`auto`: 8 bits, three channels or more)."""
        space = self._text("sourceColorSpace", "auto")
        if space != "auto":
            return space == "sRGB"
        return self.picture.bits == 8 and self.picture.pixels.shape[2] >= 3

    @property
    def wrap(self) -> tuple[str, str]:
        """How it repeats along s and t."""
        return self._text("wrapS", "repeat"), self._text("wrapT", "repeat")

    @property
    def uv(self) -> str:
        """Name of the UV primvar that it is looked up with."""
        return _primvar(self.shader)

    def values(self, uv: NDArray) -> NDArray[np.float32]:
        """(k, c) what the input gets at (k, 2) UVs, linear."""
        texel = sample(self.picture.pixels, _transformed(self.shader, uv), self.wrap)
        return self._given(texel)

    def whole(self) -> NDArray[np.float32]:
        """(h, w, c) what the input gets over the whole picture, linear."""
        pixels = self.picture.pixels
        return self._given(pixels.reshape(-1, pixels.shape[2])).reshape(*pixels.shape[:2], -1)

    def _given(self, texel: NDArray) -> NDArray[np.float32]:
        full = np.ones((len(texel), 4), np.float32)
        count = texel.shape[1]
        full[:, : min(count, 4)] = texel[:, :4]
        if count <= 2:
            full[:, :3] = texel[:, :1]
            if count == 2:
                full[:, 3] = texel[:, 1]
        if self.encoded:
            full[:, :3] = srgb_to_linear(full[:, :3])
        full = full * self._four("scale", 1.0) + self._four("bias", 0.0)
        return np.asarray(full[:, list(_CHANNEL.get(self.output, (0, 1, 2)))], np.float32)

    def _four(self, name: str, default: float) -> NDArray[np.float32]:
        attribute = self.shader.GetInput(name)
        value = attribute.Get() if attribute else None
        return np.array(value if value is not None else [default] * 4, np.float32)

    def _text(self, name: str, default: str) -> str:
        attribute = self.shader.GetInput(name)
        value = attribute.Get() if attribute else None
        return str(value) if value else default


def surface(material: UsdShade.Material) -> UsdShade.Shader | None:
    """The UsdPreviewSurface of a material, or None."""
    shader, _, _ = material.ComputeSurfaceSource()
    if not shader or shader.GetIdAttr().Get() != "UsdPreviewSurface":
        return None
    return UsdShade.Shader(shader)


def maps(material: UsdShade.Material) -> list[Map]:
    """Every input of the material that is read from a texture."""
    shader = surface(material)
    if shader is None:
        return []
    found = []
    for one in shader.GetInputs():
        sources = UsdShade.Utils.GetValueProducingAttributes(one)
        for attribute in sources:
            producer = UsdShade.Shader(attribute.GetPrim())
            if producer and producer.GetIdAttr().Get() == "UsdUVTexture":
                output = attribute.GetName().removeprefix("outputs:")
                found.append(Map(material, one.GetBaseName(), producer, output))
    return found


def input_of(material: UsdShade.Material, name: str) -> Any:
    """The constant of an input as a tuple of floats, its default where not authored, None where textured."""
    shader = surface(material)
    if shader is None:
        return DEFAULTS.get(name)
    attribute = shader.GetInput(name)
    if not attribute:
        return DEFAULTS.get(name)
    for source in UsdShade.Utils.GetValueProducingAttributes(attribute):
        if UsdShade.Shader(source.GetPrim()).GetIdAttr().Get() == "UsdUVTexture":
            return None
        value = source.Get()
        if value is not None:
            return tuple(float(x) for x in value) if hasattr(value, "__len__") else (float(value),)
    return DEFAULTS.get(name)


def define_surface(subject: Subject, path: Sdf.Path) -> tuple[UsdShade.Material, UsdShade.Shader]:
    """A material with a UsdPreviewSurface at `path`, its scope with it."""
    stage = subject.stage
    stage.OverridePrim(path.GetParentPath())
    if not stage.GetPrimAtPath(path.GetParentPath()).IsDefined():
        UsdGeom.Scope.Define(stage, path.GetParentPath())
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, path.AppendChild("surface"))
    shader.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material, shader


def set_input(shader: UsdShade.Shader, name: str, value: tuple[float, ...]) -> None:
    """Author a constant for an input; a connection to a texture is cut."""
    found = shader.GetInput(name) or shader.CreateInput(name, _KINDS.get(name, Sdf.ValueTypeNames.Float))
    if found.HasConnectedSource():
        found.ClearSources() if not found.GetConnectedSources()[0] else found.DisconnectSource()
    found.Set(Gf.Vec3f(*value) if len(value) == 3 else float(value[0]))


def connect_texture(
    subject: Subject, material: UsdShade.Material, name: str, asset: str, output: str = "rgb", *,
    node: str = "", uv: str = "st",
) -> UsdShade.Shader:  # fmt: skip
    """Author a UsdUVTexture for an input, with the right colour space, and connect it."""
    shader = surface(material)
    assert shader is not None
    stage = subject.stage
    base = material.GetPath()
    reader = UsdShade.Shader.Define(stage, base.AppendChild(f"uv_{uv}"))
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set(uv)
    reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture = UsdShade.Shader.Define(stage, base.AppendChild(node or f"{name}_map"))
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(Sdf.AssetPath(asset))
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB" if name in COLOURS else "raw")
    for side in ("wrapS", "wrapT"):
        texture.CreateInput(side, Sdf.ValueTypeNames.Token).Set("repeat")
    if name == "normal":
        texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
        texture.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
    kind = Sdf.ValueTypeNames.Float3 if output == "rgb" else Sdf.ValueTypeNames.Float
    texture.CreateOutput(output, kind)
    given = shader.GetInput(name) or shader.CreateInput(name, _KINDS.get(name, Sdf.ValueTypeNames.Float))
    given.ConnectToSource(texture.ConnectableAPI(), output)
    subject.changed = True
    return texture


def write_map(
    subject: Subject, name: str, pixels: NDArray, bits: int = 8, suffix: str = ".png", quality: int = 92
) -> str:
    """Keep a new texture; returns the asset path to author."""
    with tempfile.TemporaryDirectory(prefix="refine-") as folder:
        file = Path(folder) / f"{name}{suffix}"
        write_picture(file, pixels, bits, quality)
        return subject.keep(file)


def each_surface(subject: Subject, chosen: Callable[[str], bool]) -> list[tuple[UsdShade.Material, UsdShade.Shader]]:
    """The asset's PreviewSurface materials whose name is chosen; what lies in instances is skipped."""
    found = []
    for material in subject.materials():
        if not chosen(material.GetPrim().GetName()):
            continue
        shader = surface(material)
        if shader is None:
            subject.skip(str(material.GetPath()), "no UsdPreviewSurface: its look is not known here")
        elif material.GetPrim().IsInstanceProxy():
            subject.skip(str(material.GetPath()), "an instance: refine the prim it is an instance of")
        else:
            found.append((material, shader))
    return found


def _upstream(shader: UsdShade.Shader, name: str) -> UsdShade.Shader | None:
    attribute = shader.GetInput(name)
    if not attribute:
        return None
    for source in UsdShade.Utils.GetValueProducingAttributes(attribute):
        producer = UsdShade.Shader(source.GetPrim())
        if producer and producer.GetIdAttr().Get():
            return producer
    return None


def _primvar(texture: UsdShade.Shader) -> str:
    node = _upstream(texture, "st")
    if node is not None and node.GetIdAttr().Get() == "UsdTransform2d":
        node = _upstream(node, "in")
    if node is None:
        return "st"
    name = node.GetInput("varname")
    for source in UsdShade.Utils.GetValueProducingAttributes(name) if name else []:
        if source.Get():
            return str(source.Get())
    return "st"


def _transformed(texture: UsdShade.Shader, uv: NDArray) -> NDArray:
    """UVs after a UsdTransform2d: scale, then rotation in degrees, then translation."""
    node = _upstream(texture, "st")
    if node is None or node.GetIdAttr().Get() != "UsdTransform2d":
        return uv

    def value(name: str, default: Any) -> Any:
        found = node.GetInput(name)
        given = found.Get() if found else None
        return default if given is None else given

    angle = np.radians(float(value("rotation", 0.0)))
    c, s = np.cos(angle), np.sin(angle)
    scaled = np.asarray(uv) * np.array(value("scale", (1, 1)))
    turned = np.stack([c * scaled[:, 0] - s * scaled[:, 1], s * scaled[:, 0] + c * scaled[:, 1]], axis=1)
    return np.asarray(turned + np.array(value("translation", (0, 0))))
