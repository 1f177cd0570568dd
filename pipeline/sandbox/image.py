# SPDX-License-Identifier: Apache-2.0
"""Pictures from outside: bounded before they are decoded, and decoded once to know that they can be.

A file of 2.6 MB may hold 2.7 GB of pixels; OpenImageIO's own limits refuse it before it allocates.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.errors import ImportRefused
from pipeline.sandbox import client
from pipeline.sandbox.limits import MB, Limits
from pipeline.sandbox.paths import refuse_irregular

#: the first bytes of what is accepted, and the extension it gets
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"\x76\x2f\x31\x01", "exr"),
    (b"#?RADIANCE", "hdr"), (b"#?RGBE", "hdr"), (b"II*\0", "tif"), (b"MM\0*", "tif"), (b"BM", "bmp"),
    (b"DDS ", "dds"), (b"GIF8", "gif"), (b"\xabKTX 20", "ktx2"), (b"\xabKTX 11", "ktx"),
)  # fmt: skip
#: megabytes of decoded pixels, and pixels along a side
DECODED_MB, LARGEST_SIDE = 512, 16384
#: what UsdPreviewSurface readers and usdz packages take as it is
USD_FORMATS = frozenset({"png", "jpg", "exr"})


class ImageReport(BaseModel):
    """What a picture is: sides in pixels, channels, bits of a channel's number format."""

    path: str
    format: str
    width: int
    height: int
    channels: int
    pixel_type: str
    color_space: str


def sniff_image(head: bytes, name: str = "") -> str:
    """The format by the first bytes, or by the name for TGA, which has none; empty where none is known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    return found or ("tga" if name.lower().endswith(".tga") else "")


def check_image(path: str | PathLike[str], *, formats: frozenset[str] = USD_FORMATS) -> ImageReport:
    """Make sure that an uploaded picture is one, is of bearable size and decodes to its end.

    The file is not changed. It is read in a sandbox worker.

    Parameters
    ----------
    path
        PNG, JPEG or OpenEXR, unless `formats` says otherwise (png, jpg, exr, webp, hdr, tif, bmp).

    Raises
    ------
    ImportRefused
        It is no such picture, is broken or too big; `SandboxLimit` if its reader ran into a limit.
    """
    file = Path(path)
    refuse_irregular(file)
    file = file.resolve()
    limits = Limits(memory=(4 * DECODED_MB) * MB, cpu=60, wall=90)
    ran = client.run(
        "pipeline.sandbox.image:read_report", {"path": str(file), "formats": sorted(formats)},
        read=[file], limits=limits, path=path,
    )  # fmt: skip
    return ImageReport(**{**ran.result, "path": str(path)})


def read_report(path: str, formats: list[str]) -> dict[str, Any]:
    """The part of `check_image` that runs in the worker."""
    found, _ = decode(Path(path), frozenset(formats))
    return found


def decode(path: Path, formats: frozenset[str]) -> tuple[dict[str, Any], Any]:
    """Read a whole picture; in a worker only.

    Returns
    -------
    dict, numpy.ndarray
        The fields of `ImageReport`, and the pixels (height, width, channels) in the file's own number format.
    """
    import OpenImageIO

    OpenImageIO.attribute("limits:imagesize_MB", DECODED_MB)
    OpenImageIO.attribute("limits:channels", 64)
    OpenImageIO.attribute("limits:resolution", LARGEST_SIDE)
    OpenImageIO.attribute("threads", 1)
    OpenImageIO.attribute("exr_threads", -1)
    with path.open("rb") as f:
        kind = sniff_image(f.read(16), path.name)
    if kind not in formats:
        asked = ", ".join(sorted(formats))
        raise ImportRefused(f"is {kind or 'no picture'}, not one of {asked}", path=path)
    picture = OpenImageIO.ImageInput.open(str(path))
    if picture is None:
        raise ImportRefused(f"is a broken {kind} picture: {_clean(OpenImageIO.geterror())}", path=path)
    try:
        spec = picture.spec()
        if max(spec.width, spec.height) > LARGEST_SIDE or min(spec.width, spec.height) < 1 or spec.depth > 1:
            raise ImportRefused(
                f"is {spec.width} x {spec.height} pixels", path=path, remedy=f"at most {LARGEST_SIDE} a side"
            )
        if spec.image_bytes() > DECODED_MB * MB:
            raise ImportRefused(f"holds more than {DECODED_MB} MB of pixels", path=path)
        pixels = picture.read_image(OpenImageIO.UNKNOWN)
        if pixels is None or picture.has_error:
            raise ImportRefused(f"is a broken {kind} picture: {_clean(picture.geterror())}", path=path)
        found = {
            "path": str(path), "format": kind, "width": spec.width, "height": spec.height,
            "channels": spec.nchannels, "pixel_type": str(spec.format),
            "color_space": str(spec.get_string_attribute("oiio:ColorSpace")),
        }  # fmt: skip
    finally:
        picture.close()
    return found, pixels


def _clean(message: str) -> str:
    return " ".join(message.split())[:200] or "it does not decode"
