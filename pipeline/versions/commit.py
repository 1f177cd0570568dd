# SPDX-License-Identifier: Apache-2.0
"""Commit: a work layer becomes an immutable delta, a version names it, the branch moves, the work is empty.

Written in this order: objects, version, branch, work layer, index. Whatever is named exists before its name
does, so a crash in between leaves at most files that nobody names, or work that is committed already; both
are recognised afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from pxr import Sdf

from pipeline.errors import MergeConflict, NothingToCommit, VersionError
from pipeline.versions.diff import changes_between
from pipeline.versions.fields import kind_of, spec_at
from pipeline.versions.fold import ROOT, paths_of
from pipeline.versions.locks import locked
from pipeline.versions.merge import Settle
from pipeline.versions.recording import Authorship, record_changes, record_delta
from pipeline.versions.renames import merge_renamed, recorded_renames
from pipeline.versions.settling import swapped, turned
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version, root_metadata, set_root_metadata
from pipeline.versions.views import StackView, view_of_version
from pipeline.versions.work import base_of, is_empty, is_whole, renames_of, without_marks

__all__ = ["commit", "settle_work"]


def commit(store: VersionStore, who: str, branch: str, message: str, settle: Settle | None = None) -> Version:
    """Freeze the work of `who` on `branch` as a new version.

    Parameters
    ----------
    settle
        Settles what others changed meanwhile and the work changes too; `ours` is the work.

    Raises
    ------
    VersionError
        There is nothing to commit.
    MergeConflict
        The branch moved meanwhile and touches the same things; the work stays as it is.
    RaceLost
        The branch or the work layer is in use.
    """
    work = store.work(who, branch)
    with locked(work.lock, f"the work of {who!r} on {branch!r}"), store.branch_lock(branch):
        head = store.refs.head(branch)
        if not work.path.exists():
            work.clear(head, store.metadata(head))
        settle_work(store, who, branch, head)
        layer = work.read()
        base = base_of(layer) or head
        if is_empty(layer, store.metadata(base)):
            raise NothingToCommit(f"nothing to commit on {branch!r}", path=work.path, remedy="edit the stage first")
        by = Authorship(branch, who, message, (head,), work.digest(), renames_of(layer))
        frozen = _frozen(store, layer, base, head, work.path.parent)
        version = _record(store, frozen, by, settle)
        work.clear(version.id, store.metadata(version.id))
        if frozen.whole:
            work.show_person(store.metadata(version.id))
    return version


def settle_work(store: VersionStore, who: str, branch: str, head: str) -> None:
    """Empty a work layer whose commit was finished but for this last step when the process died."""
    work = store.work(who, branch)
    base = base_of(work.read())
    if not base or base == head:
        return
    digest = work.digest()
    if any(version.source == digest for version in store.history.since(base, head)):
        work.clear(head, store.metadata(head))


@dataclass(frozen=True)
class _Frozen:
    """A work layer made ready to be stored."""

    layer: Sdf.Layer
    base: str
    head: str
    whole: bool


def _frozen(store: VersionStore, layer: Sdf.Layer, base: str, head: str, folder: object) -> _Frozen:
    from pathlib import Path

    old = store.metadata(base)
    own = {name: value for name, value in root_metadata(layer).items() if old.get(name) != value}
    if "timeCodesPerSecond" in own:
        raise VersionError(
            f"timeCodesPerSecond cannot change from {old.get('timeCodesPerSecond')} in a project with a history",
            remedy="set framesPerSecond for playback, or make a project with the new rate",
        )
    whole = is_whole(layer)
    without_marks(layer)
    store.objects.freeze(layer, Path(str(folder)))
    set_root_metadata(layer, store.metadata(head) | own)
    return _Frozen(layer, base, head, whole)


def _record(store: VersionStore, work: _Frozen, by: Authorship, settle: Settle | None) -> Version:
    if not work.whole and (work.base == work.head or not _met(store, work)):
        return record_delta(store, work.head, work.layer, by)
    base = view_of_version(store, work.base)
    beneath = () if work.whole else base.layers
    theirs = StackView((work.layer, *beneath), (work.layer.identifier, *(base.names if beneath else ())))
    head = view_of_version(store, work.head)
    pairs = [Sdf.Path(text) for text in by.renames]
    merged = merge_renamed(
        base,
        head,
        theirs,
        recorded_renames(store, work.base, work.head) if work.base != work.head else {},
        dict(zip(pairs[::2], pairs[1::2], strict=True)) if work.base != work.head else {},
        settle=swapped(settle),
        store=store,
    )
    if merged.conflicts:
        first = merged.conflicts[0]
        raise MergeConflict(
            f"{by.branch!r} moved meanwhile and {len(merged.conflicts)} of your changes meet others': "
            f"{first.path} {first.field}",
            conflicts=[turned(conflict) for conflict in merged.conflicts],
            prim=first.path,
            remedy="nothing was committed and your work is kept: settle with `gates commit --ours` or `--theirs`",
        )
    if not merged.changes:
        raise NothingToCommit("nothing to commit: the branch says all of it already", remedy="edit the stage first")
    return record_changes(store, work.head, merged.changes, by)


def _met(store: VersionStore, work: _Frozen) -> bool:
    """Whether the branch moved at a path that the work says something about."""
    moved = changes_between(view_of_version(store, work.base), view_of_version(store, work.head), store)
    said = {path for path in paths_of(work.layer) if path != ROOT and not _is_bare(spec_at(work.layer, path))}
    gone = {change.path for change in moved if change.new is None}
    touched = {change.path for change in moved if change.substantial}
    return bool(said & touched) or any(prefix in gone for path in said for prefix in path.GetPrefixes())


def _is_bare(spec: Sdf.Spec) -> bool:
    """Whether a spec only leads to what is beneath it."""
    kind = kind_of(spec)
    if kind in {"variantSet", "variant"}:
        return not [name for name in spec.ListInfoKeys() if name != "specifier"]
    return kind == "prim" and spec.specifier == Sdf.SpecifierOver and spec.ListInfoKeys() == ["specifier"]
