# SPDX-License-Identifier: Apache-2.0
"""Making a branch."""

from __future__ import annotations

from pipeline.errors import VersionError
from pipeline.versions.layout import checked_name
from pipeline.versions.store import VersionStore

__all__ = ["make_branch"]


def make_branch(store: VersionStore, name: str, ref: str) -> str:
    """A new branch whose head is the version that `ref` names; returns that version's id.

    Raises
    ------
    VersionError
        There is a branch of that name.
    UnknownRef
        Nothing is called `ref`.
    """
    checked_name(name, "branch")
    identifier = store.refs.resolve(ref)
    with store.branch_lock(name):
        if store.layout.branch(name).exists():
            raise VersionError(
                f"there is a branch {name!r} already",
                path=store.layout.branch(name),
                remedy="choose another name, or `gates switch` to it",
            )
        store.refs.move(name, identifier)
    return identifier
