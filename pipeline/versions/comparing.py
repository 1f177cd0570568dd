# SPDX-License-Identifier: Apache-2.0
"""Diff between any two things that have a name: branch, tag, version, layer file, stage file, work."""

from __future__ import annotations

import time
from pathlib import Path

from pxr import Sdf, Usd

from pipeline.errors import UnknownRef
from pipeline.versions.diff import Diff, compare
from pipeline.versions.store import VersionStore
from pipeline.versions.views import StackView, view_of, view_of_file, view_of_version
from pipeline.versions.work import WorkLayer, is_whole, without_marks

__all__ = ["diff_files", "diff_refs", "stage_of"]


def diff_refs(
    store: VersionStore, a: str, b: str | None, *, work: WorkLayer | None = None, composed: bool = False
) -> Diff:
    """What differs between two refs; `b` None is the uncommitted work."""
    start = time.perf_counter()
    if composed:
        x = _composed(stage_of(store, a), a)
        y = _composed(stage_of(store, b), b) if b is not None else _composed_work(store, work)
        diff = compare(x, y)
    else:
        diff = compare(view_of(store, a), view_of(store, b) if b is not None else view_of_work(store, work), store)
    diff.seconds = time.perf_counter() - start
    return diff


def diff_files(a: Path, b: Path, *, composed: bool = False) -> Diff:
    """What differs between two layer or stage files, in a project or not."""
    if composed:
        return compare(_composed(Usd.Stage.Open(str(a)), a.name), _composed(Usd.Stage.Open(str(b)), b.name))
    return compare(view_of_file(a), view_of_file(b))


def view_of_work(store: VersionStore, work: WorkLayer | None) -> StackView:
    """The branch with the uncommitted work on top, paths as in stored layers."""
    assert work is not None
    head = view_of_version(store, store.refs.head(work.branch), work.branch)
    if not work.path.exists():
        return head
    layer = work.read()
    whole = is_whole(layer)
    without_marks(layer)
    _as_stored(layer, work, store)
    if whole:
        return StackView((layer,), (layer.identifier,), "work")
    return StackView((layer, *head.layers), (layer.identifier, *head.names), "work")


def _as_stored(layer: Sdf.Layer, work: WorkLayer, store: VersionStore) -> None:
    from pipeline.usd.anchoring import reanchor

    reanchor(layer, work.path.parent, store.layout.objects / "00")


def stage_of(store: VersionStore | None, ref: str) -> Usd.Stage:
    """The stage of a branch, tag, version, layer file or stage file.

    Raises
    ------
    UnknownRef
        Nothing is called that.
    """
    path = Path(ref).absolute()
    if store is not None:
        try:
            path = store.layout.version(store.refs.resolve(ref))
        except UnknownRef:
            if not path.is_file():
                raise
    return Usd.Stage.Open(str(path))


def _composed_work(store: VersionStore, work: WorkLayer | None) -> StackView:
    assert work is not None
    return _composed(Usd.Stage.Open(str(store.layout.person(work.who))), "work")


def _composed(stage: Usd.Stage, label: str) -> StackView:
    """The composed scene as one layer: what a renderer would see."""
    layer = stage.Flatten(addSourceFileComment=False)
    return StackView((layer,), (layer.identifier,), label)
