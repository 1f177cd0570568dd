# SPDX-License-Identifier: Apache-2.0
"""Changes become a version: as a delta where one can say them, else as a whole layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pxr import Sdf

from pipeline.errors import VersionError
from pipeline.versions.diff import SpecChange
from pipeline.versions.elements import ABSENT
from pipeline.versions.fields import NotOneLayer
from pipeline.versions.fold import ROOT
from pipeline.versions.patch import apply, delta_for, without
from pipeline.versions.stages import show_project
from pipeline.versions.store import VersionStore
from pipeline.versions.tail import shortened, store_layer
from pipeline.versions.version import ROOT_FIELDS, Version, set_root_metadata
from pipeline.versions.views import StackView, view_of_version

__all__ = ["Authorship", "record_changes", "record_delta"]


@dataclass(frozen=True)
class Authorship:
    """What a version says of itself besides its content.

    Attributes
    ----------
    source
        SHA-256 of the work layer it was made from.
    renames
        Old and new paths of prims in turn.
    """

    branch: str
    author: str
    message: str
    parents: tuple[str, ...]
    source: str = ""
    renames: tuple[str, ...] = ()


def record_delta(store: VersionStore, head: str, delta: Sdf.Layer, by: Authorship) -> Version:
    """A version with one more delta on the stack of `head`; the branch moves to it.

    The delta's root metadata becomes the version's.
    """
    from pipeline.versions.version import root_metadata

    metadata = store.metadata(head) | root_metadata(delta)
    name = store_layer(store, delta)
    stack = shortened(store, [name, *store.index.get(head).stack])
    return _record(store, stack, metadata, by, store.object_path(name).stat().st_size)


def record_changes(store: VersionStore, head: str, changes: list[SpecChange], by: Authorship) -> Version:
    """A version in which the changes are made to `head`; the branch moves to it.

    Raises
    ------
    VersionError
        Something is deleted from a stack that no single layer can stand for.
    """
    view = view_of_version(store, head)
    metadata = store.metadata(head) | _root_changes(changes)
    try:
        delta = delta_for(changes, view)
        set_root_metadata(delta, metadata)
        name = store_layer(store, delta)
        stack = shortened(store, [name, *view.names])
    except NotOneLayer:
        stack = _rewritten(store, view, changes, metadata)
        name = stack[0]
    return _record(store, stack, metadata, by, store.object_path(name).stat().st_size)


def _record(store: VersionStore, stack: list[str], metadata: dict[str, Any], by: Authorship, size: int) -> Version:
    version = store.record(
        stack,
        metadata,
        parents=list(by.parents),
        branch=by.branch,
        author=by.author,
        message=by.message,
        source=by.source,
        size=size,
        renames=by.renames,
    )
    store.refs.move(by.branch, version.id)
    show_project(store.layout, by.branch, metadata)
    store.index.add([version])
    return version


def _rewritten(store: VersionStore, view: StackView, changes: list[SpecChange], metadata: dict[str, Any]) -> list[str]:
    """A stack in which something is gone: one whole layer, or else the same layers without it."""
    try:
        layer = view.folded()
    except NotOneLayer:
        return _layer_by_layer(store, view, changes, metadata)
    apply(changes, layer)
    set_root_metadata(layer, metadata)
    return [store.objects.add_content(layer, ".usdc").name]


def _layer_by_layer(
    store: VersionStore, view: StackView, changes: list[SpecChange], metadata: dict[str, Any]
) -> list[str]:
    try:
        layers = without(changes, view)
        stack = [
            name if layer is None else store.objects.add_content(layer, Path(name).suffix).name
            for name, layer in zip(view.names, layers, strict=True)
        ]
        beneath = StackView(tuple(store.open_object(name) for name in stack), tuple(stack))
        delta = delta_for([change for change in changes if change.new is not None], beneath)
    except NotOneLayer as error:
        raise VersionError(
            f"this deletion cannot be recorded: {error}", remedy="deactivate the prim instead of deleting it"
        ) from error
    set_root_metadata(delta, metadata)
    return shortened(store, [store_layer(store, delta), *stack])


def _root_changes(changes: list[SpecChange]) -> dict[str, Any]:
    for change in changes:
        if change.path == ROOT:
            fields = change.fields()
            return {n: new for n, (_, new) in fields.items() if n in ROOT_FIELDS and new is not ABSENT}
    return {}
