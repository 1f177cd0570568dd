# SPDX-License-Identifier: Apache-2.0
"""One person's stage, opened to be edited or looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pxr import Sdf, Usd

from pipeline.errors import StageError
from pipeline.usd.writing import replace_layer
from pipeline.versions.commit import settle_work
from pipeline.versions.locks import locked
from pipeline.versions.store import VersionStore
from pipeline.versions.work import base_of, is_empty, is_whole

__all__ = ["Editing"]


@dataclass
class Editing:
    """A person's stage while it is open.

    Attributes
    ----------
    stage
        Its edit target is the work layer.
    """

    stage: Usd.Stage
    layer: Sdf.Layer

    @classmethod
    @contextmanager
    def on(cls, store: VersionStore, who: str, branch: str) -> Iterator[Editing]:
        """Open for editing; saved whole on leaving, untouched on an exception."""
        work = store.work(who, branch)
        with locked(work.lock, f"the work of {who!r} on {branch!r}"):
            stage = cls.look(store, who, branch)
            layer = Sdf.Layer.Find(str(work.path))
            before = layer.ExportToString()
            stage.SetEditTarget(layer)
            try:
                yield cls(stage, layer)
            except BaseException:
                layer.Reload(force=True)
                raise
            if layer.ExportToString() != before:
                replace_layer(work.path, layer)

    @classmethod
    def look(cls, store: VersionStore, who: str, branch: str) -> Usd.Stage:
        """Open for reading what the person sees: the branch with the uncommitted work on top."""
        head = store.refs.head(branch)
        cls.prepare(store, who, branch, head)
        paths = (
            store.layout.person(who),
            store.layout.stage,
            store.layout.branch(branch),
            store.work(who, branch).path,
        )
        for path in paths:
            loaded = Sdf.Layer.Find(str(path))
            if loaded:
                loaded.Reload(force=True)
        stage = Usd.Stage.Open(str(store.layout.person(who)))
        if not stage or not Sdf.Layer.Find(str(paths[-1])):
            raise StageError("the stage of this project does not open", path=paths[0], remedy="run `gates verify`")
        return stage

    @classmethod
    def prepare(cls, store: VersionStore, who: str, branch: str, head: str) -> None:
        """Make sure that stage and work layer of the person exist; an empty one starts at the head."""
        work = store.work(who, branch)
        metadata = store.metadata(head)
        whole = False
        if not work.path.exists():
            work.clear(head, metadata)
        else:
            settle_work(store, who, branch, head)
            layer = work.read()
            base = base_of(layer)
            whole = is_whole(layer)
            if base != head and is_empty(layer, store.metadata(base) if base else metadata):
                work.clear(head, metadata)
        work.show_person(metadata, whole)
