# SPDX-License-Identifier: Apache-2.0
"""Each file operation of a commit fails in turn, by an error and by sudden death: nothing is lost or half there."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pxr import Sdf, Usd, UsdGeom

from pipeline.errors import VersionError
from pipeline.project import Project

#: every call through which bytes or names reach the disk
OPERATIONS: tuple[tuple[Any, str], ...] = (
    (os, "fsync"),
    (Path, "replace"),
    (Path, "write_text"),
    (Path, "write_bytes"),
    (Path, "chmod"),
    (tempfile, "mkstemp"),
    (shutil, "copyfile"),
)


@contextmanager
def each_operation(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` with a running number before every operation."""
    count = 0

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            act(count)
            return original(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in OPERATIONS:
            patch.setattr(owner, name, wrapped(getattr(owner, name)))
        yield


def edit(project: Project, value: int) -> None:
    with project.edit() as stage:
        prim = UsdGeom.Xform.Define(stage, "/World/Set/a").GetPrim()
        prim.CreateAttribute("n", Sdf.ValueTypeNames.Int).Set(value)


def seen(project: Project, ref: str | None = None) -> int | None:
    stage = project.open_stage(ref)
    attribute = stage.GetAttributeAtPath("/World/Set/a.n")
    return attribute.Get() if attribute else None


def whole(project: Project) -> bool:
    stage = Usd.Stage.Open(str(project.root / "project.usda"))
    return not stage.GetCompositionErrors() and bool(stage.GetPrimAtPath("/World/Set"))


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, pytest.param(errno.EIO, marks=pytest.mark.long), pytest.param(errno.EROFS, marks=pytest.mark.long)],
)
def test_commit_with_a_failing_disk(project: Project, number: int) -> None:
    edit(project, 1)
    project.commit("one")
    failures = 0
    for k in range(1, 200):
        edit(project, k + 1)
        before = project.head()

        def fail(count: int, at: int = k) -> None:
            if count == at:
                raise OSError(number, os.strerror(number), "the disk")

        try:
            with each_operation(fail):
                project.commit(f"{k}")
        except OSError as error:
            assert error.errno == number
            failures += 1
        else:
            break
        again = Project.open(project.root, work="ada")
        assert whole(again)
        assert again.head() == before or seen(again, "main") == k + 1
        assert seen(again) == k + 1, "the work is kept or committed"
        try:
            again.commit("again")
        except VersionError as error:
            assert "nothing to commit" in str(error)
        assert seen(again, "main") == k + 1
    again.verify(repair=True)
    assert again.verify().problems == []
    assert failures > 8, "the disk failed at each step"
    assert [v.message for v in project.log()].count("one") == 1


@pytest.mark.parametrize("number", [errno.ENOSPC])
def test_edit_with_a_failing_disk(project: Project, number: int) -> None:
    edit(project, 1)
    failures = 0
    for k in range(1, 50):

        def fail(count: int, at: int = k) -> None:
            if count == at:
                raise OSError(number, os.strerror(number), "the disk")

        try:
            with each_operation(fail):
                edit(project, 7)
        except OSError:
            failures += 1
            assert seen(project) in (1, 7)
        else:
            break
    assert failures
    assert seen(project) == 7


def test_publish_with_a_failing_disk(project: Project, tmp_path: Path) -> None:
    from pipeline.versions.packages import publish_package
    from pipeline.versions.published import newest_number

    source = tmp_path / "stall.usda"
    source.write_text('#usda 1.0\n(\n    defaultPrim = "Asset"\n)\ndef "Asset"\n{\n}\n')
    for k in range(1, 50):

        def fail(count: int, at: int = k) -> None:
            if count == at:
                raise OSError(errno.ENOSPC, "No space left on device", "the disk")

        before = newest_number(project.layout, "stall")
        try:
            with each_operation(fail):
                publish_package(project, "stall", {"stall.usda": source}, project.head())
        except OSError:
            for number in range(1, newest_number(project.layout, "stall") + 1):
                folder = project.root / "publish" / "stall" / f"v{number:03d}"
                assert sorted(p.name for p in folder.iterdir()) == ["receipt.json", "stall.usda"]
        else:
            assert newest_number(project.layout, "stall") == before + 1
            break
    else:
        pytest.fail("publishing never came through")


