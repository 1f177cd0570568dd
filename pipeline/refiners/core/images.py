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
    "size_of",
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
        Of a channel: 8, 16 or 32; 16 in an EXR file are half floats.
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


def size_of(path: str, prim: str = "") -> tuple[int, int, int]:
    """Width, height and channels, from the header alone.

    Raises
    ------
    RefineError
        It does not decode.
    """
    import OpenImageIO as oiio

    with _on_disk(path, prim) as file:
        source = oiio.ImageInput.open(str(file))
        if source is None:
            raise RefineError(f"the texture does not decode: {oiio.geterror().splitlines()[:1]}", path=path, prim=prim)
        spec = source.spec()
        source.close()
    return spec.width, spec.height, spec.nchannels


def write_picture(path: Path, pixels: NDArray, bits: int = 8, quality: int = 92, *, colour: bool = False) -> None:
    """Encode a file; its extension says the format.

    Parameters
    ----------
    colour
        The file says that it holds colours: sRGB, in .exr and .hdr linear Rec. 709. What holds data says nothing.
        webp keeps data without loss.

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
    suffix, floating = path.suffix.lower(), path.suffix.lower() in (".exr", ".hdr")
    kind = {8: "uint8", 16: "uint16", 32: "float"}[bits]
    if floating:
        kind = "half" if suffix == ".exr" and bits < 32 else "float"
    spec = oiio.ImageSpec(width, height, channels, kind)
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("oiio:ColorSpace", ("lin_rec709_scene" if floating else "sRGB") if colour else "data")
    spec.attribute("CompressionQuality", quality)
    lossy = {
        ".jpg": f"jpeg:{quality}",
        ".jpeg": f"jpeg:{quality}",
        ".webp": f"webp:{quality}" if colour else "lossless",
    }
    spec.attribute("compression", lossy.get(suffix, "zip"))
    _reserve(path, spec.image_bytes())
    out = oiio.ImageOutput.create(str(path))
    value = array if floating or bits == 32 else np.clip(array, 0, 1)
    if out is None or not out.open(str(path), spec) or not out.write_image(value):
        raise _unwritten(path, out.geterror() if out else oiio.geterror())
    if not out.close():
        raise _unwritten(path, out.geterror())


def _reserve(path: Path, size: int) -> None:
    """Write as many bytes as it may take first: of a full disk libpng says nothing, and libjpeg ends the process.

    Raises
    ------
    RefineError
        There is not so much.
    """
    size += size // 8 + (1 << 16)
    block = bytes(1 << 20)
    try:
        with path.open("wb") as file:
            for start in range(0, size, len(block)):
                file.write(block[: size - start])
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unwritten(path, error.strerror or "") from error


def _unwritten(path: Path, why: str) -> RefineError:
    return RefineError(
        f"the texture cannot be written: {why or 'the disk may be full'}", path=path, remedy="free space and try again"
    )


def resized(
    pixels: NDArray, width: int, height: int, *, colour: bool, normal: bool = False, opacity: bool = True
) -> NDArray[np.float32]:
    """Filter to another size: sRGB colours in linear light, normals renormalised, all else as it is.

    Parameters
    ----------
    opacity
        The last of two or four channels of a colour is its opacity and weights it, so that nothing unseen bleeds in.
    """
    import OpenImageIO as oiio

    if pixels.shape[:2] == (height, width):
        return np.asarray(pixels, np.float32)
    work = np.array(pixels, np.float32)
    channels = work.shape[2]
    tones = {1: 1, 2: 1}.get(channels, 3)

    def filtered(values: NDArray) -> NDArray[np.float32]:
        count = values.shape[2]
        goal = oiio.ImageBufAlgo.resize(
            oiio.ImageBuf(np.ascontiguousarray(values)), roi=oiio.ROI(0, width, 0, height, 0, 1, 0, count)
        )
        return np.asarray(goal.get_pixels(oiio.FLOAT), np.float32).reshape(height, width, count)

    if colour:
        work[:, :, :tones] = srgb_to_linear(work[:, :, :tones])
    result = filtered(work)
    if colour and opacity and channels in (2, 4) and float(work[:, :, -1].min()) < 1:
        work[:, :, :tones] *= work[:, :, -1:]
        weighted, alpha = filtered(work)[:, :, :tones], result[:, :, -1:]
        seen = alpha > 1e-4
        result[:, :, :tones] = np.where(seen, weighted / np.where(seen, alpha, 1), result[:, :, :tones])
    if colour:
        result[:, :, :tones] = linear_to_srgb(np.maximum(result[:, :, :tones], 0))
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
    result = np.asarray(upper * (1 - low_part) + lower * low_part, np.float32)
    for axis, mode in enumerate(wrap):
        if mode == "black":
            result[(uv[:, axis] < 0) | (uv[:, axis] > 1)] = 0
    return result


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
