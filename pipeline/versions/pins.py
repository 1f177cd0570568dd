# SPDX-License-Identifier: Apache-2.0
"""Pins: which published packages a version uses, by literal relative paths, so that it stays what it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pxr import Sdf, Vt
from pydantic import BaseModel

from pipeline.errors import UsageError
from pipeline.usd.anchoring import rewrite_asset_paths
from pipeline.usd.writing import replace_layer
from pipeline.versions.diff import SpecChange, changes_between
from pipeline.versions.published import newest_number, package_of_entry
from pipeline.versions.recording import Authorship, record_changes
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version
from pipeline.versions.views import StackView, view_of_version

__all__ = ["Pin", "export_pins", "list_pins", "repin", "repinned"]

_PIN = re.compile(r"publish/(?P<asset>[^/@]+)/v(?P<number>\d+)/(?P<file>[^@]*)")


class Pin(BaseModel):
    """One package that a version uses.

    Attributes
    ----------
    number
        What it is pinned to.
    newest
        What there is.
    path
        Of the layer, relative to the project folder.
    prims
        Where it is brought in.
    """

    asset: str
    number: int
    newest: int
    path: str
    prims: list[str] = []


def list_pins(store: VersionStore, ref: str) -> list[Pin]:
    """The packages that a branch, tag or version brings in, by asset."""
    view = view_of_version(store, store.refs.resolve(ref))
    found: dict[tuple[str, int, str], Pin] = {}
    for path, asset_path in _arcs(view):
        match = _PIN.search(asset_path)
        if not match:
            continue
        asset, number = match["asset"], int(match["number"])
        pin = Pin(asset=asset, number=number, newest=newest_number(store.layout, asset), path=match.group(0))
        found.setdefault((asset, number, match["file"]), pin).prims.append(path)
    return [found[key] for key in sorted(found)]


def repin(
    store: VersionStore, who: str, branch: str, asset: str, number: int, *, dry_run: bool = False
) -> tuple[list[SpecChange], Version | None]:
    """Use another package of an asset everywhere on a branch: a version of its own, with nothing else in it.

    Returns
    -------
    What changes (or would), and the version; None for a dry run or where nothing changes.

    Raises
    ------
    UsageError
        There is no such package, or it lacks a file that the branch brings in.
    """
    folder = store.layout.publish / asset / f"v{number:03d}"
    if not folder.is_dir():
        raise UsageError(
            f"there is no package v{number:03d} of {asset!r}",
            path=folder,
            remedy=f"the newest is v{newest_number(store.layout, asset):03d}",
        )
    with store.branch_lock(branch):
        head = store.refs.head(branch)
        view = view_of_version(store, head)
        layer = view.folded(".usda")
        rewrite_asset_paths(layer, lambda path: repinned(path, asset, number, folder))
        changes = changes_between(view, StackView((layer,), (layer.identifier,)), store)
        if dry_run or not changes:
            return changes, None
        by = Authorship(branch, who, f"{asset} pinned to v{number:03d}", (head,))
        return changes, record_changes(store, head, changes, by)


def export_pins(store: VersionStore, ref: str, out: Path) -> list[Pin]:
    """Write the pins of a version as a mapping file.

    The form is that of the asset resolver in Maya and 3ds Max: a usda whose customLayerData holds
    `searchPaths`, `tokenMappingPairs` and `pathMappingPairs` (from, to, from, to, …); `mappingPairs` repeats
    the last for resolvers that read that key. A scene that names an asset's entry layer gets the pinned
    package.
    """
    pins = list_pins(store, ref)
    pairs = [part for pin in pins for part in (f"{pin.asset}/{pin.asset}.usda", pin.path.removeprefix("publish/"))]
    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.customLayerData = {
        "mappingPairs": Vt.StringArray(pairs),
        "pathMappingPairs": Vt.StringArray(pairs),
        "searchPaths": Vt.StringArray([store.layout.publish.as_posix()]),
        "tokenMappingPairs": Vt.StringArray(["publish", store.layout.publish.as_posix()]),
    }
    replace_layer(out, layer)
    return pins


def repinned(path: str, asset: str, number: int, folder: Path) -> str:
    """An asset path with another number of one asset's package; any other path as it is.

    Raises
    ------
    UsageError
        That package, which lies in `folder`, lacks the file.
    """
    match = _PIN.search(path)
    if not match or match["asset"] != asset:
        return path
    name = match["file"]
    if not (folder / name.partition("[")[0]).exists():
        entry = package_of_entry(folder.parent / f"{asset}.usda")
        if entry is None or not (folder / entry.name).exists():
            raise UsageError(f"v{number:03d} of {asset!r} has no {name}", path=folder, remedy="choose another number")
        name = entry.name
    return f"{path[: match.start()]}publish/{asset}/v{number:03d}/{name}"


def _arcs(view: StackView) -> Iterator[tuple[str, str]]:
    """(path, asset path) of everything authored that names a file."""
    for layer in view.layers[:1] if len(view.layers) == 1 else [view.folded(".usda")]:
        paths: list[Sdf.Path] = []
        layer.Traverse(Sdf.Path.absoluteRootPath, paths.append)
        for path in paths:
            spec = layer.GetObjectAtPath(path)
            if spec is None or path == Sdf.Path.absoluteRootPath:
                continue
            for name in ("references", "payload", "default"):
                if spec.HasInfo(name):
                    yield from ((str(path), asset) for asset in _named(spec.GetInfo(name)))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, Sdf.AssetPath):
        yield value.path
    elif isinstance(value, Sdf.AssetPathArray):
        yield from (item.path for item in value)
    elif isinstance(value, (Sdf.ReferenceListOp, Sdf.PayloadListOp)):
        for item in value.GetAddedOrExplicitItems():
            yield item.assetPath
