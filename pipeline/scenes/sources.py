# SPDX-License-Identifier: Apache-2.0
"""Which layer an asset of a scene comes from: a numbered package, an exact version, or what moves on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pxr import Sdf, Usd

from pipeline.errors import UsageError
from pipeline.versions.objects import LAYERS
from pipeline.versions.published import newest_number, package_of_entry

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = ["Source", "find_source"]

_NUMBER = re.compile(r"v(\d+)")
#: where assets stand in a project's stage
ASSETS = "/World/Assets"


@dataclass(frozen=True)
class Source:
    """Something to reference.

    Attributes
    ----------
    path
        The layer, absolute.
    prim
        The prim in it; empty for its default prim.
    pin
        `v003` for a package, the first digits of a version, a branch's name or `latest` for what moves on, `file`.
    """

    path: Path
    prim: str
    pin: str


def find_source(project: Project, asset: str, origin: str | None = None, *, follow: bool = False) -> Source:
    """Where an asset comes from.

    Parameters
    ----------
    origin
        `v003` or `published`: a package; a branch, tag or version id: that version of the project's stage; a USD
        file: stored in the project. Unless told: the newest package, else the head of the current branch.
    follow
        Reference what moves on (the entry layer of the packages, the branch) instead of what it is now.

    Raises
    ------
    UsageError
        There is no such package or file, or the version has no such asset.
    """
    if origin is None:
        origin = "published" if newest_number(project.layout, asset) else project.branch_name
    number = _NUMBER.fullmatch(origin)
    if origin == "published" or number:
        return _package(project, asset, int(number.group(1)) if number else None, follow)
    file = Path(origin)
    if file.suffix.lower() in {*LAYERS, ".usdz"} and file.is_file():
        if not _default_prim(file):
            raise UsageError("this file has no default prim to reference", path=file, remedy="set its defaultPrim")
        return Source(project.objects.add_layer(file), "", "file")
    if follow and origin not in project.branches():
        raise UsageError(f"{origin!r} does not move on, so it cannot be followed", remedy="name a branch")
    version = project.store.refs.resolve(origin)
    path = project.layout.branch(origin) if follow else project.layout.version(version)
    prim = f"{ASSETS}/{asset}"
    stage = Usd.Stage.Open(str(path), Usd.Stage.LoadNone)
    if not stage.GetPrimAtPath(prim):
        raise UsageError(f"{origin} has no asset {asset!r}", prim=prim, remedy="gates commit it first, or publish it")
    return Source(path, prim, origin if follow else version[:12])


def _package(project: Project, asset: str, number: int | None, follow: bool) -> Source:
    layout = project.layout
    newest = newest_number(layout, asset)
    entry = layout.publish / asset / f"{asset}.usda"
    shown = package_of_entry(entry)
    if not newest or shown is None:
        raise UsageError(
            f"no package of {asset!r} has a USD layer", path=entry, remedy=f"gates publish {asset} with the format usd"
        )
    if follow:
        return Source(entry, "", "latest")
    wanted = number or newest
    path = shown if number is None else shown.parents[_depth(shown, entry)] / f"v{wanted:03d}" / _inside(shown, entry)
    if not path.is_file():
        raise UsageError(
            f"there is no package v{wanted:03d} of {asset!r} with that layer",
            path=path,
            remedy=f"the newest is v{newest:03d}",
        )
    return Source(path, "", path.relative_to(entry.parent).parts[0])


def _depth(shown: Path, entry: Path) -> int:
    return len(shown.relative_to(entry.parent).parts) - 1


def _inside(shown: Path, entry: Path) -> Path:
    return Path(*shown.relative_to(entry.parent).parts[1:])


def _default_prim(path: Path) -> str:
    layer = Sdf.Layer.FindOrOpen(str(path))
    return str(layer.defaultPrim) if layer else ""
