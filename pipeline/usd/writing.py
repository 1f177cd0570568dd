# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all.

The order is the one a power cut leaves intact: a temporary file in the same folder, its bytes on the disk,
its name, then the folder's bytes on the disk. USD's own `Save` of a usdc writes in place and none of its
writers syncs, so every layer that must survive goes through here.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pxr import Sdf, Tf

__all__ = ["TEMPORARY", "replace_layer", "replace_text", "sync_folder", "temporary"]

#: how every half-written file is named, so that a repair knows it
TEMPORARY = ".partial-"


@contextmanager
def temporary(target: Path) -> Iterator[Path]:
    """A name for a temporary file beside `target`, removed if it is still there afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=target.suffix, dir=target.parent)
    os.close(handle)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Wait until the bytes of a file are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle(partial: Path, target: Path, mode: int = 0o644) -> None:
    """Give a finished temporary file its name, durably."""
    partial.chmod(mode)
    sync_file(partial)
    partial.replace(target)
    sync_folder(target.parent)


def replace_text(target: Path, text: str, mode: int = 0o644) -> None:
    """Write text to a file that is then there whole, or leave what was there."""
    with temporary(target) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
        settle(partial, target, mode)


def replace_layer(target: Path, layer: Sdf.Layer, mode: int = 0o644) -> None:
    """Write a layer's content to a file in the format of its extension, or leave what was there.

    Raises
    ------
    OSError
        The disk is full or the folder cannot be written.
    """
    with temporary(target) as partial:
        export(layer, partial)
        settle(partial, target, mode)


def export(layer: Sdf.Layer, path: Path) -> None:
    """`Layer.Export` that raises `OSError` where USD only says that it did not work."""
    try:
        if layer.Export(str(path)):
            return
    except Tf.ErrorException:
        pass  # its text names lines of USD's source; what a reader needs to know is below
    _probe(path)
    raise OSError(errno.EIO, "this layer could not be written whole; check the free space", str(path))


def _probe(path: Path) -> None:
    """Raise the system's own error for a folder that takes no bytes; USD drops its number."""
    with path.open("wb") as out:
        out.write(b"\0" * 65536)
        out.flush()
        os.fsync(out.fileno())
