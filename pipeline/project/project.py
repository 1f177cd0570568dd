# SPDX-License-Identifier: Apache-2.0
"""The project as a program sees it: edit, commit, branch, look back, compare, merge."""

from __future__ import annotations

import getpass
import os
import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pxr import Sdf, Usd

from pipeline.errors import ConfigError, ProjectError, StageError
from pipeline.project.creation import FIRST_BRANCH, create_project
from pipeline.project.editing import Editing
from pipeline.settings.jobs import DEFAULT_JOB, load_job
from pipeline.usd.anchoring import relative
from pipeline.usd.schemas import register
from pipeline.versions.commit import commit
from pipeline.versions.layout import Layout, checked_name
from pipeline.versions.locks import locked
from pipeline.versions.objects import ObjectStore
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version
from pipeline.versions.work import add_rename, base_of, is_empty

if TYPE_CHECKING:
    from pipeline.versions.diff import Diff
    from pipeline.versions.merge import Settle
    from pipeline.versions.merging import MergeResult
    from pipeline.versions.pins import Pin
    from pipeline.versions.verify import VerifyResult

__all__ = ["Project"]


class Project:
    """One project folder, seen by one person.

    Everything is read from the disk at each call, so a long-lived object sees what others commit.

    Attributes
    ----------
    root
        The project folder, absolute.
    work
        Whose uncommitted layer `edit` writes: a person or a farm job.
    """

    def __init__(self, root: Path, work: str) -> None:
        self.root = root
        self.work = work
        self.store = VersionStore(Layout(root))
        self._thread = threading.local()

    # ---------------------------------------------------------------- open

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        job: str = DEFAULT_JOB,
        target: str = "",
        units: Literal["m", "cm"] = "m",
        *,
        work: str | None = None,
    ) -> Project:
        """Make a project in a new or empty folder.

        Raises
        ------
        ProjectError
            There is one already, or the folder cannot be written.
        UsageError
            There is no such job.
        """
        register()
        root = Path(path).absolute()
        load_job(job)
        who = _who(work)
        create_project(root, name=root.name, job=job, target=target, units=units, author=who)
        return cls(root, who)

    @classmethod
    def open(cls, path: str | os.PathLike[str], work: str | None = None) -> Project:
        """Open a project folder; `work` defaults to GATES_WORK, then the name of the OS user.

        Raises
        ------
        ProjectError
            There is no project.
        """
        register()
        root = Path(path).absolute()
        if not (root / "project.usda").is_file():
            raise ProjectError("there is no project here", path=root, remedy="make one with `gates new`")
        return cls(root, _who(work))

    @classmethod
    def find(cls, start: str | os.PathLike[str], work: str | None = None) -> Project:
        """The project that a folder lies in.

        Raises
        ------
        ProjectError
            Neither the folder nor one above it is a project.
        """
        here = Path(start).absolute()
        for folder in (here, *here.parents):
            if (folder / "project.usda").is_file() and (folder / "branches").is_dir():
                return cls.open(folder, work)
        raise ProjectError(
            "no project here or in a folder above",
            path=here,
            remedy="go into one, name it with `gates -C DIR`, or make one with `gates new DIR`",
        )

    # ---------------------------------------------------------------- facts

    @property
    def layout(self) -> Layout:
        """Where things lie."""
        return self.store.layout

    @property
    def objects(self) -> ObjectStore:
        """Immutable files named by content."""
        return self.store.objects

    @property
    def stage_path(self) -> Path:
        """The stage that everybody opens."""
        return self.layout.stage

    @property
    def config(self) -> dict[str, Any]:
        """`gates.toml` as it is.

        Raises
        ------
        ConfigError
            It is no TOML.
        """
        try:
            return tomllib.loads(self.layout.config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"gates.toml is not valid TOML: {error}", path=self.layout.config, remedy="mend that line"
            ) from error

    @property
    def name(self) -> str:
        """The project's name."""
        return str(self.config.get("project", {}).get("name", self.root.name))

    @property
    def job(self) -> str:
        """The job of assets whose intent names none."""
        return str(self.config.get("project", {}).get("job", DEFAULT_JOB))

    @property
    def target(self) -> str:
        """Where deliveries go unless told otherwise; empty where nobody said."""
        return str(self.config.get("project", {}).get("target", ""))

    @property
    def units(self) -> str:
        """`m` or `cm`."""
        return str(self.config.get("project", {}).get("units", "m"))

    @property
    def branch_name(self) -> str:
        """The branch this person is on."""
        try:
            text = self.layout.person(self.work).read_text(encoding="utf-8")
        except FileNotFoundError:
            return FIRST_BRANCH
        found = re.search(r'string BRANCH = "([^"]+)"', text)
        return found.group(1) if found else FIRST_BRANCH

    @property
    def work_path(self) -> Path:
        """The work layer of this person on the current branch."""
        return self.layout.work(self.work, self.branch_name)

    # ---------------------------------------------------------------- edit

    @contextmanager
    def edit(self, *, whole: bool = False) -> Iterator[Usd.Stage]:
        """A stage whose edit target is the work layer of the current branch.

        Saved whole on leaving; on an exception the layer stays as it was. Calls may be nested in one
        thread: the outermost saves.

        Parameters
        ----------
        whole
            The work layer holds everything the branch says, so that what is committed can be deleted,
            renamed and reordered; see `remove` and `rename`.
        """
        open_now: Editing | None = getattr(self._thread, "editing", None)
        if open_now:
            yield open_now.stage
            return
        with Editing.on(self.store, self.work, self.branch_name, whole) as editing:
            self._thread.editing = editing
            try:
                yield editing.stage
            finally:
                self._thread.editing = None

    def remove(self, *paths: str) -> None:
        """Delete prims or properties, committed or not, from the current branch; uncommitted until `commit`.

        Raises
        ------
        ProjectError
            Nothing on this branch defines one of them: it comes through a reference or is not there.
        """
        from pipeline.project.namespace import remove

        with self.edit(whole=True) as stage:
            remove(stage, paths)

    def rename(self, old: str, new: str) -> None:
        """Move a prim to another name or parent; relationships and connections follow.

        Raises
        ------
        ProjectError
            It cannot be moved, with USD's reason.
        """
        from pipeline.project.namespace import move

        with self.edit(whole=True) as stage:
            move(stage, old, new)
            add_rename(stage.GetEditTarget().GetLayer(), old, new)

    def discard(self) -> None:
        """Throw the uncommitted work on the current branch away."""
        with locked(self.store.work(self.work, self.branch_name).lock, "your work"):
            work = self.store.work(self.work, self.branch_name)
            head = self.head()
            work.clear(head, self.store.metadata(head))
            work.show_person(self.store.metadata(head))
        self.refresh()

    @property
    def modified(self) -> bool:
        """Whether there is uncommitted work on the current branch."""
        work = self.store.work(self.work, self.branch_name)
        if not work.path.exists():
            return False
        layer = work.read()
        return not is_empty(layer, self.store.metadata(base_of(layer) or self.head()))

    def anchor(self, path: str | os.PathLike[str]) -> str:
        """The relative asset path to author inside `edit()` for a file, say an object of the store."""
        return relative(Path(path).absolute(), self.work_path.parent)

    def open_stage(self, ref: str | None = None) -> Usd.Stage:
        """A stage for reading.

        Parameters
        ----------
        ref
            A branch, a tag or a version as it was committed; None for what this person sees now: the
            current branch with the uncommitted work on top.

        Raises
        ------
        UnknownRef
            Nothing is called that.
        StageError
            A layer is missing or damaged.
        """
        if ref is None:
            open_now: Editing | None = getattr(self._thread, "editing", None)
            if open_now:
                return open_now.stage
            return Editing.look(self.store, self.work, self.branch_name)
        path = self.layout.version(self.store.refs.resolve(ref))
        stage = Usd.Stage.Open(str(path))
        if not stage:
            raise StageError("this version does not open", path=path, remedy="run `gates verify`")
        return stage

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
            Sdf.Layer.ReloadLayers(stale, force=True)

    # ---------------------------------------------------------------- versions

    def commit(self, message: str, *, settle: Settle | None = None) -> Version:
        """Freeze the work layer as a new version of the current branch.

        Raises
        ------
        VersionError
            There is nothing to commit.
        MergeConflict
            The branch moved meanwhile and touches the same things; the work stays.
        """
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

        result = merge(self.store, self.work, self.branch_name, ref, settle, message)
        self.refresh()
        return result

    def cherry_pick(self, ref: str, *, settle: Settle | None = None) -> MergeResult:
        """Make the changes of one version once more on the current branch."""
        from pipeline.versions.merging import cherry_pick

        result = cherry_pick(self.store, self.work, self.branch_name, ref, settle)
        self.refresh()
        return result

    def revert(self, ref: str, *, settle: Settle | None = None) -> MergeResult:
        """Take the changes of one version back on the current branch."""
        from pipeline.versions.merging import revert

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


def _who(work: str | None) -> str:
    """A name that may be a file's."""
    name = work or os.environ.get("GATES_WORK")
    if name:
        return checked_name(name, "person")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user{os.getuid()}"
    return re.sub(r"[^A-Za-z0-9_.-]", "_", user) or "user"
