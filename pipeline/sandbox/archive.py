# SPDX-License-Identifier: Apache-2.0
"""Zip archives (and usdz, which is one): nothing escapes the folder, links, or swells beyond a limit."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import ImportRefused, UsageError
from pipeline.sandbox import client
from pipeline.sandbox.limits import MB, Limits
from pipeline.sandbox.paths import refuse_irregular

#: entries, bytes of all of them unpacked, and how many bytes one packed byte may become
MOST_ENTRIES, LARGEST_TOTAL, STEEPEST = 10_000, 4096 * MB, 300
_CHUNK = 1 << 20


def extract(path: str | PathLike[str], out_dir: str | PathLike[str]) -> list[Path]:
    """Unpack an outside zip archive into a new or empty folder, in a sandbox worker.

    Raises
    ------
    ImportRefused
        No archive, a broken one, or one with an entry that climbs out, links, is encrypted, stands twice
        or swells beyond the limits; the folder is then left empty.
    UsageError
        The folder is not empty.
    """
    source, target = Path(path), Path(out_dir).absolute()
    refuse_irregular(source)
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise UsageError("the folder to unpack into is not empty", path=target, remedy="name a new folder")
    try:
        ran = client.run(
            "pipeline.sandbox.archive:unpack_names", {"path": str(source.resolve()), "out": str(target.resolve())},
            read=[source.resolve()], write=[target.resolve()], limits=Limits(file_size=LARGEST_TOTAL), path=source,
        )  # fmt: skip
    except BaseException:
        for entry in target.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        raise
    return [target / name for name in ran.result]


def unpack_names(path: str, out: str) -> list[str]:
    """The part of `extract` that runs in the worker."""
    return [str(p.relative_to(out)) for p in unpack(Path(path), Path(out))]


def unpack(path: Path, out: Path) -> list[Path]:
    """Unpack in this process; a worker calls it, or a caller that trusts its memory and time."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _checked(path, archive.infolist())
            written, total = [], 0
            for entry, name in entries:
                target = out.joinpath(*name.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                total += _copy(path, archive, entry, target, LARGEST_TOTAL - total)
                written.append(target)
            return written
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError, RuntimeError) as e:
        raise ImportRefused(f"is a broken archive: {e}", path=path, remedy="download it again") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ImportRefused("is an archive with a file and a folder of one name", path=path) from None


def _checked(path: Path, entries: list[zipfile.ZipInfo]) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Files with their safe names; the announced sizes are bounded before anything is written."""
    if len(entries) > MOST_ENTRIES:
        raise ImportRefused(f"is an archive of {len(entries)} entries, at most {MOST_ENTRIES} are read", path=path)
    announced = sum(e.file_size for e in entries)
    if announced > LARGEST_TOTAL:
        raise ImportRefused(f"is an archive of {announced >> 20} MB, at most {LARGEST_TOTAL >> 20} are read", path=path)
    files: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    seen: set[str] = set()
    for entry in entries:
        name = safe_name(entry.filename, path)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ImportRefused(f"is an archive with a link or device: {entry.filename[:80]!r}", path=path)
        if entry.flag_bits & 1:
            raise ImportRefused("is an encrypted archive", path=path, remedy="unpack it yourself first")
        if entry.file_size > STEEPEST * max(entry.compress_size, 4096):
            raise ImportRefused(f"is an archive whose entry {entry.filename[:80]!r} swells beyond reason", path=path)
        if entry.is_dir():
            continue
        if str(name).casefold() in seen:
            raise ImportRefused(f"is an archive that holds {entry.filename[:80]!r} twice", path=path)
        seen.add(str(name).casefold())
        files.append((entry, name))
    return files


def safe_name(name: str, path: Path) -> PurePosixPath:
    """An entry's name as a relative path without `..`; raises `ImportRefused` otherwise."""
    text = name.replace("\\", "/")
    parts = PurePosixPath(text).parts
    drive = len(text) > 1 and text[1] == ":"
    if not parts or text.startswith("/") or drive or ".." in parts or "\0" in text or len(text) > 1000:
        raise ImportRefused(f"is an archive with an entry that climbs out of it: {name[:80]!r}", path=path)
    return PurePosixPath(*parts)


def _copy(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Write one entry, counting the real bytes: what the directory announces may be a lie."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as out:
        while part := _read(source):
            written += len(part)
            if written > min(room, entry.file_size):
                raise ImportRefused(
                    f"is an archive whose entry {entry.filename[:80]!r} is longer than it says", path=path
                )
            out.write(part)
    return written


def _read(source: Any) -> bytes:
    data: bytes = source.read(_CHUNK)
    return data
