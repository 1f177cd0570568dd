# SPDX-License-Identifier: Apache-2.0
"""Where a path that stands inside an outside file may lead: into the allowed folders, to a regular file."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from pipeline.errors import ImportRefused

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: C: is a drive, refused below
_DRIVE = re.compile(r"^[A-Za-z]:")


def inside(path: Path, roots: Sequence[Path]) -> bool:
    """Whether the path, with every link followed, lies in one of the folders or is one of the files."""
    real = path.resolve()
    return any(real == r or real.is_relative_to(r) for r in (root.resolve() for root in roots))


def refuse_irregular(path: Path) -> None:
    """Raise `ImportRefused` for what is no regular file: a FIFO or device would hang or never end."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ImportRefused("no such file", path=path, remedy="check the path") from None
    except OSError as e:
        raise ImportRefused(f"cannot be read: {e.strerror}", path=path) from e
    except ValueError as e:
        raise ImportRefused(f"is no usable file name: {e}", remedy="check the path") from e
    if stat.S_ISDIR(mode):
        raise ImportRefused("is a folder, not a file", path=path, remedy="name the file inside it")
    if not stat.S_ISREG(mode):
        raise ImportRefused("is no regular file (a pipe, socket or device)", path=path)


def resolve_inside(name: str, base: Path, roots: Sequence[Path], *, decode: bool = False) -> Path:
    """The real path of a file that another file names.

    Parameters
    ----------
    name
        The path as it is written in the file, relative to `base`; `\\` counts as `/`.
    base
        The folder of the file that names it.
    roots
        The folders in which it must lie after every link is followed.
    decode
        Undo percent encoding first (glTF).

    Raises
    ------
    ImportRefused
        It has a URI scheme, is absolute elsewhere, climbs out, does not exist or is no regular file.
    """
    text = unquote(name) if decode else name
    if "\0" in text or len(text) > 4096 or not text.strip():
        raise ImportRefused(f"names a file that cannot be: {text[:80]!r}", path=base)
    if _SCHEME.match(text) or text.startswith("//"):
        raise ImportRefused(f"names {text[:120]!r}: addresses with a scheme are not followed", path=base)
    if _DRIVE.match(text):
        raise ImportRefused(f"names {text[:120]!r}, a path of another machine", path=base)
    path = base / text.replace("\\", "/")
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError) as e:
        raise ImportRefused(f"names {text[:120]!r}, which cannot be resolved: {e}", path=base) from e
    if not inside(real, roots):
        raise ImportRefused(
            f"names {text[:120]!r}, which lies outside its folder",
            path=base,
            remedy="put every file it needs beside it",
        )
    refuse_irregular(real)
    return real
