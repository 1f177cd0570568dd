# SPDX-License-Identifier: Apache-2.0
"""The version store of one project: layout, objects, names, index and history held together."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf

from pipeline.errors import StageError
from pipeline.versions.history import History
from pipeline.versions.index import Index
from pipeline.versions.layout import Layout
from pipeline.versions.locks import locked
from pipeline.versions.objects import ObjectStore, open_copy
from pipeline.versions.refs import Refs
from pipeline.versions.version import Version, compose_version, open_version, root_metadata, write_version
from pipeline.versions.work import WorkLayer

__all__ = ["VersionStore"]


@dataclass(frozen=True)
class VersionStore:
    """What branch, commit, diff and merge work on."""

    layout: Layout

    @cached_property
    def objects(self) -> ObjectStore:
        """Immutable files named by content."""
        return ObjectStore(self.layout)

    @cached_property
    def refs(self) -> Refs:
        """Branches and tags."""
        return Refs(self.layout)

    @cached_property
    def index(self) -> Index:
        """What versions say of themselves."""
        return Index(self.layout)

    @cached_property
    def history(self) -> History:
        """Who descends from whom."""
        return History(self.index)

    def work(self, who: str, branch: str) -> WorkLayer:
        """The uncommitted work of one person on one branch."""
        return WorkLayer(self.layout, who, branch)

    def branch_lock(self, branch: str) -> AbstractContextManager[None]:
        """Hold a branch so that nobody else moves it."""
        return locked(self.layout.locks / f"branch-{branch}.lock", f"branch {branch!r}")

    def metadata(self, identifier: str) -> dict[str, Any]:
        """The root metadata of a version."""
        return root_metadata(open_version(self.layout, identifier))

    def object_path(self, name: str) -> Path:
        """Where the object of that file name lies."""
        return self.layout.objects / name[:2] / name

    def open_object(self, name: str) -> Sdf.Layer:
        """A layer of a version's stack, shared by all who read it.

        Raises
        ------
        StageError
            It is missing or damaged.
        """
        path = self.object_path(name)
        try:
            layer = Sdf.Layer.FindOrOpen(str(path)) if path.is_file() else None
        except Tf.ErrorException:
            layer = None
        if not layer:
            raise StageError("a layer of this version is missing or damaged", path=path, remedy="run `gates verify`")
        return layer

    def record(self, stack: list[str], metadata: dict[str, Any], **facts: Any) -> Version:
        """Write a version whose objects exist; no branch names it yet."""
        version, text = compose_version(stack, metadata, **facts)
        write_version(self.layout, version, text)
        return version

    def open_copy(self, path: Path) -> Sdf.Layer:
        """A layer read from the disk now and shared with nobody."""
        return open_copy(path)
