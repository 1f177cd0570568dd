# SPDX-License-Identifier: Apache-2.0
"""Pictures on disk: read as arrays, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from pipeline.errors import RenderError

Array = NDArray[Any]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that takes its place only when the block ended well.

    The name keeps the suffix of `path`, because image libraries choose the format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | Path) -> Array:
    """The pixels of an image file, rows from the top.

    Returns
    -------
    numpy.ndarray
        ``(height, width, channels) float32``; integer formats are scaled to 0..1, values as stored;
        alpha is straight.

    Raises
    ------
    pipeline.errors.RenderError
        The file is missing or no picture.
    """
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    image = oiio.ImageInput.open(str(path), config)
    if image is None:
        raise RenderError(
            f"cannot read a picture: {oiio.geterror().strip() or 'unknown format'}",
            path=path,
            remedy="check that the file exists and is PNG, JPEG, TIFF, HDR or EXR",
        )
    try:
        pixels = image.read_image(format="float")
    finally:
        image.close()
    if pixels is None:
        raise RenderError("the picture ends before its last pixel", path=path, remedy="write it again")
    return np.asarray(pixels, np.float32)


def write(path: str | Path, pixels: Array, attributes: Mapping[str, Any] | None = None) -> Path:
    """Write 8-bit PNG, JPEG or any other format that OpenImageIO knows, by suffix.

    Parameters
    ----------
    pixels
        ``(height, width, 1|3|4)`` floats 0..1, already in display space for 8-bit formats.
    attributes
        Metadata of the file, for instance `Software`.
    """
    path = Path(path)
    pixels = np.ascontiguousarray(pixels, np.float32)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, channels = pixels.shape
    deep = path.suffix.lower() in {".exr", ".hdr", ".pfm"}
    spec = oiio.ImageSpec(width, height, channels, "half" if path.suffix.lower() == ".exr" else "float")
    if not deep:
        spec = oiio.ImageSpec(width, height, channels, "uint8")
        spec.attribute("oiio:ColorSpace", "srgb_rec709_scene")
        spec.attribute("png:compressionLevel", 6)
        if channels == 4:
            spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("Software", "Seven Gates")
    for key, value in (attributes or {}).items():
        spec.attribute(key, value)
    with whole_file(path) as temporary:
        out = oiio.ImageOutput.create(str(temporary))
        if out is None:
            raise RenderError(
                f"no writer for {path.suffix or 'a file without suffix'!r}",
                path=path,
                remedy="use .png, .jpg, .tif, .exr or .webp",
            )
        good = out.open(str(temporary), spec) and out.write_image(pixels)
        message = out.geterror()
        if not (out.close() and good):
            raise RenderError(f"the picture could not be written: {message.strip()}", path=path)
    return path


def resize(pixels: Array, width: int, height: int) -> Array:
    """The picture at another size, with a filter that fits the ratio; ``(height, width, channels)``."""
    if pixels.shape[:2] == (height, width):
        return pixels
    source = oiio.ImageBuf(np.ascontiguousarray(pixels, np.float32))
    roi = oiio.ROI(0, width, 0, height, 0, 1, 0, pixels.shape[2])
    resized = oiio.ImageBufAlgo.resize(source, roi=roi)
    return np.asarray(resized.get_pixels(oiio.FLOAT), np.float32).reshape(height, width, -1)


def fit(pixels: Array, width: int, height: int, background: Array) -> Array:
    """The whole picture inside a frame of this size, centred, the rest filled; aspect kept.

    Parameters
    ----------
    background
        ``(3,)`` in the space of the pixels.
    """
    h, w = pixels.shape[:2]
    ratio = min(width / w, height / h)
    inner_w, inner_h = max(1, round(w * ratio)), max(1, round(h * ratio))
    small = over(resize(rgb_or_rgba(pixels), inner_w, inner_h), background)
    frame = np.broadcast_to(np.asarray(background, np.float32), (height, width, 3)).copy()
    top, left = (height - inner_h) // 2, (width - inner_w) // 2
    frame[top : top + inner_h, left : left + inner_w] = small
    return frame


def rgb_or_rgba(pixels: Array) -> Array:
    """Grey pictures become RGB, grey with alpha becomes RGBA, further channels are dropped."""
    channels = pixels.shape[2]
    if channels == 1:
        return np.repeat(pixels, 3, axis=2)
    if channels == 2:
        return np.concatenate([np.repeat(pixels[..., :1], 3, axis=2), pixels[..., 1:]], axis=2)
    return pixels[..., :4]


def over(pixels: Array, background: Array) -> Array:
    """``(h, w, 3)``: RGBA with straight alpha laid over a background colour; RGB passes unchanged."""
    if pixels.shape[2] < 4:
        return pixels[..., :3]
    alpha = pixels[..., 3:4]
    return np.asarray(pixels[..., :3] * alpha + np.asarray(background, np.float32) * (1 - alpha))
