# SPDX-License-Identifier: Apache-2.0
"""Files that one asset path names together: UDIM tiles and the frames of value clips.

`wood.<UDIM>.png` and `clip.###.usd` are patterns, so the files are stored under one digest over all of them:
`objects/<aa>/<sha256>.<UDIM>.png` names `objects/<aa>/<sha256>.1001.png` and its siblings.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.usd.writing import settle, temporary

__all__ = ["Sequence", "digest_of_sequence", "find_sequence", "store_sequence"]

_MARK = re.compile(r"<UDIM>|<UVTILE>|#+(?:\.#+)?")


@dataclass(frozen=True)
class Sequence:
    """A pattern and the files it names.

    Attributes
    ----------
    pattern
        The path with its mark (`<UDIM>`, `###`) in it.
    files
        (what stands in the mark's place, path), sorted.
    """

    pattern: Path
    mark: str
    files: tuple[tuple[str, Path], ...]


def find_sequence(pattern: Path) -> Sequence | None:
    """The files that a pattern names; None where the path has no mark or names nothing."""
    found = _MARK.search(pattern.name)
    if not found or not pattern.parent.is_dir() or pattern.exists():
        return None
    mark = found.group()
    middle = {"<UDIM>": r"1\d{3}", "<UVTILE>": r"u\d+_v\d+"}.get(mark) or "-?" + r"\.".join(
        rf"\d{{{len(part)},}}" for part in mark.split(".")
    )
    name = re.compile(re.escape(pattern.name[: found.start()]) + f"({middle})" + re.escape(pattern.name[found.end() :]))
    files = []
    for path in sorted(pattern.parent.iterdir()):
        match = name.fullmatch(path.name)
        if match and path.is_file():
            files.append((match.group(1), path))
    return Sequence(pattern, mark, tuple(files)) if files else None


def digest_of_sequence(files: tuple[tuple[str, Path], ...]) -> str:
    """One digest over the places and bytes of all files."""
    total = hashlib.sha256()
    for place, path in files:
        with path.open("rb") as stream:
            total.update(f"{place} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def store_sequence(objects: Path, sequence: Sequence) -> Path:
    """Store all files of a sequence; returns the pattern that names the stored ones."""
    digest = digest_of_sequence(sequence.files)
    folder = objects / digest[:2]
    suffix = sequence.pattern.suffix.lower()
    for place, path in sequence.files:
        target = folder / f"{digest}.{place}{suffix}"
        if not target.exists():
            with temporary(target) as partial:
                shutil.copyfile(path, partial)
                settle(partial, target, 0o444)
    return folder / f"{digest}.{sequence.mark}{suffix}"
