# SPDX-License-Identifier: Apache-2.0
"""What textures of a UsdPreviewSurface say to glTF: whether a picture can stay, and its new pixels if not."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.exporters.pictures import Pixels, curve, decode, mapped
from pipeline.usd.scene.model import Texture

__all__ = ["CHANNEL", "ONE", "as_factor", "channel", "colored", "is_packed", "is_srgb", "plain", "three", "together"]

ONE = (1.0, 1.0, 1.0, 1.0)
_ZERO = (0.0, 0.0, 0.0, 0.0)
#: place of a channel in a pixel
CHANNEL = {"r": 0, "g": 1, "b": 2, "a": 3}


def together(a: Texture, b: Texture | None) -> bool:
    """Whether two textures lie on the surface in the same way."""
    return b is not None and (a.uv_set, a.transform, a.wrap_s, a.wrap_t) == (
        b.uv_set, b.transform, b.wrap_s, b.wrap_t,
    )  # fmt: skip


def plain(texture: Texture) -> bool:
    """Whether the picture's own numbers are the values."""
    return texture.scale == ONE and texture.bias == _ZERO and texture.color_space != "sRGB"


def is_srgb(texture: Texture) -> bool:
    return texture.color_space in {"sRGB", "auto"}


def as_factor(texture: Texture, count: int) -> tuple[float, ...] | None:
    """The scale as glTF's factor; None where only new pixels can say it."""
    scale = texture.scale[:count]
    if any(texture.bias[:count]) or any(s < 0 or s > 1 for s in scale):
        return None
    return scale


def is_packed(rough: Texture | None, metal: Texture | None, metallic: float) -> bool:
    """Whether a picture already has roughness in green and metallic in blue."""
    for texture in (rough, metal):
        if texture is None:
            continue
        if any(texture.bias) or texture.color_space == "sRGB" or any(s < 0 or s > 1 for s in texture.scale):
            return False
    if rough is not None and metal is not None:
        return rough.path == metal.path and rough.channel == "g" and metal.channel == "b" and together(rough, metal)
    if rough is not None:
        return rough.channel == "g" and metallic == 0
    return False


def three(pixels: Pixels) -> Pixels:
    if pixels.shape[2] >= 3:
        return pixels[..., :3]
    return np.repeat(pixels[..., :1], 3, axis=2)


def channel(texture: Texture) -> Pixels:
    """One channel of a data texture with its scale and bias, `(h, w) uint8`."""
    pixels = decode(texture.path, color=False)
    index = min(CHANNEL.get(texture.channel, 0), pixels.shape[2] - 1)
    if texture.channel == "a" and pixels.shape[2] in (1, 3):
        return np.full(pixels.shape[:2], 255, np.uint8)
    if texture.channel != "a" and pixels.shape[2] in (1, 2):
        index = 0
    plane = pixels[..., index]
    number = CHANNEL.get(texture.channel, 0)
    scale, bias, straight = texture.scale[number], texture.bias[number], texture.color_space == "sRGB"
    if straight and texture.channel != "a":
        return mapped(plane, lambda x: curve(x, back=True) * scale + bias)
    return plane if (scale, bias) == (1.0, 0.0) else mapped(plane, lambda x: x * scale + bias)


def colored(texture: Texture, baked: bool) -> Pixels:
    """A colour texture with the sRGB curve, scale and bias in it where `baked`, `(h, w, 3) uint8`."""
    pixels = decode(texture.path, color=True)
    if texture.channel in {"rgb", "rgba"}:
        rgb = three(pixels)
    else:
        plane = pixels[..., min(CHANNEL[texture.channel], pixels.shape[2] - 1)]
        rgb = np.repeat(plane[..., None], 3, axis=2)
    linear_source = not is_srgb(texture)
    if not baked and not linear_source:
        return rgb
    planes = []
    for k in range(3):
        scale, bias = (texture.scale[k], texture.bias[k]) if baked else (1.0, 0.0)

        def change(x: Any, scale: float = scale, bias: float = bias) -> Any:
            light = x if linear_source else curve(x, back=True)
            return curve(np.clip(light * scale + bias, 0, 1))

        planes.append(mapped(rgb[..., k], change))
    return np.stack(planes, -1)
