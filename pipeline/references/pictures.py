# SPDX-License-Identifier: Apache-2.0
"""Reference pictures, reduced to a few pixels in a sandbox worker: they come from outside."""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import GeneratorError, ImportRefused
from pipeline.usd.colour import to_srgb

Floats = NDArray[np.float64]

#: megabytes of decoded pixels
LARGEST_MB = 512


def read_picture(path: Path, side: int = 96) -> tuple[Floats, Floats]:
    """A picture reduced to at most `side` pixels: (h, w, 3) sRGB in 0-1 and (h, w) alpha in 0-1.

    Raises
    ------
    GeneratorError
        It is no picture that can be read, or larger than 512 MB of pixels.
    """
    if not path.is_file():
        raise GeneratorError("there is no such picture", path=path, remedy="check the path of the input")
    stat = path.stat()
    rgba = _pixels(path.resolve(), side, stat.st_mtime_ns, stat.st_size) / 255.0
    return rgba[..., :3], rgba[..., 3]


@lru_cache(maxsize=32)
def _pixels(path: Path, side: int, changed: int, size: int) -> np.ndarray:
    """(h, w, 4) uint8; the last two arguments make a changed file another key."""
    from pipeline import sandbox

    limits = sandbox.Limits(memory=(4 * LARGEST_MB) << 20, cpu=60, wall=90)
    arguments = {"path": str(path), "side": side}
    try:
        ran = sandbox.run(f"{__name__}:reduced", arguments, read=[path], limits=limits, path=path)
    except ImportRefused as error:
        raise GeneratorError(
            f"not a readable picture: {error.message}", path=path, remedy="use PNG, JPEG, TIFF, EXR or WebP"
        ) from error
    answer: dict[str, Any] = ran.result
    flat = np.frombuffer(base64.b64decode(answer["rgba"]), np.uint8)
    return flat.reshape(answer["height"], answer["width"], 4)


def reduced(path: str, side: int) -> dict[str, Any]:
    """The part that runs in the worker: `width`, `height`, and sRGB with alpha as base64 of bytes."""
    import OpenImageIO as oiio

    oiio.attribute("limits:imagesize_MB", LARGEST_MB)
    image = oiio.ImageBuf(path)
    if image.has_error or not image.read(0, 0, True, oiio.FLOAT):
        why = (image.geterror() or "it cannot be decoded").splitlines()[0]
        raise ImportRefused(why[:160], path=path, remedy="use PNG, JPEG, TIFF, EXR or WebP")
    spec = image.spec()
    scale = side / max(spec.width, spec.height)
    if scale < 1:
        width, height = max(1, round(spec.width * scale)), max(1, round(spec.height * scale))
        roi = oiio.ROI(0, width, 0, height, 0, 1, 0, spec.nchannels)
        image = oiio.ImageBufAlgo.resize(image, filtername="box", roi=roi)
    pixels = np.nan_to_num(np.asarray(image.get_pixels(oiio.FLOAT), np.float64), posinf=1.0)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    grey = pixels.shape[2] < 3
    colour = np.repeat(pixels[..., :1], 3, 2) if grey else pixels[..., :3]
    has_alpha = pixels.shape[2] in (2, 4)
    alpha = pixels[..., -1] if has_alpha else np.ones(pixels.shape[:2])
    if Path(path).suffix.lower() in (".exr", ".hdr"):
        colour = to_srgb(colour)
    if has_alpha:
        # OpenImageIO gives colour multiplied by alpha
        colour = np.where(alpha[..., None] > 1e-3, colour / np.maximum(alpha[..., None], 1e-3), 0)
    rgba = np.concatenate([np.clip(colour, 0, 1), np.clip(alpha, 0, 1)[..., None]], axis=2)
    body = np.round(rgba * 255).astype(np.uint8)
    return {"width": body.shape[1], "height": body.shape[0], "rgba": base64.b64encode(body.tobytes()).decode()}
