# SPDX-License-Identifier: Apache-2.0
"""What feeds one input of a surface, as a picture in linear values that can be looked up."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from pipeline.errors import GatesError, RenderError
from pipeline.render import colour
from pipeline.usd.scene import Texture, read_texture

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Map:
    """A picture on a surface.

    Attributes
    ----------
    pixels
        ``(h, w, 1|3) float32``, rows from the top, linear, channel picked, scale and bias applied.
    uv_set
        The primvar that its coordinates come from.
    affine
        ``(3, 2)``: ``[u, v, 1] @ affine`` are the coordinates of the picture, origin at the lower left.
    wrap
        How s and t go on outside of 0..1: `repeat`, `mirror`, `clamp` or `black`.
    """

    pixels: Array
    uv_set: str
    affine: Array
    wrap: tuple[str, str] = ("repeat", "repeat")

    @property
    def mean(self) -> Array:
        """``(channels,)``: the average over the picture."""
        return np.asarray(self.pixels.mean(axis=(0, 1)))

    def coordinates(self, uv: Array) -> Array:
        """``(n, 2)`` coordinates of the picture for ``(n, 2)`` values of the primvar."""
        return np.asarray(uv @ self.affine[:2] + self.affine[2], np.float32)

    def sample(self, uv: Array) -> Array:
        """Bilinear values ``(n, channels) float32`` at ``(n, 2)`` values of the primvar."""
        st = self.coordinates(uv)
        height, width, channels = self.pixels.shape
        x = _wrapped(st[:, 0], self.wrap[0]) * width - 0.5
        y = (1 - _wrapped(st[:, 1], self.wrap[1])) * height - 0.5
        x0, y0 = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        columns = [_texel(x0 + i, width, self.wrap[0]) for i in (0, 1)]
        rows = [_texel(y0 + i, height, self.wrap[1]) for i in (0, 1)]
        flat = self.pixels.reshape(-1, channels)
        top = flat[rows[0] * width + columns[0]] * (1 - fx) + flat[rows[0] * width + columns[1]] * fx
        low = flat[rows[1] * width + columns[0]] * (1 - fx) + flat[rows[1] * width + columns[1]] * fx
        value = top * (1 - fy) + low * fy
        for axis, mode in enumerate(self.wrap):
            if mode == "black":
                value[(st[:, axis] < 0) | (st[:, axis] > 1)] = 0
        return np.asarray(value, np.float32)


def _wrapped(t: Array, mode: str) -> Array:
    if mode == "repeat":
        return t - np.floor(t)
    if mode == "mirror":
        folded = np.mod(t, 2)
        return np.where(folded > 1, 2 - folded, folded)
    return np.clip(t, 0, 1)


def _texel(i: Array, size: int, mode: str) -> Array:
    return np.mod(i, size) if mode == "repeat" else np.clip(i, 0, size - 1)


@dataclass
class TextureReader:
    """Reads each picture once, no larger than a picture of this size can show.

    Attributes
    ----------
    limit
        Pixels along the longer side; larger pictures are reduced when they are read.
    notes
        What could not be read: (path, why).
    """

    limit: int = 1024
    notes: list[tuple[str, str]] = field(default_factory=list)
    _pictures: dict[str, tuple[Array, bool] | None] = field(default_factory=dict)
    _maps: dict[tuple[Any, ...], Map | None] = field(default_factory=dict)

    def map(self, texture: Texture, channels: int) -> Map | None:
        """The picture as an input with 1 or 3 channels reads it; None where it cannot be read."""
        key = (texture, channels)
        if key not in self._maps:
            self._maps[key] = self._map(texture, channels)
        return self._maps[key]

    def _map(self, texture: Texture, channels: int) -> Map | None:
        tiles = texture.tiles or ((1001, texture.path),)
        found = [(tile, self.picture(path)) for tile, path in tiles]
        held = [(tile, p) for tile, p in found if p is not None]
        if not held:
            return None
        columns = max((tile - 1001) % 10 for tile, _ in held) + 1
        rows = max((tile - 1001) // 10 for tile, _ in held) + 1
        if texture.tiles:
            side = max(16, self.limit // max(columns, rows))
            atlas = np.zeros((rows * side, columns * side, channels), np.float32)
            for tile, picture in held:
                left, top = (tile - 1001) % 10 * side, (rows - 1 - (tile - 1001) // 10) * side
                part = _resized(self._values(texture, picture, channels), side, side)
                atlas[top : top + side, left : left + side] = part
            values = atlas
        else:
            values = self._values(texture, held[0][1], channels)
        affine = affine_of(texture)
        affine[:, 0] /= columns
        affine[:, 1] /= rows
        wrap = ("clamp", "clamp") if texture.tiles else (_mode(texture.wrap_s), _mode(texture.wrap_t))
        return Map(values, texture.uv_set, affine, wrap)

    def _values(self, texture: Texture, picture: tuple[Array, bool], channels: int) -> Array:
        pixels, eight_bit = picture
        srgb = texture.color_space == "sRGB"
        if texture.color_space == "auto":
            srgb = eight_bit and pixels.shape[2] >= 3
        rgba = _four(pixels)
        if srgb:
            rgba = np.concatenate([colour.to_linear(rgba[..., :3]).astype(np.float32), rgba[..., 3:]], axis=2)
        rgba = rgba * np.asarray(texture.scale, np.float32) + np.asarray(texture.bias, np.float32)
        if texture.channel in "rgba" and len(texture.channel) == 1:
            one = rgba[..., "rgba".index(texture.channel), None]
            return np.ascontiguousarray(one if channels == 1 else np.repeat(one, 3, axis=2))
        return np.ascontiguousarray(rgba[..., :channels])

    def picture(self, path: str) -> tuple[Array, bool] | None:
        """Stored values ``(h, w, c)`` of a resolved path, and whether they had 8 bits; None and a note if broken."""
        if path not in self._pictures:
            try:
                self._pictures[path] = read_bounded(path, self.limit)
            except GatesError as error:
                self.notes.append((path, error.message))
                self._pictures[path] = None
        return self._pictures[path]


def read_bounded(path: str, limit: int) -> tuple[Array, bool]:
    """A picture from wherever USD's resolver finds it, reduced to `limit` pixels; and whether it had 8 bits.

    Raises
    ------
    pipeline.errors.RenderError
        It is no picture, or broken.
    """
    if "[" not in path and Path(path).is_file():
        return _read_file(path, limit)
    suffix = Path(path.rstrip("]").rsplit("[", 1)[-1]).suffix
    with tempfile.NamedTemporaryFile(suffix=suffix) as unpacked:
        unpacked.write(read_texture(path))
        unpacked.flush()
        return _read_file(unpacked.name, limit, path)


def _read_file(path: str, limit: int, named: str = "") -> tuple[Array, bool]:
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    image = oiio.ImageInput.open(path, config)
    if image is None:
        raise RenderError(f"not a picture: {oiio.geterror().strip() or 'unknown format'}", path=named or path)
    try:
        level, spec = 0, image.spec_dimensions(0, 0)
        # reduced copies inside of the file
        while max(spec.width, spec.height) > 2 * limit and image.seek_subimage(0, level + 1):
            level += 1
            spec = image.spec_dimensions(0, level)
        pixels = image.read_image(0, level, 0, min(spec.nchannels, 4), "float")
        eight_bit = str(spec.format) == "uint8"
        message = image.geterror()
    finally:
        image.close()
    if pixels is None:
        raise RenderError(f"the picture is broken: {message.strip()}", path=named or path)
    pixels = np.asarray(pixels, np.float32)
    height, width = pixels.shape[:2]
    ratio = limit / max(height, width)
    if ratio < 1:
        pixels = _resized(pixels, max(1, math.ceil(width * ratio)), max(1, math.ceil(height * ratio)))
    return pixels, eight_bit


def picture_size(path: str) -> tuple[int, int]:
    """Width and height of a picture from wherever USD's resolver finds it; no pixel is decoded.

    Raises
    ------
    pipeline.errors.RenderError
        It is no picture.
    """
    if "[" in path or not Path(path).is_file():
        with tempfile.NamedTemporaryFile(suffix=Path(path.rstrip("]").rsplit("[", 1)[-1]).suffix) as unpacked:
            unpacked.write(read_texture(path))
            unpacked.flush()
            return _size_of(unpacked.name, path)
    return _size_of(path, path)


def _size_of(file: str, named: str) -> tuple[int, int]:
    image = oiio.ImageInput.open(file)
    if image is None:
        raise RenderError(f"not a picture: {oiio.geterror().strip() or 'unknown format'}", path=named)
    spec = image.spec()
    image.close()
    return int(spec.width), int(spec.height)


def _resized(pixels: Array, width: int, height: int) -> Array:
    """Averaged down (or interpolated up) to this size."""
    if pixels.shape[:2] == (height, width):
        return pixels
    source = oiio.ImageBuf(np.ascontiguousarray(pixels, np.float32))
    roi = oiio.ROI(0, width, 0, height, 0, 1, 0, pixels.shape[2])
    small = oiio.ImageBufAlgo.resize(source, "box" if width < pixels.shape[1] else "triangle", roi=roi)
    return np.asarray(small.get_pixels(oiio.FLOAT), np.float32).reshape(height, width, -1)


def _four(pixels: Array) -> Array:
    """Missing channels as UsdUVTexture fills them: grey to RGB, alpha one."""
    count = pixels.shape[2]
    if count == 4:
        return pixels
    one = np.ones((*pixels.shape[:2], 1), np.float32)
    if count == 3:
        return np.concatenate([pixels, one], axis=2)
    grey = np.repeat(pixels[..., :1], 3, axis=2)
    return np.concatenate([grey, pixels[..., 1:2] if count == 2 else one], axis=2)


def affine_of(texture: Texture) -> Array:
    """UsdTransform2d as a ``(3, 2)`` matrix: scale, then rotation anticlockwise, then translation."""
    affine = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    if texture.transform is not None:
        t = texture.transform
        c, s = math.cos(math.radians(t.rotation)), math.sin(math.radians(t.rotation))
        affine[:2] = np.diag(t.scale) @ np.array([[c, s], [-s, c]])
        affine[2] = t.translation
    return affine


def _mode(authored: str) -> str:
    """A wrap mode; `useMetadata` repeats, as nearly every picture without an authored mode expects."""
    return authored if authored in {"repeat", "mirror", "clamp", "black"} else "repeat"
