# SPDX-License-Identifier: Apache-2.0
"""Which input of a material is read from which texture: by one picture or UDIM tiles, wrapped and transformed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import UsdShade

from pipeline.refiners.core.images import Picture, read_picture, sample, size_of, srgb_to_linear

__all__ = ["CHANNEL", "Map", "lookup_of", "maps", "surface", "texels_of"]

#: channels of a picture that each output of UsdUVTexture gives
CHANNEL = {"r": (0,), "g": (1,), "b": (2,), "a": (3,), "rgb": (0, 1, 2)}


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

    @cached_property
    def path(self) -> str:
        """The file, of UDIM tiles the first, or nothing where it does not resolve."""
        if self.udim:
            return next(iter(self.tiles.values()), "")
        value = self.shader.GetInput("file").Get()
        return str(value.resolvedPath) if value else ""

    @property
    def udim(self) -> bool:
        """Whether the path stands for UDIM tiles."""
        return bool(UsdShade.UdimUtils.IsUdimIdentifier(self.asset))

    @cached_property
    def tiles(self) -> dict[int, str]:
        """The files of UDIM tiles by number, 1001 first; of one picture `{0: path}`; empty where none resolves."""
        if not self.udim:
            return {0: self.path} if self.path else {}
        for spec in self.shader.GetInput("file").GetAttr().GetPropertyStack():
            found = UsdShade.UdimUtils.ResolveUdimTilePaths(self.asset, spec.layer)
            if found:
                return {int(tile): str(path) for path, tile in sorted(found, key=lambda pair: pair[1])}
        return {}

    @cached_property
    def picture(self) -> Picture:
        """The decoded file, of UDIM tiles the first."""
        return read_picture(self.path or self.asset, str(self.shader.GetPath()))

    @cached_property
    def pictures(self) -> dict[int, Picture]:
        """Every tile decoded."""
        return {n: self.picture if p == self.path else read_picture(p, str(self.shader.GetPath()))
                for n, p in self.tiles.items()}  # fmt: skip

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
        place = _transformed(self.shader, uv)
        if not self.udim:
            return self._given(sample(self.picture.pixels, place, self.wrap))
        count = max(p.pixels.shape[2] for p in self.pictures.values())
        whole = np.floor(place).astype(np.int64)
        number = 1001 + whole[:, 0].clip(0, 9) + 10 * np.maximum(whole[:, 1], 0)
        result = np.zeros((len(place), len(CHANNEL.get(self.output, (0, 1, 2)))), np.float32)
        for tile, picture in self.pictures.items():
            mine = number == tile
            texel = sample(picture.pixels, place[mine] - whole[mine], ("clamp", "clamp"))
            result[mine] = self._given(texel[:, :count])
        return result

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
        return np.asarray(full[:, list(CHANNEL.get(self.output, (0, 1, 2)))], np.float32)

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


def texels_of(read: Map, uv: NDArray) -> float:
    """Texels of the picture that (t, 3, 2) UVs of triangles span, repeats counted."""
    place = _transformed(read.shader, uv.reshape(-1, 2)).reshape(-1, 3, 2)
    u, v = place[:, 1] - place[:, 0], place[:, 2] - place[:, 0]
    width, height = size_of(read.path)[:2]
    return float(np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum()) / 2 * width * height


def lookup_of(read: Map) -> tuple[object, ...]:
    """How a texture is laid on: two that give the same are laid on alike."""
    node = _upstream(read.shader, "st")
    moved: tuple[str, ...] = ()
    if node is not None and node.GetIdAttr().Get() == "UsdTransform2d":
        moved = tuple(str(i.Get()) if (i := node.GetInput(n)) else "" for n in ("scale", "rotation", "translation"))
    return (read.uv, read.wrap, moved)


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
