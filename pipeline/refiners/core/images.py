# SPDX-License-Identifier: Apache-2.0
"""Pictures as arrays: OpenImageIO for files, numpy for colour.

Arrays are `(height, width, channels) float32`, first row at the top, in the file's own encoding unless said.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError
from pipeline.usd.colour import from_oklab, to_oklab, to_srgb
from pipeline.usd.colour import to_linear as colour_to_linear

__all__ = [
    "Picture",
    "from_oklab",
    "linear_to_srgb",
    "luminance",
    "read_picture",
    "resized",
    "sample",
    "srgb_to_linear",
    "to_linear",
    "to_oklab",
    "write_picture",
]  # fmt: skip

#: a picture that decodes to more bytes than this is refused
LARGEST_MB = 1024


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels and how they were stored.

    Attributes
    ----------
    pixels : (h, w, c) float32
    bits
        Of a channel: 8, 16 or 32.
    """

    pixels: NDArray[np.float32]
    bits: int


def read_picture(path: str, prim: str = "") -> Picture:
    """Decode a file, also one inside a usdz archive.

    Raises
    ------
    RefineError
        It does not decode, or is larger than `LARGEST_MB` decoded.
    """
    import OpenImageIO as oiio

    with _on_disk(path, prim) as file:
        config = oiio.ImageSpec()
        config.attribute("oiio:UnassociatedAlpha", 1)
        source = oiio.ImageInput.open(str(file), config)
        if source is None:
            raise RefineError(f"the texture does not decode: {oiio.geterror().splitlines()[:1]}", path=path, prim=prim)
        try:
            spec = source.spec()
            if spec.width * spec.height * spec.nchannels * 4 > LARGEST_MB << 20:
                raise RefineError(
                    f"the texture is {spec.width} x {spec.height}: too large", path=path, prim=prim,
                    remedy="resize it with a picture editor first",
                )  # fmt: skip
            pixels = source.read_image("float")
            if pixels is None:
                raise RefineError(f"the texture does not decode: {source.geterror()}", path=path, prim=prim)
            bits = spec.format.basesize() * 8
        finally:
            source.close()
    array = np.asarray(pixels, np.float32).reshape(spec.height, spec.width, spec.nchannels)
    return Picture(array, 8 if bits == 8 else 16 if bits == 16 else 32)


def write_picture(path: Path, pixels: NDArray, bits: int = 8, quality: int = 92) -> None:
    """Encode a file; its extension says the format.

    Raises
    ------
    RefineError
        It cannot be written.
    """
    import OpenImageIO as oiio

    array = np.ascontiguousarray(pixels, np.float32)
    height, width, channels = array.shape
    if path.suffix.lower() in (".jpg", ".jpeg") and channels not in (1, 3):
        array = np.ascontiguousarray(array[:, :, :3] if channels > 3 else array[:, :, :1])
        channels = array.shape[2]
    kind = {8: "uint8", 16: "uint16", 32: "float"}[bits]
    spec = oiio.ImageSpec(width, height, channels, kind)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("CompressionQuality", quality)
    spec.attribute("compression", f"jpeg:{quality}" if path.suffix.lower() in (".jpg", ".jpeg") else "zip")
    out = oiio.ImageOutput.create(str(path))
    if (
        out is None
        or not out.open(str(path), spec)
        or not out.write_image(np.clip(array, 0, 1) if bits < 32 else array)
    ):
        raise _unwritten(path, out.geterror() if out else oiio.geterror())
    if not out.close():
        raise _unwritten(path, out.geterror())


def _unwritten(path: Path, why: str) -> RefineError:
    return RefineError(
        f"the texture cannot be written: {why or 'the disk may be full'}", path=path, remedy="free space and try again"
    )