KILLED = """
import sys
sys.path.insert(0, sys.argv[3])
import os
from test_faults import each_operation, edit
from pipeline.project import Project

def die(count):
    if count == int(sys.argv[2]):
        os._exit(9)

project = Project.open(sys.argv[1], work="ada")
edit(project, 1000 + int(sys.argv[2]))
with each_operation(die):
    project.commit("killed at " + sys.argv[2])
"""


@pytest.mark.long
def test_sudden_death_at_each_operation(project: Project) -> None:
    edit(project, 1)
    project.commit("one")
    for k in range(1, 100):
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(project.root), str(k), str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=False,
        )
        again = Project.open(project.root, work="ada")
        assert whole(again)
        assert seen(again) == 1000 + k
        if run.returncode == 0:
            break
        assert run.returncode == 9, run.stderr
        try:
            again.commit("after death")
        except VersionError as error:
            assert "nothing to commit" in str(error)
        assert seen(again, "main") == 1000 + k
        again.verify(repair=True)
        assert again.verify().problems == []
    assert k > 8
    messages = [v.message for v in project.log()]
    assert len(messages) == len(set(messages)) + messages.count("after death") - 1


FULL = """
import resource, signal, sys
from pxr import Sdf, UsdGeom, Vt
from pipeline.project import Project
project = Project.open(sys.argv[1], work="ada")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with project.edit() as stage:
    mesh = UsdGeom.Mesh.Define(stage, "/World/Set/a")
    mesh.GetPointsAttr().Set(Vt.Vec3fArray(20000))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    project.commit("large")
except OSError as error:
    print("refused", error.errno is not None)
"""


@pytest.mark.parametrize("limit", [1000, 30000])
def test_a_file_that_may_grow_no_further(project: Project, limit: int) -> None:
    """The system stops the write inside USD's own writers, which is where a full disk stops it."""
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(project.root), str(limit)], capture_output=True, text=True, check=False
    )
    assert run.stdout == "refused True\n", run.stderr
    assert whole(project)
    assert [v.message for v in project.log()] == ["new project"]
    assert project.modified
    project.verify(repair=True)
    assert project.verify().problems == []
    assert project.commit("with room again").message == "with room again"


def test_a_deleted_cache_is_rebuilt(project: Project) -> None:
    for k in range(3):
        edit(project, k)
        project.commit(str(k))
    before = [v.id for v in project.log()]
    shutil.rmtree(project.root / ".gates")
    again = Project.open(project.root, work="ada")
    assert [v.id for v in again.log()] == before
    edit(again, 9)
    again.commit("goes on")
    assert len(again.log()) == len(before) + 1


def test_a_broken_cache_is_done_without(project: Project) -> None:
    edit(project, 1)
    project.commit("one")
    (index,) = (project.root / ".gates").glob("index*.sqlite")
    for suffix in ("-wal", "-shm"):
        index.with_name(index.name + suffix).unlink(missing_ok=True)
    index.write_bytes(b"this is no database" * 100)
    assert [v.message for v in project.log()] == ["one", "new project"]
    edit(project, 2)
    project.commit("two")
    assert [v.message for v in project.log()] == ["two", "one", "new project"]


def test_a_lock_dies_with_its_process(project: Project) -> None:
    code = """
import os, sys
from pipeline.project import Project
p = Project.open(sys.argv[1], work="ada")
with p.store.branch_lock("main"):
    print("held", flush=True)
    os.kill(os.getpid(), 9)
"""
    run = subprocess.run([sys.executable, "-c", code, str(project.root)], capture_output=True, text=True, check=False)
    assert run.stdout == "held\n"
    edit(project, 1)
    assert project.commit("not blocked").message == "not blocked"
