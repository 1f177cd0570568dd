# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface materials: which input has which value, which is read from which texture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pxr import Gf, Sdf, UsdGeom, UsdShade

from pipeline.refiners.core.images import write_picture
from pipeline.refiners.core.lookups import Map, maps, surface
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
    "write_tiles",
]

#: inputs that hold colours; all others hold data
COLOURS = ("diffuseColor", "emissiveColor", "specularColor")
#: what UsdPreviewSurface says where nothing is authored
DEFAULTS: dict[str, tuple[float, ...]] = {
    "diffuseColor": (0.18, 0.18, 0.18), "emissiveColor": (0, 0, 0), "specularColor": (0, 0, 0),
    "metallic": (0.0,), "roughness": (0.5,), "opacity": (1.0,), "occlusion": (1.0,), "normal": (0, 0, 1),
    "clearcoat": (0.0,), "clearcoatRoughness": (0.01,), "ior": (1.5,), "displacement": (0.0,),
}  # fmt: skip
_KINDS = {
    "diffuseColor": Sdf.ValueTypeNames.Color3f, "emissiveColor": Sdf.ValueTypeNames.Color3f,
    "specularColor": Sdf.ValueTypeNames.Color3f, "normal": Sdf.ValueTypeNames.Normal3f,
}  # fmt: skip


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
    subject: Subject, name: str, pixels: NDArray, bits: int = 8, suffix: str = ".png", quality: int = 92, *,
    colour: bool = False,
) -> str:  # fmt: skip
    """Keep a new texture, tagged as sRGB where it holds colours; returns the asset path to author."""
    with tempfile.TemporaryDirectory(prefix="refine-") as folder:
        file = Path(folder) / f"{name}{suffix}"
        write_picture(file, pixels, bits, quality, colour=colour)
        return subject.keep(file)


def write_tiles(
    subject: Subject, name: str, tiles: Mapping[int, tuple[NDArray, int]], suffix: str, quality: int = 92, *,
    colour: bool = False,
) -> str:  # fmt: skip
    """Keep UDIM tiles, each with its bits of a channel; returns the asset path with `<UDIM>` in it."""
    with tempfile.TemporaryDirectory(prefix="refine-") as folder:
        for tile, (pixels, bits) in tiles.items():
            write_picture(Path(folder) / f"{name}.{tile}{suffix}", pixels, bits, quality, colour=colour)
        return subject.keep(Path(folder) / f"{name}.<UDIM>{suffix}")


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
