# SPDX-License-Identifier: Apache-2.0
"""Publish numbers: `publish/<asset>/v003` never changes, `publish/<asset>/<asset>.usda` shows the newest.

The entry layer is for browsing and for first use; whatever is committed names a number.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from pxr import Sdf

from pipeline.errors import UsageError
from pipeline.usd.clock import now
from pipeline.usd.writing import TEMPORARY, replace_text, sync_file, sync_folder
from pipeline.versions.layout import checked_name
from pipeline.versions.locks import locked
from pipeline.versions.objects import LAYERS, digest_of, open_copy
from pipeline.versions.published import newest_number
from pipeline.versions.store import VersionStore
from pipeline.versions.version import root_metadata, set_root_metadata

__all__ = ["RECEIPT", "publish_package"]

RECEIPT = "receipt.json"


class HasStore(Protocol):
    """A project."""

    @property
    def store(self) -> VersionStore: ...


def publish_package(
    project: HasStore,
    asset: str,
    files: Mapping[str, Path],
    version: str,
    receipt: Mapping[str, Any] | None = None,
) -> tuple[int, Path]:
    """Put files into the next numbered package of an asset: all of them or none, and never over another.

    Parameters
    ----------
    files
        Name in the package (`stall.usd`, `textures/wood.png`) to the file to copy.
    version
        The version they were made from.
    receipt
        What else `receipt.json` should say; it always names version, time and each file's SHA-256.

    Returns
    -------
    The number, and the absolute path of the package's folder.

    Raises
    ------
    UsageError
        No files, or a name that leaves the package.
    """
    layout = project.store.layout
    _check(files)
    home = layout.publish / checked_name(asset, "asset")
    home.mkdir(parents=True, exist_ok=True)
    with locked(layout.locks / f"publish-{asset}.lock", f"publishing {asset!r}"):
        number = newest_number(layout, asset) + 1
        partial = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=home))
        try:
            partial.chmod(0o755)
            facts = _copy(files, partial)
            body = {
                **(receipt or {}),
                "number": number,
                "version": version,
                "time": now("microseconds"),
                "files": facts,
            }
            text = json.dumps(body, indent=1, ensure_ascii=False, default=str)
            (partial / RECEIPT).write_text(f"{text}\n", encoding="utf-8")
            _settle(partial)
            target = home / f"v{number:03d}"
            partial.rename(target)
            sync_folder(home)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _show(home, asset, target, files)
    return number, target


def _check(files: Mapping[str, Path]) -> None:
    if not files:
        raise UsageError("nothing to publish", remedy="export at least one file")
    for name in files:
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or name == RECEIPT:
            raise UsageError(f"{name!r} cannot be a file of a package", remedy="use a name inside the package")


def _copy(files: Mapping[str, Path], folder: Path) -> dict[str, dict[str, Any]]:
    facts = {}
    for name, source in sorted(files.items()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        facts[name] = {"sha256": digest_of(target), "bytes": target.stat().st_size}
    return facts


def _settle(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o444)
            sync_file(path)
        else:
            sync_folder(path)
    sync_folder(folder)


def _show(home: Path, asset: str, package: Path, files: Mapping[str, Path]) -> None:
    """Point the entry layer to the package's USD layer, if it has one."""
    order = [".usd", ".usdc", ".usda", ".usdz"]
    layers = [PurePosixPath(name) for name in files if PurePosixPath(name).suffix in {*LAYERS, ".usdz"}]
    layers = [name for name in layers if name.stem == asset] or [n for n in layers if n.stem.startswith(asset)]
    if not layers:
        return
    name = min(layers, key=lambda n: (len(n.parts), order.index(n.suffix), n.as_posix()))
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, root_metadata(open_copy(package / name)))
    layer.subLayerPaths = [f"./{package.name}/{name}"]
    replace_text(home / f"{asset}.usda", layer.ExportToString())
