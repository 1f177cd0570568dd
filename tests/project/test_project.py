# SPDX-License-Identifier: Apache-2.0
"""The project as programs and people use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, Usd, UsdGeom

from pipeline.errors import (
    MergeConflict,
    ProjectError,
    StageError,
    UnknownRef,
    UsageError,
    VersionError,
)
from pipeline.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "stall", job="concept", work="ada")


def number(project: Project, value: int, path: str = "/World/Set/a") -> None:
    with project.edit() as stage:
        prim = UsdGeom.Xform.Define(stage, path).GetPrim()
        prim.CreateAttribute("n", Sdf.ValueTypeNames.Int).Set(value)


def value(project: Project, ref: str | None = None, path: str = "/World/Set/a.n") -> int | None:
    stage = project.open_stage(ref)
    attribute = stage.GetAttributeAtPath(path)
    return attribute.Get() if attribute else None


def test_a_new_project_is_a_stage(project: Project) -> None:
    stage = Usd.Stage.Open(str(project.root / "project.usda"))
    assert stage.GetCompositionErrors() == []
    assert stage.GetDefaultPrim().GetPath() == "/World"
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert Usd.ModelAPI(stage.GetPrimAtPath("/World")).GetKind() == "assembly"
    names = [prim.GetName() for prim in stage.GetPrimAtPath("/World").GetChildren()]
    assert names == ["Assets", "Set", "Cameras", "Lights"]
    assert (project.name, project.job, project.units) == ("stall", "concept", "m")


def test_centimetres(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "cm", units="cm", work="ada")
    for path in (project.stage_path, project.root / "branches" / "main.usda"):
        assert UsdGeom.GetStageMetersPerUnit(Usd.Stage.Open(str(path))) == 0.01


def test_a_project_is_not_made_twice(project: Project) -> None:
    with pytest.raises(ProjectError, match="already"):
        Project.create(project.root)


def test_an_unknown_job_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown job"):
        Project.create(tmp_path / "x", job="blockbuster")
    assert not (tmp_path / "x").exists()


def test_find_looks_upward(project: Project) -> None:
    deep = project.root / "a" / "b"
    deep.mkdir(parents=True)
    assert Project.find(deep).root == project.root
    with pytest.raises(ProjectError, match="no project"):
        Project.find(project.root.parent)


def test_edits_show_before_and_after_commit(project: Project) -> None:
    number(project, 1)
    assert project.modified
    assert value(project) == 1
    assert value(project, "main") is None
    version = project.commit("one")
    assert not project.modified
    assert value(project, "main") == value(project, version.id) == 1
    assert [v.message for v in project.log()] == ["one", "new project"]
    assert (version.author, version.branch) == ("ada", "main")


def test_an_exception_leaves_the_work_as_it_was(project: Project) -> None:
    number(project, 1)
    before = project.work_path.read_bytes()
    with pytest.raises(ZeroDivisionError), project.edit() as stage:
        stage.GetAttributeAtPath("/World/Set/a.n").Set(1 // 0)
    held = project.open_stage()
    with pytest.raises(ZeroDivisionError), project.edit() as stage:
        stage.GetAttributeAtPath("/World/Set/a.n").Set(5)
        _ = 1 // 0
    assert project.work_path.read_bytes() == before
    assert held.GetAttributeAtPath("/World/Set/a.n").Get() == 1


def test_edits_nest(project: Project) -> None:
    with project.edit() as outer:
        number(project, 4)
        assert outer.GetAttributeAtPath("/World/Set/a.n").Get() == 4
        with project.edit() as inner:
            assert inner is outer


def test_what_an_edit_must_end_before(project: Project) -> None:
    number(project, 1)
    with project.edit():
        for action in (
            lambda: project.commit("x"),
            lambda: project.switch("main"),
            project.discard,
            lambda: project.remove("/World/Set/a"),
        ):
            with pytest.raises(ProjectError, match=r"inside `edit\(\)`"):
                action()
    assert project.commit("after").message == "after"


def test_files_outside_a_folder_are_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("key")
    folder = tmp_path / "package"
    folder.mkdir()
    for path in (tmp_path / "secret.txt", Path("../secret.txt")):
        layer = Sdf.Layer.CreateAnonymous(".usda")
        prim = Sdf.CreatePrimInLayer(layer, "/Asset")
        Sdf.AttributeSpec(prim, "file", Sdf.ValueTypeNames.Asset).default = Sdf.AssetPath(str(path))
        layer.Export(str(folder / "payload.usda"))
        with pytest.raises(StageError, match="outside"):
            project.objects.add_layer(folder / "payload.usda", within=folder)
    assert not list((project.root / "objects").rglob("*.txt"))


def test_nothing_to_commit(project: Project) -> None:
    with pytest.raises(VersionError, match="nothing to commit"):
        project.commit("empty")
    number(project, 1)
    project.commit("one")
    with pytest.raises(VersionError, match="nothing to commit"):
        project.commit("again")


def test_the_branch_is_remembered_by_person(project: Project) -> None:
    project.branch("dark")
    project.switch("dark")
    assert Project.open(project.root, work="ada").branch_name == "dark"
    assert Project.open(project.root, work="bob").branch_name == "main"
    with pytest.raises(UnknownRef, match="no branch"):
        project.switch("light")
    with pytest.raises(VersionError, match="already"):
        project.branch("dark")
    with pytest.raises(UsageError):
        project.branch("../outside")


def test_the_persons_stage_opens_with_stock_usd(project: Project) -> None:
    number(project, 7)
    stage = Usd.Stage.Open(str(project.root / "work" / "ada.usda"))
    assert stage.GetAttributeAtPath("/World/Set/a.n").Get() == 7
    theirs = Usd.Stage.Open(str(project.root / "project.usda"))
    assert not theirs.GetPrimAtPath("/World/Set/a")
    theirs.GetSessionLayer().expressionVariables = {"WORK": "ada"}
    assert theirs.GetAttributeAtPath("/World/Set/a.n").Get() == 7


def test_tags_never_move(project: Project) -> None:
    number(project, 1)
    project.commit("one")
    project.tag("client-v1")
    number(project, 2)
    project.commit("two")
    with pytest.raises(VersionError, match="never move"):
        project.tag("client-v1")
    assert value(project, "client-v1") == 1
    stage = Usd.Stage.Open(str(project.root / "tags" / "client-v1.usda"))
    assert stage.GetAttributeAtPath("/World/Set/a.n").Get() == 1


def test_setting_a_value_back_repeats_a_delta(project: Project) -> None:
    """The third delta has the bytes, and so the name, of the first."""
    for turn in (1, 2, 1, 2, 1):
        number(project, turn)
        project.commit(str(turn))
        assert value(project, "main") == turn


def test_two_people_on_one_branch(project: Project) -> None:
    bob = Project.open(project.root, work="bob")
    number(project, 1, "/World/Set/a")
    number(bob, 2, "/World/Set/b")
    project.commit("ada's")
    bob.commit("bob's")
    assert (value(bob, "main"), value(bob, "main", "/World/Set/b.n")) == (1, 2)


def test_a_lost_race_keeps_the_work(project: Project) -> None:
    number(project, 0)
    project.commit("base")
    bob = Project.open(project.root, work="bob")
    number(project, 1)
    number(bob, 2)
    project.commit("first")
    with pytest.raises(MergeConflict) as caught:
        bob.commit("second")
    (conflict,) = caught.value.conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (0, 2, 1)
    assert value(bob) == 2
    assert value(bob, "main") == 1


def test_a_deletion_meets_an_edit(project: Project) -> None:
    number(project, 0)
    project.commit("base")
    bob = Project.open(project.root, work="bob")
    number(bob, 2)
    project.remove("/World/Set/a")
    project.commit("gone")
    with pytest.raises(MergeConflict):
        bob.commit("edited what is gone")


def test_delete_and_rename(project: Project) -> None:
    number(project, 1)
    number(project, 2, "/World/Set/b")
    with project.edit() as stage:
        stage.GetPrimAtPath("/World/Set/b").CreateRelationship("to").AddTarget("/World/Set/a")
    first = project.commit("two prims").id
    project.rename("/World/Set/a", "/World/Set/z")
    project.remove("/World/Set/b.n")
    assert value(project, None, "/World/Set/z.n") == 1
    project.commit("tidied")
    stage = project.open_stage("main")
    assert not stage.GetPrimAtPath("/World/Set/a")
    assert not stage.GetAttributeAtPath("/World/Set/b.n")
    assert stage.GetRelationshipAtPath("/World/Set/b.to").GetTargets() == [Sdf.Path("/World/Set/z")]
    assert value(project, first) == 1
    project.revert("main")
    assert value(project, "main") == 1


def test_a_whole_edit_that_fails_leaves_an_overlay(project: Project) -> None:
    number(project, 1)
    before = project.work_path.read_bytes()
    with pytest.raises(ProjectError, match="nothing on this branch"):
        project.remove("/World/Nowhere")
    with pytest.raises(ProjectError, match="cannot move"):
        project.rename("/World/Nowhere", "/World/B")
    assert project.work_path.read_bytes() == before
    assert value(project) == 1


def test_the_frame_range_reaches_every_root(project: Project) -> None:
    with project.edit() as stage:
        stage.GetEditTarget().GetLayer().endTimeCode = 240
    bob = Project.open(project.root, work="bob")
    number(bob, 2, "/World/Set/b")
    project.commit("longer")
    bob.commit("knew nothing of it")
    project.tag("long")
    for name in ("project.usda", "branches/main.usda", "tags/long.usda"):
        assert Usd.Stage.Open(str(project.root / name)).GetEndTimeCode() == 240


def test_the_time_code_rate_stays(project: Project) -> None:
    with project.edit() as stage:
        stage.GetEditTarget().GetLayer().timeCodesPerSecond = 30
    with pytest.raises(VersionError, match="timeCodesPerSecond"):
        project.commit("another rate")


def test_discard(project: Project) -> None:
    number(project, 1)
    project.discard()
    assert not project.modified
    assert value(project) is None


def test_a_held_stage_sees_a_refresh(project: Project) -> None:
    number(project, 1)
    project.commit("one")
    held = project.open_stage()
    bob = Project.open(project.root, work="bob")
    number(bob, 2)
    bob.commit("two")
    project.refresh()
    assert held.GetAttributeAtPath("/World/Set/a.n").Get() == 2


@pytest.mark.parametrize("place", ["/proc/x", "/sys/x"])
def test_a_read_only_folder(place: str) -> None:
    """Where not even root makes folders."""
    with pytest.raises(ProjectError, match="cannot hold"):
        Project.create(place)


def test_objects_are_stored_once(project: Project, tmp_path: Path) -> None:
    picture = tmp_path / "wood.png"
    picture.write_bytes(b"pixels")
    first = project.objects.add_file(picture)
    (tmp_path / "copy.png").write_bytes(b"pixels")
    assert project.objects.add_file(tmp_path / "copy.png") == first
    assert first.read_bytes() == b"pixels"
    assert oct(first.stat().st_mode)[-3:] == "444"
    assert project.anchor(first) == f"../../objects/{first.parent.name}/{first.name}"


def test_threads_of_one_process_take_turns(project: Project) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work(name: str) -> None:
        own = Project.open(project.root, work=name)
        for turn in range(3):
            number(own, turn, f"/World/Set/{name}_{turn}")
            own.commit(f"{name} {turn}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [f"w{i}" for i in range(4)]))
    stage = project.open_stage("main")
    assert len(stage.GetPrimAtPath("/World/Set").GetChildren()) == 12
    assert project.verify().problems == []
