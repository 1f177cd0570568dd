# SPDX-License-Identifier: Apache-2.0
"""Merge, cherry-pick and revert: a merged result becomes a version of a branch."""

from __future__ import annotations

from pydantic import BaseModel

from pipeline.errors import VersionError
from pipeline.versions.merge import Conflict, Settle
from pipeline.versions.recording import Authorship, record_changes
from pipeline.versions.renames import merge_renamed, recorded_renames
from pipeline.versions.store import VersionStore
from pipeline.versions.views import view_of_version

__all__ = ["MergeResult", "cherry_pick", "merge", "revert"]


class MergeResult(BaseModel):
    """What a merge came to.

    Attributes
    ----------
    version
        The branch's head afterwards.
    merged
        Whether the branch moved.
    conflicts
        What must be settled first; where there is any, nothing was changed.
    changes
        How many specs of our side changed.
    """

    version: str
    merged: bool = False
    conflicts: list[Conflict] = []
    changes: int = 0


def merge(
    store: VersionStore, who: str, branch: str, ref: str, settle: Settle | None = None, message: str = ""
) -> MergeResult:
    """Merge a branch, tag or version into `branch`.

    Raises
    ------
    UnknownRef
        Nothing is called `ref`.
    VersionError
        The two have no version in common.
    """
    with store.branch_lock(branch):
        head, other = store.refs.head(branch), store.refs.resolve(ref)
        base = store.history.merge_base(head, other)
        if base is None:
            raise VersionError(f"{ref!r} and {branch!r} have no version in common", remedy="import it instead")
        if base == other:
            return MergeResult(version=head)
        if base == head:
            store.refs.move(branch, other)
            return MergeResult(version=other, merged=True)
        by = Authorship(branch, who, message or f"merge {ref}", (head, other))
        return _record(store, (base, head, other), by, settle)


def cherry_pick(store: VersionStore, who: str, branch: str, ref: str, settle: Settle | None = None) -> MergeResult:
    """Make the changes of one version once more, on `branch`."""
    with store.branch_lock(branch):
        head, picked = store.refs.head(branch), store.index.get(store.refs.resolve(ref))
        by = Authorship(branch, who, picked.message, (head,))
        return _record(store, (_only_parent(picked.id, picked.parents), head, picked.id), by, settle)


def revert(store: VersionStore, who: str, branch: str, ref: str, settle: Settle | None = None) -> MergeResult:
    """Take the changes of one version back, on `branch`; everything after it stays."""
    with store.branch_lock(branch):
        head, undone = store.refs.head(branch), store.index.get(store.refs.resolve(ref))
        by = Authorship(branch, who, f"revert {undone.message}", (head,))
        return _record(store, (undone.id, head, _only_parent(undone.id, undone.parents)), by, settle)


def _record(store: VersionStore, sides: tuple[str, str, str], by: Authorship, settle: Settle | None) -> MergeResult:
    base, ours, theirs = (view_of_version(store, identifier) for identifier in sides)
    renames = [recorded_renames(store, sides[0], side) for side in sides[1:]]
    merged = merge_renamed(base, ours, theirs, renames[0], renames[1], settle=settle, store=store)
    if merged.conflicts:
        return MergeResult(version=sides[1], conflicts=merged.conflicts)
    if not merged.changes and len(by.parents) == 1:
        return MergeResult(version=sides[1])
    version = record_changes(store, sides[1], merged.changes, by)
    return MergeResult(version=version.id, merged=True, changes=sum(change.substantial for change in merged.changes))


def _only_parent(identifier: str, parents: tuple[str, ...]) -> str:
    if len(parents) != 1:
        what = "the first version" if not parents else "a merge"
        raise VersionError(
            f"{identifier[:10]} is {what}: it is not one change", remedy="name a version with one parent"
        )
    return parents[0]
