# SPDX-License-Identifier: Apache-2.0
"""Where the frames of a sequence go."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import UsageError

MOVIES = {".gif", ".mp4"}
STILLS = {".png", ".exr", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}
_HASHES = re.compile(r"#+")


def check(out: Path, sequence: bool) -> None:
    """Refuse a suffix that nothing can be written as.

    Raises
    ------
    pipeline.errors.UsageError
        It is none of ours, or a movie of one picture.
    """
    suffix = out.suffix.lower()
    if suffix in STILLS or (sequence and (suffix in MOVIES or not suffix)):
        return
    if suffix in MOVIES:
        raise UsageError(f"{out.name} is a movie, but one picture was asked for", remedy="add --turntable or --frames")
    raise UsageError(
        f"no picture can be written as {out.suffix or out.name!r}",
        path=out,
        remedy=f"use one of {' '.join(sorted(STILLS))}",
    )


def frame_path(out: Path, number: int) -> Path:
    """The file of one frame.

    `shot.####.png` gets the number in place of the hashes; `shot.png` becomes `shot.0001.png`; a folder gets
    `0001.png`; the frames of `turn.gif` lie in the folder `turn`.
    """
    if _HASHES.search(out.name):
        return out.with_name(_HASHES.sub(lambda m: str(number).zfill(len(m.group())), out.name, count=1))
    if out.suffix.lower() in MOVIES:
        return out.with_suffix("") / f"{number:04d}.png"
    if not out.suffix:
        return out / f"{number:04d}.png"
    return out.with_name(f"{out.stem}.{number:04d}{out.suffix}")
