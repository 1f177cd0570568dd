# SPDX-License-Identifier: Apache-2.0
"""History in and out: folders of `v001, v002, …` become a branch, a branch becomes a folder or one file."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pxr import Sdf, Usd

from pipeline import progress
from pipeline.errors import ProjectError, StageError, UsageError, VersionError
from pipeline.usd.anchoring import asset_paths, is_local, relative, rewrite_asset_paths
from pipeline.usd.writing import replace_layer, replace_text
from pipeline.versions.diff import changes_between
from pipeline.versions.fields import NotOneLayer
from pipeline.versions.layout import checked_name
from pipeline.versions.objects import LAYERS, open_copy
from pipeline.versions.patch import delta_for
from pipeline.versions.sequences import find_sequence
from pipeline.versions.store import VersionStore
from pipeline.versions.tail import shortened, store_layer
from pipeline.versions.version import Version, open_version, root_metadata, set_root_metadata
from pipeline.versions.views import StackView, view_of_version

__all__ = ["export_flat", "export_folder", "find_numbered", "import_numbered"]

_NUMBER = re.compile(r"(?:^|[._-])v(\d+)(?=$|[._-])", re.IGNORECASE)


def find_numbered(folder: Path) -> list[tuple[int, Path]]:
    """The numbered layers of a folder: `v001/stall.usd`, `stall_v001.usda`, …, by number.

    Raises
    ------
    ProjectError
        There is none, or two have one number.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _NUMBER.search(path.name if path.is_dir() else path.stem)
        layer = _layer_in(path) if path.is_dir() else path if path.suffix.lower() in LAYERS else None
        if not match or not layer:
            continue
        number = int(match.group(1))
        if number in found:
            raise ProjectError(
                f"two layers are number {number}: {found[number].name} and {layer.name}",
                path=folder,
                remedy="import a folder that holds one asset",
            )
        found[number] = layer
    if not found:
        raise ProjectError(
            "no numbered layers here", path=folder, remedy="name files stall_v001.usd or folders v001/stall.usd"
        )
    return sorted(found.items())


def _layer_in(folder: Path) -> Path | None:
    layers = sorted(p for p in folder.iterdir() if p.suffix.lower() in LAYERS)
    named = [p for p in layers if p.stem in folder.parent.name or folder.parent.name in p.stem]
    return next(iter(named or layers), None)


def import_numbered(store: VersionStore, who: str, folder: Path, branch: str) -> list[Version]:
    """Make a branch of a folder of numbered layers: one version a number, oldest first.

    Each version's time is that of the file. A layer that only adds to the one before is kept as the
    difference.

    Raises
    ------
    ProjectError, StageError
        The folder holds no numbered layers, or one cannot be read.
    VersionError
        There is such a branch already.
    """
    layers = find_numbered(folder)
    with store.branch_lock(checked_name(branch, "branch")):
        if store.layout.branch(branch).exists():
            raise VersionError(f"there is a branch {branch!r} already", remedy="choose another name")
        versions: list[Version] = []
        for number, path in progress.track(layers, "import versions"):
            name = store.objects.add_layer(path).name
            versions.append(_imported(store, who, branch, versions[-1] if versions else None, name, number, path))
        store.refs.move(branch, versions[-1].id)
    store.index.add(versions)
    return versions


def _imported(
    store: VersionStore,
    who: str,
    branch: str,
    parent: Version | None,
    name: str,
    number: int,
    path: Path,
) -> Version:
    metadata = root_metadata(store.open_object(name))
    stack = _as_delta(store, parent, name, metadata) if parent else [name]
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return store.record(
        stack,
        metadata,
        parents=[parent.id] if parent else [],
        branch=branch,
        author=who,
        message=f"v{number:03d} from {path.name}",
        time=when.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        size=store.object_path(stack[0]).stat().st_size,
    )


def _as_delta(store: VersionStore, parent: Version, name: str, metadata: dict[str, Any]) -> list[str]:
    """The shorter of: the layer itself, or the parent's stack and what differs."""
    layer = store.open_object(name)
    if layer.subLayerPaths or store.metadata(parent.id).get("timeCodesPerSecond") != metadata.get("timeCodesPerSecond"):
        return [name]
    below = view_of_version(store, parent.id)
    try:
        delta = delta_for(changes_between(below, StackView((layer,), (name,)), store), below)
    except NotOneLayer:
        return [name]
    set_root_metadata(delta, metadata)
    if len(delta.ExportToString()) > store.object_path(name).stat().st_size // 2:
        return [name]
    return shortened(store, [store_layer(store, delta), *parent.stack])


def export_folder(store: VersionStore, ref: str, out: Path) -> Path:
    """A version as a folder of its own that any tool opens: one root layer and the files it needs.

    Returns
    -------
    The root layer.

    Raises
    ------
    UsageError
        The folder is there and not empty.
    """
    identifier = store.refs.resolve(ref)
    if out.exists() and any(out.iterdir()):
        raise UsageError("this folder is not empty", path=out, remedy="name a new one")
    out.mkdir(parents=True, exist_ok=True)
    root = store.layout.root
    layer = open_version(store.layout, identifier)
    layer.subLayerPaths = [path.removeprefix("../") for path in layer.subLayerPaths]
    waiting = [root / path for path in layer.subLayerPaths]
    done: set[Path] = set()
    while waiting:
        source = waiting.pop()
        if source in done:
            continue
        done.add(source)
        target = out / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        waiting.extend(_needed(source, root))
        progress.step("export", len(done), len(done) + len(waiting))
    layer.subLayerPaths = [f"./{path}" for path in layer.subLayerPaths]
    name = ref if re.fullmatch(r"[\w.-]+", ref) else identifier[:10]
    replace_text(out / f"{name}.usda", layer.ExportToString())
    return out / f"{name}.usda"


def _needed(source: Path, root: Path) -> list[Path]:
    """The files that a layer names and that lie in the project."""
    if source.suffix.lower() not in LAYERS:
        return []
    found: list[Path] = []
    for asset in asset_paths(open_copy(source)):
        if not is_local(asset):
            continue
        target = Path(relative_to_folder(source.parent, asset.partition("[")[0]))
        sequence = find_sequence(target)
        files = [path for _, path in sequence.files] if sequence else [target]
        found.extend(path for path in files if path.is_file() and path.is_relative_to(root))
    return found


def relative_to_folder(folder: Path, asset: str) -> str:
    """An asset path as an absolute path without `..`."""
    import os

    return os.path.normpath(folder / asset)


def export_flat(store: VersionStore, ref: str, out: Path) -> Path:
    """A version as one composed layer: no variants, no references; textures in a folder beside it.

    Raises
    ------
    StageError
        The version does not open.
    """
    stage = Usd.Stage.Open(str(store.layout.version(store.refs.resolve(ref))))
    if not stage:
        raise StageError(f"{ref!r} does not open", remedy="run `gates verify`")
    flat = stage.Flatten(addSourceFileComment=False)
    beside = out.parent / f"{out.stem}_files"

    def gather(asset: str) -> str:
        source = Path(asset)
        sequence = find_sequence(source) if is_local(asset) and source.is_absolute() else None
        if not is_local(asset) or not (sequence or source.is_file()):
            return asset
        beside.mkdir(parents=True, exist_ok=True)
        for path in [path for _, path in sequence.files] if sequence else [source]:
            shutil.copyfile(path, beside / path.name)
        return relative(beside / source.name, out.parent)

    rewrite_asset_paths(flat, gather)
    copy = Sdf.Layer.CreateAnonymous(out.suffix)
    copy.TransferContent(flat)
    replace_layer(out, copy)
    return out
