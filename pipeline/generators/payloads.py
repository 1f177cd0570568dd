# SPDX-License-Identifier: Apache-2.0
"""What goes out with a request: the bytes of inputs, their media types, numbers inside of a service's range."""

from __future__ import annotations

import base64
from pathlib import Path

from pipeline.errors import GeneratorError
from pipeline.generators.base import Picture
from pipeline.generators.failures import BadRequest

__all__ = ["clamp", "data_uri", "mime", "picture_bytes", "source_bytes"]


def picture_bytes(picture: Picture) -> bytes:
    """A picture's bytes.

    Raises
    ------
    GeneratorError
        It cannot be read.
    """
    return source_bytes(picture.path)


def source_bytes(path: Path | None) -> bytes:
    """A file's bytes.

    Raises
    ------
    GeneratorError
        There is none, or it cannot be read.
    """
    if path is None:
        raise BadRequest("this task starts from a model and none was given", remedy="give one with --existing")
    try:
        return path.read_bytes()
    except OSError as error:
        raise GeneratorError(
            f"cannot read the input: {error.strerror}", path=path, remedy="give a readable file"
        ) from error


def mime(path: Path) -> str:
    """The media type that a picture's or model's extension stands for."""
    return {
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".webp": "image/webp",
        ".glb": "model/gltf-binary",
    }.get(path.suffix.lower(), "application/octet-stream")


def data_uri(path: Path) -> str:
    """A file as a data URI."""
    return f"data:{mime(path)};base64,{base64.b64encode(source_bytes(path)).decode()}"


def clamp(value: float, low: float, high: float) -> int:
    """A whole number inside the range a service takes."""
    return int(min(max(round(value), low), high))
