# SPDX-License-Identifier: Apache-2.0
"""The rules of merging, one by one, on a project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pxr import Sdf, Usd, UsdGeom

from pipeline.errors import UsageError, VersionError
from pipeline.project import Project
from pipeline.versions.settling import answers, for_side

A = "/World/Set/a"
Edit = Callable[[Usd.Stage], object]


@pytest.fixture
def fork(project: Project) -> Callable[..., Project]:
    """Function: a base and one edit on each of two branches; the project is on the first."""

    def make(base: Edit, ours: Edit, theirs: Edit, *, whole: bool = False) -> Project:
        with project.edit() as stage:
            UsdGeom.Xform.Define(stage, A)
            base(stage)
        project.commit("base")
        project.branch("theirs")
        for branch, edit in (("main", ours), ("theirs", theirs)):
            project.switch(branch)
            with project.edit(whole=whole) as stage:
                edit(stage)
            project.commit(branch)
        project.switch("main")
        return project

    return make


def attribute(stage: Usd.Stage, name: str = "n") -> Usd.Attribute:
    return stage.GetPrimAtPath(A).CreateAttribute(name, Sdf.ValueTypeNames.Double)


def test_a_conflict_lists_three_values_and_changes_nothing(fork: Callable[..., Project]) -> None:
    project = fork(lambda s: attribute(s).Set(1.0), lambda s: attribute(s).Set(2.0), lambda s: attribute(s).Set(3.0))
    head = project.head()
    result = project.merge("theirs")
    (conflict,) = result.conflicts
    assert (conflict.path, conflict.field) == (f"{A}.n", "default")
    assert (conflict.base, conflict.ours, conflict.theirs) == (1.0, 2.0, 3.0)
    assert not result.merged
    assert project.head() == head


@pytest.mark.parametrize(
    ("settle", "expected"),
    [
        (for_side("ours"), 2.0),
        (for_side("theirs"), 3.0),
        (for_side("base"), 1.0),
        (answers([f"{A}.n=7.5"]), 7.5),
        (answers([f"{A}.n.default=8"]), 8.0),
        (answers([f"{A}.n=@theirs"]), 3.0),
    ],
)
def test_settling(fork: Callable[..., Project], settle: object, expected: float) -> None:
    project = fork(lambda s: attribute(s).Set(1.0), lambda s: attribute(s).Set(2.0), lambda s: attribute(s).Set(3.0))
    result = project.merge("theirs", settle=settle)  # type: ignore[arg-type]
    assert result.merged
    assert not result.conflicts
    stage = project.open_stage("main")
    assert attribute_of(stage).Get() == expected
    assert set(project.log()[0].parents) == {project.log()[0].parents[0], project.head("theirs")}


def attribute_of(stage: Usd.Stage, name: str = "n") -> Usd.Attribute:
    return stage.GetAttributeAtPath(f"{A}.{name}")


def test_a_value_of_the_wrong_type_is_refused(fork: Callable[..., Project]) -> None:
    project = fork(lambda s: attribute(s).Set(1.0), lambda s: attribute(s).Set(2.0), lambda s: attribute(s).Set(3.0))
    with pytest.raises(UsageError, match="no value"):
        project.merge("theirs", settle=answers([f"{A}.n=(1, 2, 3)"]))
    with pytest.raises(UsageError, match="no '='"):
        answers(["nonsense"])


def test_samples_merge_by_time(fork: Callable[..., Project]) -> None:
    project = fork(
        lambda s: attribute(s).Set(0.0, 1.0),
        lambda s: [attribute(s).Set(0.0, 1.0), attribute(s).Set(5.0, 5.0)],
        lambda s: [attribute(s).Set(0.0, 1.0), attribute(s).Set(9.0, 9.0)],
    )
    assert not project.merge("theirs").conflicts
    stage = project.open_stage("main")
    assert [(t, attribute_of(stage).Get(t)) for t in attribute_of(stage).GetTimeSamples()] == [
        (1.0, 0.0),
        (5.0, 5.0),
        (9.0, 9.0),
    ]


def test_dictionaries_merge_by_key(fork: Callable[..., Project]) -> None:
    def set_key(key: str, value: int) -> Edit:
        return lambda s: s.GetPrimAtPath(A).SetCustomDataByKey(key, value)

    project = fork(set_key("deep:kept", 0), set_key("deep:mine", 1), set_key("deep:yours", 2))
    assert not project.merge("theirs").conflicts
    stage = project.open_stage("main")
    assert stage.GetPrimAtPath(A).GetCustomDataByKey("deep") == {"kept": 0, "mine": 1, "yours": 2}


def test_list_operations_merge_by_item(fork: Callable[..., Project]) -> None:
    def relate(*targets: str) -> Edit:
        return lambda s: [s.GetPrimAtPath(A).CreateRelationship("r").AddTarget(f"/World/{t}") for t in targets]

    project = fork(relate("Set"), relate("Cameras"), relate("Lights"))
    assert not project.merge("theirs").conflicts
    stage = project.open_stage("main")
    names = {path.name for path in stage.GetRelationshipAtPath(f"{A}.r").GetTargets()}
    assert names == {"Set", "Cameras", "Lights"}


def test_a_pinned_version_raised_on_both_sides_is_a_conflict(fork: Callable[..., Project]) -> None:
    """v1 became v2 here and v3 there: one asset must not come in twice."""

    def refer(number: int) -> Edit:
        def edit(stage: Usd.Stage) -> None:
            spec = Sdf.CreatePrimInLayer(stage.GetEditTarget().GetLayer(), A)
            path = f"../../publish/tea/v{number:03d}/tea.usd"
            spec.SetInfo("references", Sdf.ReferenceListOp.Create([Sdf.Reference(path)]))

        return edit

    project = fork(refer(1), refer(2), refer(3), whole=True)
    conflicts = project.merge("theirs").conflicts
    assert [c.field for c in conflicts] == ["references"]
    assert project.merge("theirs", settle=for_side("theirs")).merged
    layer = Sdf.Layer.FindOrOpen(str(project.layout.version(project.head())))
    stage = Usd.Stage.Open(layer)
    items = stage.GetPrimAtPath(A).GetMetadata("references").GetAddedOrExplicitItems()
    assert ["v003" in item.assetPath for item in items] == [True]


def test_explicit_against_composable_is_a_conflict(fork: Callable[..., Project]) -> None:
    def targets(stage: Usd.Stage, *, explicit: bool) -> None:
        relation = stage.GetPrimAtPath(A).CreateRelationship("r")
        if explicit:
            relation.SetTargets(["/World/Lights"])
        else:
            relation.AddTarget("/World/Cameras")

    project = fork(
        lambda s: s.GetPrimAtPath(A).CreateRelationship("r").AddTarget("/World/Set"),
        lambda s: targets(s, explicit=True),
        lambda s: targets(s, explicit=False),
    )
    assert [c.field for c in project.merge("theirs").conflicts] == ["targetPaths"]


def test_a_variant_added_on_both_sides(fork: Callable[..., Project]) -> None:
    def add(name: str, value: float) -> Edit:
        def edit(stage: Usd.Stage) -> None:
            chosen = stage.GetPrimAtPath(A).GetVariantSets().AddVariantSet("look")
            chosen.AddVariant(name)
            chosen.SetVariantSelection(name)
            with chosen.GetVariantEditContext():
                attribute(stage).Set(value)
            chosen.ClearVariantSelection()

        return edit

    project = fork(lambda s: None, add("red", 1.0), add("blue", 2.0))
    assert not project.merge("theirs").conflicts
    stage = project.open_stage("main")
    chosen = stage.GetPrimAtPath(A).GetVariantSet("look")
    assert sorted(chosen.GetVariantNames()) == ["blue", "red"]
    again = fork_same_variant(project, add)
    assert [c.path for c in again] == [f"{A}{{look=green}}.n"]


def fork_same_variant(project: Project, add: Callable[[str, float], Edit]) -> list:
    project.branch("more")
    for branch, value in (("main", 1.0), ("more", 2.0)):
        project.switch(branch)
        with project.edit() as stage:
            add("green", value)(stage)
        project.commit("green")
    project.switch("main")
    return project.merge("more").conflicts


@pytest.mark.parametrize("deleter", ["ours", "theirs"])
@pytest.mark.parametrize("winner", ["ours", "theirs"])
def test_delete_against_edit(fork: Callable[..., Project], deleter: str, winner: str) -> None:
    def delete(stage: Usd.Stage) -> None:
        stage.RemovePrim(f"{A}/child")

    def change(stage: Usd.Stage) -> None:
        stage.GetAttributeAtPath(f"{A}/child.x").Set(5)

    def base(stage: Usd.Stage) -> None:
        prim = UsdGeom.Xform.Define(stage, f"{A}/child").GetPrim()
        prim.CreateAttribute("x", Sdf.ValueTypeNames.Int).Set(1)
        prim.CreateAttribute("y", Sdf.ValueTypeNames.Int).Set(2)

    edits = (delete, change) if deleter == "ours" else (change, delete)
    project = fork(base, *edits, whole=True)
    (conflict,) = project.merge("theirs").conflicts
    assert conflict.path == f"{A}/child"
    assert project.merge("theirs", settle=for_side(winner)).merged  # type: ignore[arg-type]
    stage = project.open_stage("main")
    there = bool(stage.GetPrimAtPath(f"{A}/child"))
    assert there == (deleter != winner)
    if there:
        assert stage.GetAttributeAtPath(f"{A}/child.x").Get() == 5
        assert stage.GetAttributeAtPath(f"{A}/child.y").Get() == 2


def test_both_sides_deleted(fork: Callable[..., Project]) -> None:
    project = fork(
        lambda s: UsdGeom.Xform.Define(s, f"{A}/child/deep"),
        lambda s: s.RemovePrim(f"{A}/child"),
        lambda s: [s.RemovePrim(f"{A}/child/deep"), UsdGeom.Xform.Define(s, f"{A}/other")],
        whole=True,
    )
    assert not project.merge("theirs").conflicts
    stage = project.open_stage("main")
    assert [p.GetName() for p in stage.GetPrimAtPath(A).GetChildren()] == ["other"]


@pytest.mark.parametrize("renamer", ["main", "theirs"])
def test_rename_against_edit(project: Project, renamer: str) -> None:
    """What the other side did to the prim follows it to its new name, and so do paths that point to it."""
    with project.edit() as stage:
        UsdGeom.Xform.Define(stage, f"{A}/leg")
        attribute(stage).Set(1.0)
    project.commit("base")
    project.branch("theirs")
    editor = "theirs" if renamer == "main" else "main"
    project.switch(renamer)
    project.rename(A, "/World/Set/table")
    project.commit("renamed")
    project.switch(editor)
    with project.edit() as stage:
        attribute(stage).Set(9.0)
        UsdGeom.Xform.Define(stage, f"{A}/drawer")
        stage.GetPrimAtPath("/World/Set").CreateRelationship("best").AddTarget(f"{A}/leg")
    project.commit("edited")
    project.switch("main")
    assert project.merge("theirs").conflicts == []
    stage = project.open_stage("main")
    assert not stage.GetPrimAtPath(A)
    assert stage.GetAttributeAtPath("/World/Set/table.n").Get() == 9.0
    assert {p.GetName() for p in stage.GetPrimAtPath("/World/Set/table").GetChildren()} == {"leg", "drawer"}
    assert stage.GetRelationshipAtPath("/World/Set.best").GetTargets() == [Sdf.Path("/World/Set/table/leg")]


def test_two_names_for_one_prim(project: Project) -> None:
    with project.edit() as stage:
        UsdGeom.Xform.Define(stage, A)
        attribute(stage).Set(1.0)
    project.commit("base")
    project.branch("theirs")
    for branch, name in (("main", "table"), ("theirs", "desk")):
        project.switch(branch)
        project.rename(A, f"/World/Set/{name}")
        project.commit(name)
    project.switch("main")
    (conflict,) = project.merge("theirs").conflicts
    assert (conflict.field, conflict.ours, conflict.theirs) == ("name", "/World/Set/table", "/World/Set/desk")
    assert project.merge("theirs", settle=for_side("theirs")).merged
    stage = project.open_stage("main")
    assert [p.GetName() for p in stage.GetPrimAtPath("/World/Set").GetChildren()] == ["desk"]


def test_fast_forward_and_nothing_to_do(fork: Callable[..., Project]) -> None:
    project = fork(lambda s: None, lambda s: attribute(s, "m").Set(1.0), lambda s: attribute(s).Set(1.0))
    project.merge("theirs")
    head = project.head()
    again = project.merge("theirs")
    assert not again.merged
    assert project.head() == head
    project.switch("theirs")
    assert project.merge("main").version == head


def test_merge_again_after_more_work(fork: Callable[..., Project]) -> None:
    """The second merge starts from the first, not from the fork."""
    project = fork(
        lambda s: attribute(s).Set(1.0), lambda s: attribute(s, "m").Set(5.0), lambda s: attribute(s).Set(2.0)
    )
    project.merge("theirs")
    with project.edit() as stage:
        attribute(stage).Set(3.0)
    project.commit("after the merge")
    project.switch("theirs")
    with project.edit() as stage:
        attribute(stage, "k").Set(4.0)
    project.commit("meanwhile")
    project.switch("main")
    assert project.merge("theirs").conflicts == []
    stage = project.open_stage("main")
    assert [attribute_of(stage, name).Get() for name in ("n", "m", "k")] == [3.0, 5.0, 4.0]


def test_cherry_pick_takes_one_version(project: Project) -> None:
    project.branch("theirs")
    project.switch("theirs")
    ids = []
    for name in ("x", "y", "z"):
        with project.edit() as stage:
            UsdGeom.Xform.Define(stage, f"/World/Set/{name}")
        ids.append(project.commit(name).id)
    project.switch("main")
    project.cherry_pick(ids[1])
    stage = project.open_stage("main")
    assert [p.GetName() for p in stage.GetPrimAtPath("/World/Set").GetChildren()] == ["y"]
    assert project.log()[0].message == "y"


def test_revert_keeps_what_came_after(project: Project) -> None:
    ids = []
    for name in ("x", "y"):
        with project.edit() as stage:
            UsdGeom.Xform.Define(stage, f"/World/Set/{name}")
        ids.append(project.commit(name).id)
    project.revert(ids[0])
    stage = project.open_stage("main")
    assert [p.GetName() for p in stage.GetPrimAtPath("/World/Set").GetChildren()] == ["y"]
    with pytest.raises(VersionError, match="first version"):
        project.revert(project.log()[-1].id)


def test_revert_of_what_was_changed_again_is_a_conflict(project: Project) -> None:
    ids = []
    for value in (1.0, 2.0, 3.0):
        with project.edit() as stage:
            UsdGeom.Xform.Define(stage, A)
            attribute(stage).Set(value)
        ids.append(project.commit(str(value)).id)
    (conflict,) = project.revert(ids[1]).conflicts
    assert (conflict.base, conflict.ours, conflict.theirs) == (2.0, 3.0, 1.0)
