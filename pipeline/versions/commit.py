# SPDX-License-Identifier: Apache-2.0
"""Commit: a work layer becomes an immutable delta, a version names it, the branch moves, the work is empty.

Written in this order: objects, version, branch, work layer, index. Whatever is named exists before its name
does, so a crash in between leaves at most files that nobody names, or work that is committed already; both
are recognised afterwards.
"""

from __future__ import annotations

from typing import Any

from pxr import Sdf

from pipeline.errors import VersionError
from pipeline.versions.locks import locked
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version, root_metadata
from pipeline.versions.work import WorkLayer, base_of, is_empty, without_marks

__all__ = ["commit", "settle_work"]


def commit(store: VersionStore, who: str, branch: str, message: str) -> Version:
    """Freeze the work of `who` on `branch` as a new version.

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
        metadata = store.metadata(head)
        if not work.path.exists():
            work.clear(head, metadata)
        settle_work(store, who, branch, head)
        layer = work.read()
        base = base_of(layer) or head
        if is_empty(layer, store.metadata(base)):
            raise VersionError(
                f"nothing to commit on {branch!r}", path=work.path, remedy="edit the stage first"
            )
        source = work.digest()
        version = _freeze(store, layer, work, head=head, metadata=metadata, message=message, source=source)
        store.refs.move(branch, version.id)
        work.clear(version.id, store.metadata(version.id))
    store.index.add([version])
    return version


def settle_work(store: VersionStore, who: str, branch: str, head: str) -> None:
    """Empty a work layer whose commit was finished but for this last step when the process died."""
    work = store.work(who, branch)
    base = base_of(work.read())
    if not base or base == head:
        return
    digest = work.digest()
    if any(version.source == digest for version in store.history.between(base, head)):
        work.clear(head, store.metadata(head))


def _freeze(
    store: VersionStore,
    layer: Sdf.Layer,
    work: WorkLayer,
    *,
    head: str,
    metadata: dict[str, Any],
    message: str,
    source: str,
) -> Version:
    own = root_metadata(layer)
    without_marks(layer)
    store.objects.freeze(layer, work.path.parent)
    delta = store.objects.add_content(layer)
    parent = store.index.get(head)
    return store.record(
        [delta.name, *parent.stack],
        {**metadata, **own},
        parents=[head],
        branch=work.branch,
        author=work.who,
        message=message,
        source=source,
        size=delta.stat().st_size,
    )
