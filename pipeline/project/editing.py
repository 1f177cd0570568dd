# SPDX-License-Identifier: Apache-2.0
"""One person's stage, opened to be edited or looked at."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pxr import Sdf, Usd

from pipeline.errors import ProjectError, StageError
from pipeline.usd.anchoring import reanchor
from pipeline.usd.writing import replace_layer, replace_text
from pipeline.versions.commit import settle_work
from pipeline.versions.fields import NotOneLayer
from pipeline.versions.fold import folded
from pipeline.versions.locks import locked
from pipeline.versions.store import VersionStore
from pipeline.versions.views import view_of_version
from pipeline.versions.work import WorkLayer, base_of, is_empty, is_whole, mark

__all__ = ["Editing"]


@dataclass
class Editing:
    """A person's stage while it is open.

    Attributes
    ----------
    stage
        Its edit target is the work layer.
    whole
        Whether the work layer stands in the place of its branch.
    """

    stage: Usd.Stage
    layer: Sdf.Layer
    whole: bool = False

    @classmethod
    @contextmanager
    def on(cls, store: VersionStore, who: str, branch: str, whole: bool = False) -> Iterator[Editing]:
        """Open for editing; saved whole on leaving, untouched on an exception."""
        work = store.work(who, branch)
        with locked(work.lock, f"the work of {who!r} on {branch!r}"):
            cls.prepare(store, who, branch, store.refs.head(branch))
            with _whole(store, work) if whole else _as_it_is(work) as keep:
                stage = cls.look(store, who, branch)
                layer = Sdf.Layer.Find(str(work.path))
                before = layer.ExportToString()
                stage.SetEditTarget(layer)
                try:
                    yield cls(stage, layer, is_whole(layer))
                except BaseException:
                    layer.Reload(force=True)
                    raise
                if layer.ExportToString() != before:
                    keep()
                    replace_layer(work.path, layer)

    @classmethod
    def look(cls, store: VersionStore, who: str, branch: str) -> Usd.Stage:
        """Open for reading what the person sees: the branch with the uncommitted work on top."""
        head = store.refs.head(branch)
        try:
            cls.prepare(store, who, branch, head)
        except OSError as error:
            if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
                raise
            return _only_committed(store, branch)
        work = store.work(who, branch)
        person = store.layout.person(who)
        moving = (person, store.layout.stage, store.layout.branch(branch), work.path)
        loaded = [layer for layer in (Sdf.Layer.Find(str(path)) for path in moving) if layer]
        if loaded:
            Sdf.Layer.ReloadLayers(loaded, force=True)
        stage = Usd.Stage.Open(str(person))
        if not stage or not Sdf.Layer.Find(str(work.path)):
            raise StageError("the stage of this project does not open", path=person, remedy="run `gates verify`")
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


def _only_committed(store: VersionStore, branch: str) -> Usd.Stage:
    """What one may see of a project one may not write: a branch without anybody's work."""
    session = Sdf.Layer.CreateAnonymous(".usda")
    session.expressionVariables = {"BRANCH": branch}
    return Usd.Stage.Open(Sdf.Layer.FindOrOpen(str(store.layout.stage)), session)


@contextmanager
def _as_it_is(work: WorkLayer) -> Iterator[Callable[[], None]]:
    yield lambda: None


@contextmanager
def _whole(store: VersionStore, work: WorkLayer) -> Iterator[Callable[[], None]]:
    """The work layer holds all of its branch while the block runs, and afterwards if that was kept."""
    layer = work.read()
    if is_whole(layer):
        yield lambda: None
        return
    text, base = work.path.read_text(encoding="utf-8"), base_of(layer)
    metadata = store.metadata(base)
    replace_layer(work.path, _everything(store, work, layer, base))
    work.show_person(metadata, whole=True)
    kept: list[bool] = []
    try:
        yield lambda: kept.append(True)
    finally:
        if not kept:
            replace_text(work.path, text)
            work.show_person(metadata)


def _everything(store: VersionStore, work: WorkLayer, layer: Sdf.Layer, base: str) -> Sdf.Layer:
    beneath = view_of_version(store, base)
    stored, here = store.layout.objects / "00", work.path.parent
    reanchor(layer, here, stored)
    try:
        result = folded([layer, *beneath.layers])
    except NotOneLayer as error:
        raise ProjectError(
            f"this branch cannot be edited whole: {error}",
            path=work.path,
            remedy="deactivate the prim instead of deleting it",
        ) from error
    reanchor(result, stored, here)
    mark(result, base, whole=True)
    return result
