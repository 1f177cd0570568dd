# SPDX-License-Identifier: Apache-2.0
"""One input's values as a picture of their own, for formats that can name no channel, factor or offset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.exporters.pictures import Pixels, curve, decode, encode, kind_of, resized, sound_png
from pipeline.usd.scene import Texture, read_texture
from pipeline.usd.scene.textures import inner_name

__all__ = ["Picture", "as_it_is", "baked", "delivered", "picture_of"]

COLORS = frozenset({"diffuseColor", "emissiveColor", "specularColor"})
_NORMAL: tuple[tuple[float, ...], ...] = ((2.0, 2.0, 2.0), (-1.0, -1.0, -1.0))
_IDENTITY: tuple[tuple[float, ...], ...] = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Picture:
    """A file's name and bytes."""

    name: str
    data: bytes


def as_it_is(texture: Texture, slot: str) -> bool:
    """Whether an input reads the picture just as every reader of such a format would."""
    factors: tuple[tuple[float, ...], ...] = (tuple(texture.scale[:3]), tuple(texture.bias[:3]))
    if slot == "normal":
        return factors in (_NORMAL, _IDENTITY)
    return slot in COLORS and texture.channel == "rgb" and factors == _IDENTITY


def picture_of(path: str) -> Picture:
    """The picture at a texture path, as it is.

    Raises
    ------
    ExportError
        It is no picture, or breaks off.
    StageError
        It cannot be read.
    """
    data = read_texture(path)
    kind = kind_of(data)
    if (kind == "png" and not sound_png(data)) or not data:
        raise ExportError("a texture breaks off", path=path, remedy="save it again")
    if not kind:
        decode(path, color=False)  # raises for what is no picture
    return Picture(inner_name(path), data)


def baked(path: str, texture: Texture, slot: str) -> Picture:
    """The values that one input reads; the picture itself where it holds nothing else.

    Scalars become one grey channel, colours and normals three. Factors count on linear values, as in
    UsdUVTexture.

    Raises
    ------
    ExportError
        It is no picture that opens.
    """
    color = slot in COLORS
    pixels = decode(path, color=color)
    scale, bias = np.array(texture.scale, np.float32), np.array(texture.bias, np.float32)
    identity = texture.scale == (1.0, 1.0, 1.0, 1.0) and not any(texture.bias)
    name = f"{PurePosixPath(inner_name(path)).stem}_{slot}.png"
    if color or slot == "normal":
        rgb = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
        if texture.channel != "rgb":
            rgb = np.repeat(_channel(pixels, texture.channel), 3, axis=2)
        values: NDArray[np.floating] = rgb.astype(np.float32) / 255
        if color and texture.color_space != "raw":
            values = curve(curve(values, back=True) * scale[:3] + bias[:3])
        else:
            values = values * scale[:3] + bias[:3]
            if slot == "normal":
                values = values * 0.5 + 0.5
        return Picture(name, encode(_eight_bit(values), "png"))
    channel = "r" if texture.channel == "rgb" else texture.channel
    if identity and channel != "a" and _grey(pixels) and kind_of(read_texture(path)):
        return picture_of(path)
    which = "rgba".index(channel)
    grey = _channel(pixels, channel)
    if not identity:
        grey = _eight_bit(grey.astype(np.float32) / 255 * scale[which] + bias[which])
    return Picture(name, encode(np.ascontiguousarray(grey), "png"))


def delivered(picture: Picture, max_size: int, form: str) -> Picture:
    """The picture no larger than a target wants, and in the form it wants; `keep` keeps the form."""
    kind = kind_of(picture.data)
    wanted = kind if form in ("keep", "webp") or not kind else form
    if (not max_size and wanted == kind) or not kind:
        return picture
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=f".{kind}") as file:
        file.write(picture.data)
        file.flush()
        pixels = decode(file.name, color=False)
    height, width = pixels.shape[:2]
    share = max_size / max(height, width) if max_size else 1.0
    if wanted == "jpeg" and pixels.shape[2] in (2, 4):
        wanted = "png"
    if share >= 1 and wanted == kind:
        return picture
    if share < 1:
        pixels = resized(pixels, max(1, round(width * share)), max(1, round(height * share)))
    suffix = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}[wanted]
    name = f"{PurePosixPath(picture.name).stem}{suffix}"
    return Picture(name, encode(pixels, wanted))  # type: ignore[arg-type]


def _channel(pixels: Pixels, name: str) -> Pixels:
    channels = pixels.shape[2]
    if name == "a":
        if channels in (2, 4):
            return pixels[..., channels - 1 :]
        return np.full((*pixels.shape[:2], 1), 255, np.uint8)
    index = "rgb".index(name) if channels >= 3 else 0
    return pixels[..., index : index + 1]


def _grey(pixels: Pixels) -> bool:
    """One channel, or three that say the same."""
    if pixels.shape[2] == 1:
        return True
    return pixels.shape[2] == 3 and bool(
        (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()
    )


def _eight_bit(values: NDArray[np.floating]) -> Pixels:
    return np.asarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
