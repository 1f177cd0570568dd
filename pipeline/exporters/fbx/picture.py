# SPDX-License-Identifier: Apache-2.0
"""Pictures that a format without channel names, factors and offsets can use: one input's values, baked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.usd.scene import Texture

__all__ = ["Picture", "bake", "plain"]

COLORS = {"diffuseColor", "emissiveColor", "specularColor"}
_STANDARD_NORMAL: tuple[tuple[float, ...], ...] = ((2.0, 2.0, 2.0), (-1.0, -1.0, -1.0))
_IDENTITY: tuple[tuple[float, ...], ...] = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Picture:
    """A file's name and bytes."""

    name: str
    data: bytes


def plain(texture: Texture, slot: str) -> bool:
    """Whether an input reads the picture just as every reader of the format would."""
    factors: tuple[tuple[float, ...], ...] = (tuple(texture.scale[:3]), tuple(texture.bias[:3]))
    if slot == "normal":
        return factors in (_STANDARD_NORMAL, _IDENTITY)
    return slot in COLORS and texture.channel == "rgb" and factors == _IDENTITY


def bake(picture: Picture, texture: Texture, slot: str) -> Picture:
    """The values of one input as a picture of their own; the same picture where nothing had to change.

    Scalars become one grey channel, colours three. Factors count on linear values, as in UsdUVTexture.

    Raises
    ------
    ExportError
        The picture cannot be decoded.
    """
    pixels, transfer = _decode(picture, texture, slot)
    channels = pixels.shape[2]
    scale, bias = np.array(texture.scale, np.float32), np.array(texture.bias, np.float32)
    identity = texture.scale == (1.0, 1.0, 1.0, 1.0) and not any(texture.bias)
    if slot in COLORS or slot == "normal":
        rgb = pixels[..., :3] if channels >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
        if texture.channel != "rgb":
            rgb = np.repeat(_channel(pixels, texture.channel), 3, axis=2)
        values = rgb * scale[:3] + bias[:3]
        if slot == "normal":
            values = values * 0.5 + 0.5
        elif transfer:
            values = _encode(values)
        return _encoded(picture, values, slot)
    channel = "r" if texture.channel == "rgb" else texture.channel
    grey = channels < 3 or bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    if identity and channel != "a" and grey and channels in (1, 3):
        return picture
    which = "rgba".index(channel)
    return _encoded(picture, _channel(pixels, channel) * scale[which] + bias[which], slot)


def _channel(pixels: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    channels = pixels.shape[2]
    if name == "a":
        if channels in (2, 4):
            return pixels[..., channels - 1 :]
        return np.ones((*pixels.shape[:2], 1), np.float32)
    index = "rgb".index(name) if channels >= 3 else 0
    return pixels[..., index : index + 1]


def _decode(picture: Picture, texture: Texture, slot: str) -> tuple[NDArray[np.float32], bool]:
    """Pixels, linear where they are colours with factors, and whether they were decoded from sRGB."""
    import OpenImageIO as oiio

    with tempfile.NamedTemporaryFile(suffix=PurePosixPath(picture.name).suffix or ".png") as file:
        file.write(picture.data)
        file.flush()
        image = oiio.ImageInput.open(file.name)
        pixels: Any = image.read_image(format="float") if image else None
        if image:
            eight_bit = image.spec().format == oiio.UINT8
            image.close()
    if pixels is None:
        raise ExportError(f"{picture.name} is no picture that can be decoded")
    coded = texture.color_space == "sRGB" or (
        texture.color_space == "auto" and eight_bit and pixels.shape[2] >= 3 and slot in COLORS
    )
    if coded and slot in COLORS:
        rgb = pixels[..., :3]
        low = rgb / 12.92
        pixels[..., :3] = np.where(rgb <= 0.04045, low, np.power((rgb + 0.055) / 1.055, 2.4))
        return pixels, True
    return pixels, False


def _encode(values: NDArray[np.float32]) -> NDArray[np.float32]:
    from .geometry import encode_srgb

    return encode_srgb(values)


def _encoded(picture: Picture, values: NDArray[np.float32], slot: str) -> Picture:
    import OpenImageIO as oiio

    name = f"{PurePosixPath(picture.name).stem}_{slot}.png"
    pixels = np.ascontiguousarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "picture.png")
        out = oiio.ImageOutput.create(path)
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], oiio.UINT8)
        spec.attribute("png:compressionLevel", 3)
        if not out or not out.open(path, spec) or not out.write_image(pixels):
            raise ExportError(f"{name} cannot be encoded")
        out.close()
        return Picture(name, Path(path).read_bytes())
