# SPDX-License-Identifier: Apache-2.0
"""UsdPreviewSurface as renderers need it: constants and pictures in linear Rec.709."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.render.textures import Map, TextureReader
from pipeline.usd.scene import Material
from pipeline.usd.scene.model import PREVIEW_SURFACE

Array = NDArray[Any]

#: what a surface without material looks like (UsdPreviewSurface's fallback diffuseColor, matte)
DEFAULT = Material("default", "")
#: the inputs that a picture can show, with their number of channels
CHANNELS = {
    "diffuseColor": 3, "emissiveColor": 3, "specularColor": 3, "metallic": 1, "roughness": 1, "clearcoat": 1,
    "clearcoatRoughness": 1, "opacity": 1, "normal": 3, "occlusion": 1,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Surface:
    """A material with its pictures read.

    Attributes
    ----------
    values
        The constant of every input of UsdPreviewSurface.
    maps
        Pictures that count instead of a constant.
    primvar
        The primvar that diffuseColor reads (`displayColor`), empty for none.
    """

    name: str
    path: str
    values: dict[str, tuple[float, ...]]
    maps: dict[str, Map] = field(default_factory=dict)
    primvar: str = ""
    opacity_primvar: str = ""
    presence: bool = False

    def value(self, name: str) -> Array:
        """``(channels,)``: the constant, or the mean of the picture."""
        found = self.maps.get(name)
        return found.mean if found else np.asarray(self.values[name], np.float64)

    @property
    def cutout(self) -> bool:
        """Opacity is a mask: there or not."""
        return self.values["opacityThreshold"][0] > 0

    @property
    def see_through(self) -> bool:
        """Light passes somewhere."""
        return "opacity" in self.maps or self.values["opacity"][0] < 1 or bool(self.opacity_primvar)


def read_surface(material: Material, reader: TextureReader) -> Surface:
    """A material's inputs with their pictures; a picture that cannot be read leaves the constant and a note."""
    values = {name: tuple(material.get(name).value) for name in PREVIEW_SURFACE}
    maps: dict[str, Map] = {}
    for name, count in CHANNELS.items():
        texture = material.texture(name)
        if texture is None:
            continue
        found = reader.map(texture, count)
        if found is not None:
            maps[name] = found
        else:
            values[name] = tuple(texture.fallback[:count]) if name != "normal" else (0.0, 0.0, 1.0)
    colour_source = material.inputs.get("diffuseColor")
    opacity_source = material.inputs.get("opacity")
    return Surface(
        name=material.name,
        path=material.path,
        values=values,
        maps=maps,
        primvar="displayColor" if material is DEFAULT else colour_source.primvar if colour_source else "",
        opacity_primvar="displayOpacity" if material is DEFAULT else opacity_source.primvar if opacity_source else "",
        presence=material.opacity_mode == "presence",
    )
