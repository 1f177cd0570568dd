# SPDX-License-Identifier: Apache-2.0
"""Bring a file in: hostile until a confined worker has read it and written a package of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import sandbox
from pipeline.errors import ImportRefused, UsageError
from pipeline.importers.formats import FORMATS, Format, sniff
from pipeline.importers.report import ImportReport
from pipeline.sandbox.limits import MB

if TYPE_CHECKING:
    from pxr import Usd

#: bytes of a file that is read at all
LARGEST = 4096 * MB
#: files beside one that names others which the cache looks at
MOST_NEIGHBOURS = 5000
#: bytes beside it that may raise the limits
MOST_BESIDE = 128 * MB
#: a change here makes `open_mesh` read again what an older version read
READER_VERSION = 2
sandbox.prepare("pipeline.importers.convert", *(f.module for f in FORMATS))

UNIT_NAMES = ("m", "dm", "cm", "mm", "km", "in", "ft", "yd")


def import_file(
    path: str | PathLike[str],
    out_dir: str | PathLike[str],
    *,
    units: str | None = None,
    up: str | None = None,
    name: str | None = None,
    root: str | PathLike[str] | None = None,
    limits: sandbox.Limits | None = None,
) -> ImportReport:
    """Read an outside file and write it as a package.

    Parameters
    ----------
    path
        GLB, glTF, FBX, OBJ, STL, PLY, USD or USDZ.
    out_dir
        The package's folder: new, or empty. It appears complete or not at all.
    units
        One of m, dm, cm, mm, km, in, ft, yd instead of what the file says or is guessed.
    up
        X, Y or Z, likewise.
    name
        The displayName of /Asset; the file's name where None.
    root
        The folder that holds everything the file may name; its own folder where None.
    limits
        Of the worker; by the file's size where None.

    Returns
    -------
    ImportReport
        What was found, converted and lost.

    Raises
    ------
    ImportRefused
        Broken, hostile, empty or unknown; `SandboxLimit` where the reader ran into a limit or died.
    UsageError
        A unit or axis that is none.
    """
    if units is not None and units not in UNIT_NAMES:
        raise UsageError(f"unknown unit {units!r}", remedy=f"one of {', '.join(UNIT_NAMES)}")
    if up is not None and up.upper() not in ("X", "Y", "Z"):
        raise UsageError(f"unknown up axis {up!r}", remedy="one of X, Y, Z")
    started = time.monotonic()
    source = Path(path)
    sandbox.refuse_irregular(source)
    real = source.resolve()
    size = real.stat().st_size
    if size > LARGEST:
        raise ImportRefused(f"has {size >> 20} MB, at most {LARGEST >> 20} are read", path=source)
    kind = sniff(real)
    target = Path(out_dir).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError("the package's folder is not empty", path=target, remedy="name a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}-", dir=target.parent)).resolve()
    try:
        options = {"units": units, "up": up.upper() if up else None, "name": source.stem if name is None else name}
        told = _read(source, real, kind, staging, options, _root(real, kind, root), limits)
        digests = _seal(staging, source)
        staging.chmod(0o755)
        with contextlib.suppress(FileNotFoundError):
            target.rmdir()
        staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return ImportReport(
        source=str(source), format=kind.name, digest=digest_of(real), folder=str(target), file_digests=digests,
        layer_digest=digests["payload.usdc"], seconds=time.monotonic() - started, **told,
    )  # fmt: skip


def _root(real: Path, kind: Format, root: str | PathLike[str] | None) -> Path | None:
    """The folder a file may name others in; None for formats that name none."""
    if not kind.names_files:
        return None
    if root is None:
        return real.parent
    folder = Path(root).resolve()
    if not real.is_relative_to(folder):
        raise UsageError("the file does not lie in the folder that is to hold what it names", path=root)
    return folder


def _read(
    source: Path,
    real: Path,
    kind: Format,
    staging: Path,
    options: dict[str, str | None],
    root: Path | None,
    limits: sandbox.Limits | None,
) -> dict[str, Any]:
    arguments = {
        "path": str(real), "module": kind.module, "folder": str(root) if root else None, "out": str(staging), **options,
    }  # fmt: skip
    ran = sandbox.run(
        "pipeline.importers.convert:convert", arguments, read=[root or real], write=[staging],
        limits=limits or sandbox.Limits.for_size(_weight(real, root)), path=source,
    )  # fmt: skip
    if not isinstance(ran.result, dict):
        raise ImportRefused("its reader gave no report", path=source)
    return {**ran.result, "peak_mb": ran.peak_mb}


def _weight(real: Path, root: Path | None) -> int:
    """Bytes that reading may have to hold: the file's, and up to as many again as lie in its folder."""
    beside = 0
    if root is not None:
        for path in islice(_beneath(real.parent), MOST_NEIGHBOURS):
            with contextlib.suppress(OSError):
                beside += path.lstat().st_size
    return real.stat().st_size + min(beside, MOST_BESIDE)


