# SPDX-License-Identifier: Apache-2.0
"""What a project does with its versions: commit, branch, look back, compare, merge, verify, exchange."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pxr import Sdf

from pipeline.project.editing import Editing
from pipeline.project.threads import alone
from pipeline.versions.commit import commit
from pipeline.versions.layout import Layout, checked_name
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version

if TYPE_CHECKING:
    from pipeline.versions.diff import Diff
    from pipeline.versions.merge import Settle
    from pipeline.versions.merging import MergeResult
    from pipeline.versions.pins import Pin
    from pipeline.versions.verify import VerifyResult

__all__ = ["Versioned"]


class Versioned(ABC):
    """The half of `Project` that is about versions.

    Attributes
    ----------
    work
        Whose uncommitted layer is committed.
    """

    work: str
    store: VersionStore

    @property
    def layout(self) -> Layout:
        """Where things lie."""
        return self.store.layout

    @property
    @abstractmethod
    def branch_name(self) -> str:
        """The branch this person is on."""

    @abstractmethod
    def _refuse_in_edit(self, what: str) -> None:
        """Raise where an edit is open in this thread."""

    def commit(self, message: str, *, settle: Settle | None = None) -> Version:
        """Freeze the work layer as a new version of the current branch.

        Raises
        ------
        VersionError
            There is nothing to commit.
        MergeConflict
            The branch moved meanwhile and touches the same things; the work stays.
        """
        self._refuse_in_edit("nothing can be committed")
        with alone():
            try:
                return commit(self.store, self.work, self.branch_name, message, settle)
            finally:
                self.refresh()

    def branch(self, name: str, ref: str | None = None) -> str:
        """Make a branch that starts at `ref` (default: the current branch); returns its head.

        Raises
        ------
        VersionError
            There is one of that name.
        """
        from pipeline.versions.branches import make_branch

        return make_branch(self.store, name, ref or self.branch_name)

    def branches(self) -> list[str]:
        """Names of all branches."""
        return self.store.refs.branches()

    def tags(self) -> list[str]:
        """Names of all tags."""
        return self.store.refs.tags()

    def head(self, branch: str | None = None) -> str:
        """The id of a branch's newest version (default: the current branch)."""
        return self.store.refs.head(branch or self.branch_name)

    def switch(self, name: str) -> None:
        """Go to another branch; uncommitted work stays on the branch it was made on.

        Raises
        ------
        UnknownRef
            There is no such branch.
        """
        self._refuse_in_edit("the branch cannot be switched")
        head = self.store.refs.head(checked_name(name, "branch"))
        Editing.prepare(self.store, self.work, name, head)
        self.refresh()

    def tag(self, name: str, ref: str | None = None) -> str:
        """Name a version for good (default: the current head); returns its id."""
        identifier = self.store.refs.resolve(ref or self.branch_name)
        self.store.refs.set_tag(name, identifier, {"author": self.work})
        return identifier

    def log(self, ref: str | None = None, limit: int | None = None) -> list[Version]:
        """A version and everything before it, newest first."""
        return self.store.history.log(self.store.refs.resolve(ref or self.branch_name), limit)

    def diff(self, a: str, b: str | None = None, *, composed: bool = False) -> Diff:
        """What differs between two branches, tags, versions, layer files or stage files.

        Parameters
        ----------
        a, b
            The old and the new side; `b` None is what this person sees now.
        composed
            Compare the composed stages instead of the authored layers.
        """
        from pipeline.versions.comparing import diff_refs

        work = None if b is not None else self.store.work(self.work, self.branch_name)
        return diff_refs(self.store, a, b, work=work, composed=composed)

    def merge(self, ref: str, *, settle: Settle | None = None, message: str = "") -> MergeResult:
        """Merge a branch, tag or version into the current branch; on conflict nothing changes."""
        from pipeline.versions.merging import merge

        with alone():
            result = merge(self.store, self.work, self.branch_name, ref, settle, message)
            self.refresh()
        return result

    def cherry_pick(self, ref: str, *, settle: Settle | None = None) -> MergeResult:
        """Make the changes of one version once more on the current branch."""
        from pipeline.versions.merging import cherry_pick

        with alone():
            result = cherry_pick(self.store, self.work, self.branch_name, ref, settle)
            self.refresh()
        return result

    def revert(self, ref: str, *, settle: Settle | None = None) -> MergeResult:
        """Take the changes of one version back on the current branch."""
        from pipeline.versions.merging import revert

        with alone():
            result = revert(self.store, self.work, self.branch_name, ref, settle)
            self.refresh()
        return result

    def pins(self, ref: str | None = None) -> list[Pin]:
        """The published packages that a version brings in (default: the current branch)."""
        from pipeline.versions.pins import list_pins

        return list_pins(self.store, ref or self.branch_name)

    def repin(self, asset: str, number: int, *, dry_run: bool = False) -> dict[str, Any]:
        """Use package `number` of an asset everywhere on the current branch, as a version of its own.

        Returns
        -------
        `asset`, `number`, `version` (None for a dry run or where nothing changes) and `changes`: path, field,
        old and new of each place.
        """
        from pipeline.versions.diff import described
        from pipeline.versions.pins import repin

        changes, version = repin(self.store, self.work, self.branch_name, asset, number, dry_run=dry_run)
        self.refresh()
        rows = [change.model_dump(mode="json") for change in described(changes)]
        return {"asset": asset, "number": number, "version": version and version.id, "changes": rows}

    def export_pins(self, out: str | os.PathLike[str], ref: str | None = None) -> list[Pin]:
        """Write the pins of a version as a mapping file for the resolvers of Maya and 3ds Max."""
        from pipeline.versions.pins import export_pins

        return export_pins(self.store, ref or self.branch_name, Path(out).absolute())

    def import_history(self, folder: str | os.PathLike[str], branch: str) -> list[Version]:
        """Make a branch of a folder of numbered USD files, oldest first."""
        from pipeline.versions.exchange import import_numbered

        return import_numbered(self.store, self.work, Path(folder).absolute(), branch)

    def export_history(self, ref: str, out: str | os.PathLike[str], *, flat: bool = False) -> Path:
        """Write a version as a folder that any tool opens, or as one composed file; returns the root layer."""
        from pipeline.versions.exchange import export_flat, export_folder

        write = export_flat if flat else export_folder
        return write(self.store, ref, Path(out).absolute())

    def verify(self, repair: bool = False) -> VerifyResult:
        """Every file against its name, every name against the files."""
        from pipeline.versions.verify import verify

        return verify(self.store, repair)

    def refresh(self) -> None:
        """Make stages that this process holds open see what is on the disk now."""
        layout = self.layout
        moving = (layout.branches, layout.works)
        loaded = [layer for layer in Sdf.Layer.GetLoadedLayers() if layer.realPath]
        stale = [
            layer
            for layer in loaded
            if Path(layer.realPath) == layout.stage
            or any(Path(layer.realPath).is_relative_to(folder) for folder in moving)
        ]
        if stale:
            with alone():
                Sdf.Layer.ReloadLayers(stale, force=True)