def resized(pixels: NDArray, width: int, height: int, *, colour: bool, normal: bool = False) -> NDArray[np.float32]:
    """Filter to another size: sRGB colours in linear light, alpha as weight, normals renormalised."""
    import OpenImageIO as oiio

    if pixels.shape[:2] == (height, width):
        return np.asarray(pixels, np.float32)
    work = np.array(pixels, np.float32)
    channels = work.shape[2]
    if colour:
        work[:, :, : min(channels, 3)] = srgb_to_linear(work[:, :, : min(channels, 3)])
    if channels == 4 and colour:
        work[:, :, :3] *= work[:, :, 3:]
    source = oiio.ImageBuf(np.ascontiguousarray(work))
    goal = oiio.ImageBufAlgo.resize(source, roi=oiio.ROI(0, width, 0, height, 0, 1, 0, channels))
    result = np.asarray(goal.get_pixels(oiio.FLOAT), np.float32).reshape(height, width, channels)
    if channels == 4 and colour:
        result[:, :, :3] /= np.maximum(result[:, :, 3:], 1e-6)
    if colour:
        result[:, :, : min(channels, 3)] = linear_to_srgb(np.maximum(result[:, :, : min(channels, 3)], 0))
    if normal and channels >= 3:
        vector = result[:, :, :3] * 2 - 1
        length = np.linalg.norm(vector, axis=2, keepdims=True)
        result[:, :, :3] = vector / np.where(length > 1e-6, length, 1) / 2 + 0.5
    return np.clip(result, 0, None)


def sample(pixels: NDArray, uv: NDArray, wrap: tuple[str, str] = ("repeat", "repeat")) -> NDArray[np.float32]:
    """(k, c) bilinear samples at (k, 2) UVs, origin at the lower left."""
    height, width = pixels.shape[:2]
    x = np.asarray(uv[:, 0], np.float64) * width - 0.5
    y = (1 - np.asarray(uv[:, 1], np.float64)) * height - 0.5
    left, top = np.floor(x), np.floor(y)
    right_part, low_part = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    columns = [_wrapped(left + k, width, wrap[0]) for k in (0, 1)]
    rows = [_wrapped(top + k, height, wrap[1]) for k in (0, 1)]
    upper = pixels[rows[0], columns[0]] * (1 - right_part) + pixels[rows[0], columns[1]] * right_part
    lower = pixels[rows[1], columns[0]] * (1 - right_part) + pixels[rows[1], columns[1]] * right_part
    return np.asarray(upper * (1 - low_part) + lower * low_part, np.float32)


def _wrapped(index: NDArray, size: int, mode: str) -> NDArray[np.int64]:
    whole = index.astype(np.int64)
    if mode == "mirror":
        twice = whole % (2 * size)
        return np.asarray(np.where(twice < size, twice, 2 * size - 1 - twice))
    return whole.clip(0, size - 1) if mode in ("clamp", "black") else whole % size


def srgb_to_linear(value: NDArray) -> NDArray[np.float32]:
    """IEC 61966-2-1."""
    return colour_to_linear(np.asarray(value, np.float32))


def linear_to_srgb(value: NDArray) -> NDArray[np.float32]:
    """IEC 61966-2-1."""
    return to_srgb(np.asarray(value, np.float32), clip=False)


def to_linear(picture: Picture, colour: bool) -> NDArray[np.float32]:
    """The picture with its first three channels in linear light where it holds sRGB colours."""
    if not colour:
        return picture.pixels
    result = picture.pixels.copy()
    result[:, :, :3] = srgb_to_linear(result[:, :, :3])
    return result


def luminance(linear: NDArray) -> NDArray:
    """(...) relative luminance of linear Rec. 709."""
    return np.asarray(linear[..., :3] @ np.array([0.2126, 0.7152, 0.0722], linear.dtype))


@contextmanager
def _on_disk(path: str, prim: str) -> Iterator[Path]:
    """The file itself; what lies in a usdz archive is written out while the block runs."""
    if "[" not in path:
        if not Path(path).is_file():
            raise RefineError("the texture does not exist", path=path, prim=prim, remedy="restore the file")
        yield Path(path)
        return
    from pxr import Ar

    asset = Ar.GetResolver().OpenAsset(Ar.ResolvedPath(path))
    if asset is None:
        raise RefineError("the texture does not exist in its archive", path=path, prim=prim)
    with tempfile.NamedTemporaryFile(suffix=Path(path.rstrip("]")).suffix) as file:
        with asset.GetBuffer() as buffer:
            file.write(buffer if isinstance(buffer, bytes) else bytes(buffer))
        file.flush()
        yield Path(file.name)