def _seal(folder: Path, source: Path) -> dict[str, str]:
    """Digests of every file the worker wrote; anything but regular files and folders is refused."""
    digests = {}
    for at, folders, files in os.walk(folder):
        for entry in [*folders, *files]:
            path = Path(at, entry)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise ImportRefused(f"its reader left {entry!r}, which is no regular file", path=source)
            path.chmod(0o755 if stat.S_ISDIR(mode) else 0o644)
        for entry in files:
            digests[str(Path(at, entry).relative_to(folder))] = digest_of(Path(at, entry))
    if "payload.usdc" not in digests:
        raise ImportRefused("its reader wrote no layer", path=source)
    return dict(sorted(digests.items()))


def digest_of(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _beneath(folder: Path) -> Iterator[Path]:
    """Everything in a folder and its folders, in one order; links are not followed."""
    for at, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(at, name) for name in sorted(files))


def import_cached(
    path: str | PathLike[str], cache_dir: str | PathLike[str], *, units: str | None = None, up: str | None = None
) -> ImportReport:
    """Import into a folder under `cache_dir` that is named by the file's content, or find it there.

    Files that name others are keyed by the names, sizes and times of everything in their folder too.
    """
    source = Path(path)
    sandbox.refuse_irregular(source)
    real = source.resolve()
    key = hashlib.sha256(f"{READER_VERSION} {digest_of(real)} {units} {up} {source.name}".encode())
    if sniff(real).names_files:
        for entry in islice(_beneath(real.parent), MOST_NEIGHBOURS):
            status = entry.lstat()
            key.update(f"{entry}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    folder = Path(cache_dir) / key.hexdigest()[:40]
    kept = folder.with_suffix(".json")
    with contextlib.suppress(OSError, ValueError):
        report = ImportReport.model_validate_json(kept.read_text())
        layer = folder / report.layer
        if layer.is_file() and digest_of(layer) == report.layer_digest:
            return report.model_copy(update={"source": str(source), "folder": str(folder)})
    shutil.rmtree(folder, ignore_errors=True)
    report = import_file(source, folder, units=units, up=up)
    scratch = kept.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_text(json.dumps(report.model_dump(mode="json")))
    scratch.replace(kept)
    return report


def open_mesh(
    path: str | PathLike[str], cache_dir: str | PathLike[str], *, units: str | None = None, up: str | None = None
) -> Usd.Stage:
    """The stage of any importable file: metres, Y-up, its geometry and defects as they are in the file.

    Parameters
    ----------
    path
        The file.
    cache_dir
        Where packages are kept by content; the caller's to delete.

    Raises
    ------
    ImportRefused
        As `import_file`.
    """
    from pxr import Usd

    report = import_cached(path, cache_dir, units=units, up=up)
    stage = Usd.Stage.Open(str(Path(report.folder) / report.layer))
    if stage is None:
        raise ImportRefused("its package does not open", path=path, remedy=f"delete {report.folder} and try again")
    return stage
