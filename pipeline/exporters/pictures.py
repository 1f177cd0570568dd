# SPDX-License-Identifier: Apache-2.0
"""Pictures for formats that embed them: read through OpenImageIO, packed, resized, encoded.

Eight bits a channel, `(height, width, channels) uint8`, top row first. Colours are stored with the sRGB curve,
everything else as it is.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.usd.colour import to_linear, to_srgb
from pipeline.usd.scene.textures import inner_name, read_texture

__all__ = ["MIME", "Pixels", "curve", "decode", "encode", "kind_of", "plain_png", "resized", "same_size"]

Pixels = NDArray[np.uint8]
Kind = Literal["png", "jpeg", "webp"]
MIME = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
#: more pixels than this are not opened: 16384 squared
_MOST_PIXELS = 1 << 28
#: PNG chunks that carry pixels; gamma, profiles and text make viewers disagree
_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"}


def kind_of(data: bytes) -> str:
    """`png`, `jpeg`, `webp`, or empty for anything else."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return ""


def plain_png(data: bytes) -> bytes:
    """A PNG without colour profiles, gamma, animation and text; the pixels are not touched."""
    pieces, at = [data[:8]], 8
    changed = False
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name = data[at + 4 : at + 8]
        end = at + 12 + length
        if name in _KEPT:
            pieces.append(data[at:end])
        else:
            changed = True
        at = end
        if name == b"IEND":
            break
    return b"".join(pieces) if changed or at != len(data) else data


def sound_png(data: bytes) -> bool:
    """Whether every chunk of a PNG is whole (length and checksum) up to its end."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            return False
        (check,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(data[at + 4 : end - 4]) != check:
            return False
        if name == b"IEND":
            return True
        at = end
    return False


def decode(path: str, *, color: bool) -> Pixels:
    """The pixels of a texture.

    Parameters
    ----------
    path
        As in `Texture.path`.
    color
        Floating-point pictures are linear: with `color` they get the sRGB curve, otherwise they are only clipped.

    Raises
    ------
    ExportError
        It is no picture, or too large to be one.
    """
    if "[" in path:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / inner_name(path)
            file.write_bytes(read_texture(path))
            return _decode(str(file), path, color)
    return _decode(path, path, color)


def _decode(file: str, path: str, color: bool) -> Pixels:
    config = oiio.ImageSpec()
    # colours that are not multiplied by alpha, as PNG stores them and every material means them
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(file, config)
    if source is None:
        raise ExportError(f"a texture is no picture that opens: {oiio.geterror().strip()}", path=path,
                          remedy="save it again as PNG, JPEG or EXR")  # fmt: skip
    try:
        spec = source.spec()
        if spec.width * spec.height > _MOST_PIXELS:
            raise ExportError(f"a texture of {spec.width} x {spec.height} pixels", path=path,
                              remedy="make it smaller: gates refine can")  # fmt: skip
        floating = str(spec.format) in {"half", "float", "double"}
        pixels = source.read_image("float" if floating else "uint8")
        if pixels is None:
            raise ExportError(f"a texture breaks off: {source.geterror().strip()}", path=path,
                              remedy="save it again")  # fmt: skip
    finally:
        source.close()
    if floating:
        clipped = np.clip(np.nan_to_num(pixels), 0.0, 1.0)
        if color:
            clipped[..., :3] = curve(clipped[..., :3])
        pixels = (clipped * 255 + 0.5).astype(np.uint8)
    return np.asarray(pixels, np.uint8).reshape(spec.height, spec.width, -1)


def curve(linear: Any, *, back: bool = False) -> NDArray[np.float32]:
    """Linear light to the sRGB curve (IEC 61966-2-1), or back."""
    x = np.asarray(linear, np.float32)
    if back:
        return to_linear(x)
    return to_srgb(x, clip=False)


def mapped(pixels: Pixels, change: Callable[[NDArray[np.float32]], Any]) -> Pixels:
    """Every value changed by a function of 0-1 to 0-1, through a table."""
    steps: NDArray[np.float32] = np.linspace(0, 1, 256, dtype=np.float32)
    table = np.clip(change(steps), 0, 1)
    return np.asarray((table * 255 + 0.5).astype(np.uint8)[pixels])


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """The picture at another size (OpenImageIO's filter for the ratio)."""
    if pixels.shape[:2] == (height, width):
        return pixels
    result = oiio.ImageBufAlgo.resize(
        oiio.ImageBuf(np.ascontiguousarray(pixels)), roi=oiio.ROI(0, width, 0, height, 0, 1, 0, pixels.shape[2])
    )
    return np.asarray(result.get_pixels(oiio.UINT8)).reshape(height, width, -1)


def same_size(pictures: list[Pixels]) -> list[Pixels]:
    """All pictures at the largest width and height among them."""
    height = max(p.shape[0] for p in pictures)
    width = max(p.shape[1] for p in pictures)
    return [resized(p, width, height) for p in pictures]


def encode(pixels: Pixels, kind: Kind, quality: int = 88) -> bytes:
    """The bytes of a picture file."""
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, "uint8")
    spec.attribute("oiio:UnassociatedAlpha", 1)
    suffix = {"png": "png", "jpeg": "jpg", "webp": "webp"}[kind]
    if kind == "png":
        spec.attribute("png:compressionLevel", 6)
    else:
        spec.attribute("CompressionQuality", quality)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"picture.{suffix}"
        out = oiio.ImageOutput.create(str(file))
        if out is None or not out.open(str(file), spec):
            raise ExportError(f"{suffix} cannot be written here: {oiio.geterror().strip()}",
                              remedy="choose png in the target's textures.format")  # fmt: skip
        out.write_image(np.ascontiguousarray(pixels))
        out.close()
        data = file.read_bytes()
    return plain_png(data) if kind == "png" else data
