# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface networks to inputs; other surfaces reduced to one, with a report."""

from __future__ import annotations

from typing import Any

from pxr import Sdf, UsdShade

from pipeline.usd.scene.model import PREVIEW_SURFACE, Input, Material, Texture, TextureTransform
from pipeline.usd.scene.report import Report

__all__ = ["read_material"]

#: where other surfaces keep what UsdPreviewSurface calls by the first name
_OTHER = {
    "standard_surface": {
        "diffuseColor": "base_color", "metallic": "metalness", "roughness": "specular_roughness",
        "emissiveColor": "emission_color", "opacity": "opacity", "ior": "specular_IOR", "normal": "normal",
        "clearcoat": "coat", "clearcoatRoughness": "coat_roughness",
    },
    "open_pbr": {
        "diffuseColor": "base_color", "metallic": "base_metalness", "roughness": "specular_roughness",
        "emissiveColor": "emission_color", "opacity": "geometry_opacity", "ior": "specular_ior",
        "normal": "geometry_normal", "clearcoat": "coat_weight", "clearcoatRoughness": "coat_roughness",
    },
    "gltf_pbr": {
        "diffuseColor": "base_color", "metallic": "metallic", "roughness": "roughness",
        "emissiveColor": "emissive", "opacity": "alpha", "ior": "ior", "normal": "normal",
        "occlusion": "occlusion", "clearcoat": "clearcoat", "clearcoatRoughness": "clearcoat_roughness",
        "opacityThreshold": "alpha_cutoff",
    },
}  # fmt: skip
_OTHER["UsdPreviewSurface"] = {name: name for name in PREVIEW_SURFACE}
_CHANNELS = {"rgb", "rgba", "r", "g", "b", "a"}
_DEPTH = 32


def read_material(prim: Any, time: Any, report: Report) -> Material:
    """What a UsdShadeMaterial looks like, as UsdPreviewSurface inputs."""
    material = UsdShade.Material(prim)
    path = str(prim.GetPath())
    surface = _surface(material)
    if surface is None:
        report.lose(path, "material", _why_no_surface(prim))
        return Material(prim.GetName(), path)
    identifier = str(surface.GetIdAttr().Get() or "")
    network = _Network(path, time, report)
    if identifier == "UsdPreviewSurface":
        names = {name: name for name in PREVIEW_SURFACE}
    else:
        kind = next((k for k in _OTHER if k.lower() in identifier.lower()), None)
        if kind is None:
            report.reduce(path, "surface shader", f"{identifier or 'a shader without an id'} has no counterpart")
            return Material(prim.GetName(), path)
        names = _OTHER[kind]
        report.reduce(path, f"surface shader {identifier}", "reduced to UsdPreviewSurface's inputs")
        network.report_rest(surface, set(names.values()))
    inputs = {}
    for name, theirs in names.items():
        found = network.input(surface, theirs, PREVIEW_SURFACE[name])
        if found is not None:
            inputs[name] = found
    if "displacement" in inputs and (inputs["displacement"].texture or any(inputs["displacement"].value)):
        report.reduce(path, "displacement", "not applied to the exported surface")
    for name in ("opacityThreshold", "useSpecularWorkflow"):
        if name in inputs and (inputs[name].texture or inputs[name].primvar):
            report.reduce(path, f"texture of {name}", "only its constant counts")
            inputs[name] = Input(inputs[name].value)
    if identifier != "UsdPreviewSurface":
        network.mend(surface, inputs)
    mode = surface.GetInput("opacityMode")
    return Material(prim.GetName(), path, inputs, str(mode.Get()) if mode and mode.Get() else "transparent")


def _surface(material: Any) -> Any:
    """The universal surface shader, else the one of MaterialX; None where there is none."""
    for context in ("", "mtlx"):
        found = material.ComputeSurfaceSource(context)
        source = found[0] if isinstance(found, tuple) else found
        if source:
            return source
    for output in material.GetSurfaceOutputs():
        for attribute in UsdShade.Utils.GetValueProducingAttributes(output):
            shader = UsdShade.Shader(attribute.GetPrim())
            if shader:
                return shader
    return None


def _why_no_surface(prim: Any) -> str:
    for spec in prim.GetPrimStack():
        for reference in spec.referenceList.GetAddedOrExplicitItems():
            if reference.assetPath.endswith(".mtlx"):
                return f"{reference.assetPath} needs USD's MaterialX plug-in, which this usd-core has not"
    return "it has no surface shader"


