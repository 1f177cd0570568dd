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
from typing import Any, Literal

from pxr import Usd

from pipeline.errors import ConfigError, ProjectError, StageError
from pipeline.project.creation import FIRST_BRANCH, create_project
from pipeline.project.editing import Editing
from pipeline.project.threads import alone, keep
from pipeline.project.versioned import Versioned
from pipeline.settings.jobs import DEFAULT_JOB, load_job
from pipeline.usd.anchoring import relative
from pipeline.usd.schemas import register
from pipeline.versions.layout import Layout, checked_name
from pipeline.versions.locks import locked
from pipeline.versions.objects import ObjectStore
from pipeline.versions.store import VersionStore
from pipeline.versions.work import add_rename, base_of, is_empty

__all__ = ["Project"]


class Project(Versioned):
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
            text = self.layout.person(self.work).read_text(encoding="utf-8", errors="replace")
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
            if whole and not open_now.whole:
                self._refuse_in_edit("a whole edit cannot begin")
            yield open_now.stage
            return
        with alone(), Editing.on(self.store, self.work, self.branch_name, whole) as editing:
            self._thread.editing = editing
            keep(editing.stage)
            try:
                yield editing.stage
            finally:
                self._thread.editing = None

    def _refuse_in_edit(self, what: str) -> None:
        if getattr(self._thread, "editing", None):
            raise ProjectError(
                f"{what} inside `edit()`", path=self.work_path, remedy="leave the `with project.edit()` block first"
            )

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
        self._refuse_in_edit("work cannot be discarded")
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
            with alone():
                return keep(Editing.look(self.store, self.work, self.branch_name))
        path = self.layout.version(self.store.refs.resolve(ref))
        with alone():
            stage = Usd.Stage.Open(str(path))
        if not stage:
            raise StageError("this version does not open", path=path, remedy="run `gates verify`")
        return stage


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
