# SPDX-License-Identifier: Apache-2.0
"""What surfaces look like: UsdPreviewSurface's inputs and their textures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["PREVIEW_SURFACE", "Input", "Material", "Texture", "TextureTransform"]


@dataclass(frozen=True, slots=True)
class TextureTransform:
    """UsdTransform2d: `st' = rotate(st * scale, rotation) + translation`; rotation in degrees, anticlockwise."""

    scale: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    translation: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Texture:
    """A UsdUVTexture as one input reads it.

    Attributes
    ----------
    path
        Where the picture is: a file, or `archive.usdz[inner/path]`; empty where it does not resolve. Read it with
        `pipeline.usd.scene.read_texture`.
    asset
        The path as authored.
    channel
        `rgb`, `r`, `g`, `b`, `a`.
    uv_set
        The primvar that the coordinates come from.
    wrap_s, wrap_t
        `repeat`, `mirror`, `clamp`, `black`, `useMetadata`.
    scale, bias
        `value = texel * scale + bias`, RGBA.
    color_space
        `sRGB`, `raw` or `auto`.
    tiles
        UDIM: `((1001, path), …)` that exist.
    """

    path: str
    asset: str
    channel: str = "rgb"
    uv_set: str = "st"
    wrap_s: str = "useMetadata"
    wrap_t: str = "useMetadata"
    transform: TextureTransform | None = None
    scale: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    bias: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    fallback: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    color_space: str = "auto"
    tiles: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """What feeds one input of a surface: a constant, and a texture or primvar that counts instead of it."""

    value: tuple[float, ...]
    texture: Texture | None = None
    primvar: str = ""


#: UsdPreviewSurface's inputs and their fallbacks
PREVIEW_SURFACE: dict[str, tuple[float, ...]] = {
    "diffuseColor": (0.18, 0.18, 0.18),
    "emissiveColor": (0.0, 0.0, 0.0),
    "useSpecularWorkflow": (0.0,),
    "specularColor": (0.0, 0.0, 0.0),
    "metallic": (0.0,),
    "roughness": (0.5,),
    "clearcoat": (0.0,),
    "clearcoatRoughness": (0.01,),
    "opacity": (1.0,),
    "opacityThreshold": (0.0,),
    "ior": (1.5,),
    "normal": (0.0, 0.0, 1.0),
    "displacement": (0.0,),
    "occlusion": (1.0,),
}


@dataclass(frozen=True, eq=False)
class Material:
    """A UsdPreviewSurface, or what stands for another surface.

    Attributes
    ----------
    inputs
        Only what was authored; `get` fills in the fallbacks.
    opacity_mode
        `transparent` or `presence`.
    """

    name: str
    path: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    opacity_mode: str = "transparent"

    def get(self, name: str) -> Input:
        """The input of that name, authored or fallback."""
        found = self.inputs.get(name)
        return found if found is not None else Input(PREVIEW_SURFACE[name])

    def scalar(self, name: str) -> float:
        """The constant of a one-number input."""
        return self.get(name).value[0]

    def texture(self, name: str) -> Texture | None:
        """The texture of an input, where there is one."""
        found = self.inputs.get(name)
        return found.texture if found else None

    @property
    def textures(self) -> tuple[Texture, ...]:
        """All textures, in the order of the inputs."""
        return tuple(i.texture for i in self.inputs.values() if i.texture)