class _Network:
    """Follows connections of one material."""

    def __init__(self, path: str, time: Any, report: Report) -> None:
        self.path, self.time, self.report = path, time, report

    def input(self, shader: Any, name: str, fallback: tuple[float, ...]) -> Input | None:
        """One input of the surface; None where nothing was authored."""
        found = shader.GetInput(name)
        if not found:
            return None
        attribute = self._producer(found)
        if attribute is None:
            return None
        if UsdShade.Utils.GetType(attribute.GetName()) != UsdShade.AttributeType.Output:
            value = _numbers(attribute.Get(self.time), len(fallback))
            return None if value is None else Input(value)
        own = _numbers(found.GetAttr().Get(self.time), len(fallback)) or fallback
        return self._from_shader(attribute, own, name, 0)

    def _producer(self, connectable_input: Any) -> Any:
        """The attribute that gives an input its value, through node graphs and interfaces."""
        try:
            found = connectable_input.GetValueProducingAttributes()
        except RuntimeError:
            found = []
        return found[0] if found else None

    def _from_shader(self, attribute: Any, own: tuple[float, ...], name: str, depth: int) -> Input:
        shader = UsdShade.Shader(attribute.GetPrim())
        identifier = str(shader.GetIdAttr().Get() or "") if shader else ""
        output = UsdShade.Utils.GetBaseNameAndType(attribute.GetName())[0]
        if identifier == "UsdUVTexture":
            return self._texture(shader, output, own, name)
        if identifier.startswith("UsdPrimvarReader_"):
            return Input(own, primvar=str(self._value(shader, "varname") or ""))
        if identifier.startswith("ND_image") or identifier.startswith("ND_tiledimage"):
            return self._mtlx_image(shader, own, name, identifier)
        if identifier.startswith("ND_") and depth < _DEPTH:
            for below in shader.GetInputs():
                source = self._producer(below)
                if source is not None and UsdShade.Utils.GetType(source.GetName()) == (UsdShade.AttributeType.Output):
                    if identifier != "ND_normalmap" and not identifier.startswith("ND_normalmap_"):
                        self.report.reduce(self.path, f"shader node {identifier}", "only what feeds it was kept")
                    return self._from_shader(source, own, name, depth + 1)
        what = identifier or f"<{attribute.GetPrim().GetPath()}>"
        self.report.reduce(self.path, f"shader node {what}", f"it feeds {name}, which became a constant")
        return Input(own)

    def _value(self, shader: Any, name: str) -> Any:
        found = shader.GetInput(name)
        if not found:
            return None
        attribute = self._producer(found)
        return None if attribute is None else attribute.Get(self.time)

    def _texture(self, shader: Any, output: str, own: tuple[float, ...], name: str) -> Input:
        path, asset, tiles = self._file(shader, "file")
        fallback = _numbers(self._value(shader, "fallback"), 4) or (0.0, 0.0, 0.0, 1.0)
        if not path and not tiles:
            self.report.lose(self.path, f"texture of {name}", f"{asset or 'no file'} does not resolve")
            if shader.GetInput("fallback"):
                own = _picked(fallback, output, len(own))
            return Input(own)
        uv_set, transform = self._coordinates(shader, name)
        return Input(
            own,
            Texture(
                path=path,
                asset=asset,
                channel=output if output in _CHANNELS else "rgb",
                uv_set=uv_set,
                wrap_s=str(self._value(shader, "wrapS") or "useMetadata"),
                wrap_t=str(self._value(shader, "wrapT") or "useMetadata"),
                transform=transform,
                scale=_four(self._value(shader, "scale"), 1.0),
                bias=_four(self._value(shader, "bias"), 0.0),
                fallback=_four(fallback, 0.0),
                color_space=str(self._value(shader, "sourceColorSpace") or "auto"),
                tiles=tiles,
            ),
        )

    def _coordinates(self, shader: Any, name: str) -> tuple[str, TextureTransform | None]:
        """The UV set that a texture reads, and the transform on the way."""
        transform: TextureTransform | None = None
        current, wanted = shader, "st"
        for _ in range(_DEPTH):
            found = current.GetInput(wanted)
            source = self._producer(found) if found else None
            if source is None or UsdShade.Utils.GetType(source.GetName()) != UsdShade.AttributeType.Output:
                return "st", transform
            current = UsdShade.Shader(source.GetPrim())
            identifier = str(current.GetIdAttr().Get() or "")
            if identifier == "UsdTransform2d":
                if transform is not None:
                    self.report.reduce(self.path, "texture transforms in a row", f"on {name}: one was kept")
                scale = self._value(current, "scale") or (1.0, 1.0)
                move = self._value(current, "translation") or (0.0, 0.0)
                transform = TextureTransform(
                    (float(scale[0]), float(scale[1])),
                    float(self._value(current, "rotation") or 0.0),
                    (float(move[0]), float(move[1])),
                )
                wanted = "in"
            elif identifier.startswith("UsdPrimvarReader"):
                return str(self._value(current, "varname") or "st"), transform
            elif identifier.startswith(("ND_geompropvalue", "ND_UsdPrimvarReader")):
                return str(self._value(current, "geomprop") or self._value(current, "varname") or "st"), transform
            elif identifier.startswith("ND_texcoord"):
                return "st", transform
            else:
                self.report.reduce(self.path, f"shader node {identifier}", f"it feeds the UVs of {name}")
                return "st", transform
        return "st", transform

    def _file(self, shader: Any, name: str) -> tuple[str, str, tuple[tuple[int, str], ...]]:
        """Resolved path, authored path, UDIM tiles."""
        found = shader.GetInput(name)
        attribute = self._producer(found) if found else None
        value = attribute.Get(self.time) if attribute is not None else None
        if attribute is None or not isinstance(value, Sdf.AssetPath) or not value.path:
            return "", "", ()
        if not UsdShade.UdimUtils.IsUdimIdentifier(value.path):
            return value.resolvedPath, value.path, ()
        layer = next((s.layer for s in attribute.GetPropertyStack(self.time)), None)
        tiles = UsdShade.UdimUtils.ResolveUdimTilePaths(value.path, layer) if layer else []
        return "", value.path, tuple(sorted((int(tile), path) for path, tile in tiles))

    def _mtlx_image(self, shader: Any, own: tuple[float, ...], name: str, identifier: str) -> Input:
        path, asset, tiles = self._file(shader, "file")
        if not path and not tiles:
            self.report.lose(self.path, f"texture of {name}", f"{asset or 'no file'} does not resolve")
            return Input(own)
        found = shader.GetInput("texcoord")
        uv_set = "st"
        if found:
            uv_set = self._coordinates_of(found)
        space = shader.GetInput("file").GetAttr().GetColorSpace()
        channel = "r" if identifier.endswith("_float") else "rgb"
        wrap = {"clamp": "clamp", "mirror": "mirror", "constant": "black"}
        return Input(
            own,
            Texture(
                path=path,
                asset=asset,
                channel=channel,
                uv_set=uv_set,
                wrap_s=wrap.get(str(self._value(shader, "uaddressmode")), "repeat"),
                wrap_t=wrap.get(str(self._value(shader, "vaddressmode")), "repeat"),
                color_space="sRGB" if "srgb" in space.lower() else "raw" if space else "auto",
                tiles=tiles,
            ),
        )

    def _coordinates_of(self, found: Any) -> str:
        source = self._producer(found)
        if source is None:
            return "st"
        shader = UsdShade.Shader(source.GetPrim())
        return str(self._value(shader, "geomprop") or self._value(shader, "varname") or "st")

    def report_rest(self, shader: Any, known: set[str]) -> None:
        """Name the authored inputs that have no counterpart."""
        rest = sorted(
            i.GetBaseName() for i in shader.GetInputs()
            if i.GetBaseName() not in known and i.GetBaseName() not in {"base", "emission", "specular"}
        )  # fmt: skip
        if rest:
            self.report.reduce(self.path, "surface inputs", f"no counterpart for {', '.join(rest)}")

    def mend(self, shader: Any, inputs: dict[str, Input]) -> None:
        """Fold the weights that other surfaces keep beside a colour into it."""
        for name, weight, fallback in (("diffuseColor", "base", 1.0), ("emissiveColor", "emission", 0.0)):
            if name not in inputs or weight not in {i.GetBaseName() for i in shader.GetInputs()}:
                continue
            factor = self._value(shader, weight)
            factor = fallback if not isinstance(factor, float) else factor
            old = inputs[name]
            inputs[name] = Input(tuple(v * factor for v in old.value), old.texture, old.primvar)
        if "opacity" in inputs and len(inputs["opacity"].value) > 1:
            inputs["opacity"] = Input(inputs["opacity"].value[:1], inputs["opacity"].texture)


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """A value as `count` numbers, or None where it is something else."""
    if value is None or isinstance(value, (str, Sdf.AssetPath)):
        return None
    try:
        numbers = tuple(float(v) for v in value)
    except TypeError:
        numbers = (float(value),)
    if not all(abs(n) < 1e30 for n in numbers):
        return None
    if len(numbers) < count:
        numbers = numbers * count if len(numbers) == 1 else (*numbers, *(1.0,) * (count - len(numbers)))
    return numbers[:count]


def _four(value: Any, missing: float) -> tuple[float, float, float, float]:
    numbers = _numbers(value, 4)
    return (missing,) * 4 if numbers is None else numbers  # type: ignore[return-value]


def _picked(rgba: tuple[float, ...], output: str, count: int) -> tuple[float, ...]:
    if output in {"r", "g", "b", "a"}:
        return (rgba["rgba".index(output)],) * count
    return rgba[:count]
