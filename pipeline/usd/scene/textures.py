# SPDX-License-Identifier: Apache-2.0
"""Pictures as bytes, wherever USD's resolver finds them: files, packages, search paths."""

from __future__ import annotations

from pathlib import Path

from pxr import Ar

from pipeline.errors import StageError

__all__ = ["inner_name", "read_texture"]


def read_texture(path: str) -> bytes:
    """The bytes of a resolved texture path, also of `archive.usdz[inner/path.png]`.

    Raises
    ------
    StageError
        It cannot be read.
    """
    if "[" not in path:
        try:
            return Path(path).read_bytes()
        except OSError:
            pass  # the resolver may know a place that is no file
    asset = Ar.GetResolver().OpenAsset(Ar.ResolvedPath(path))
    if not asset:
        raise StageError("a texture cannot be read", path=path, remedy="restore the file or its reference")
    with asset:
        return bytes(asset.GetBuffer())


def inner_name(path: str) -> str:
    """The file name of a texture path: the last element, of the innermost package."""
    return path.rstrip("]").split("[")[-1].replace("\\", "/").rsplit("/", 1)[-1]
