# SPDX-License-Identifier: Apache-2.0
"""Publish numbers, pins, and histories that come in and go out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pxr import Sdf, Usd, UsdGeom

from pipeline.errors import ProjectError, UsageError, VersionError
from pipeline.project import Project
from pipeline.versions.packages import publish_package


def package(folder: Path, value: int) -> Path:
    path = folder / f"tea{value}.usda"
    stage = Usd.Stage.CreateNew(str(path))
    prim = UsdGeom.Xform.Define(stage, "/Asset").GetPrim()
    prim.CreateAttribute("n", Sdf.ValueTypeNames.Int).Set(value)
    stage.SetDefaultPrim(prim)
    stage.Save()
    return path


def pinned(project: Project, ref: str | None = None) -> int:
    stage = project.open_stage(ref)
    return int(stage.GetAttributeAtPath("/World/Set/tea.n").Get())


@pytest.fixture
def shot(project: Project, tmp_path: Path) -> Project:
    publish_package(project, "tea", {"tea.usda": package(tmp_path, 1)}, project.head())
    with project.edit() as stage:
        prim = UsdGeom.Xform.Define(stage, "/World/Set/tea").GetPrim()
        prim.GetReferences().AddReference(project.anchor(project.root / "publish" / "tea" / "tea.usda"))
    project.commit("with tea")
    publish_package(project, "tea", {"tea.usda": package(tmp_path, 2)}, project.head())
    return project


def test_a_shot_keeps_what_it_used(shot: Project) -> None:
    assert pinned(shot, "main") == 1
    entry = Usd.Stage.Open(str(shot.root / "publish" / "tea" / "tea.usda"))
    assert entry.GetDefaultPrim().GetAttribute("n").Get() == 2


def test_pins_are_listed(shot: Project) -> None:
    (pin,) = shot.pins()
    assert (pin.asset, pin.number, pin.newest, pin.prims) == ("tea", 1, 2, ["/World/Set/tea"])


def test_repinning_is_a_version_that_can_be_looked_at_first(shot: Project) -> None:
    old = shot.head()
    dry = shot.repin("tea", 2, dry_run=True)
    assert [(c["path"], c["field"]) for c in dry["changes"]] == [("/World/Set/tea", "references")]
    assert shot.head() == old
    done = shot.repin("tea", 2)
    assert done["version"] == shot.head() != old
    assert (pinned(shot, "main"), pinned(shot, old)) == (2, 1)
    assert shot.repin("tea", 2)["version"] is None
    with pytest.raises(UsageError, match="no package v007"):
        shot.repin("tea", 7)


def test_pins_as_a_mapping_file(shot: Project, tmp_path: Path) -> None:
    shot.export_pins(tmp_path / "pins.usda")
    facts = Sdf.Layer.FindOrOpen(str(tmp_path / "pins.usda")).customLayerData
    assert list(facts["searchPaths"]) == [(shot.root / "publish").as_posix()]
    assert list(facts["pathMappingPairs"]) == ["tea/tea.usda", "tea/v001/tea.usda"]
    assert list(facts["tokenMappingPairs"]) == ["publish", (shot.root / "publish").as_posix()]


def test_many_publish_at_once(project: Project, tmp_path: Path) -> None:
    source = package(tmp_path, 1)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(
            pool.map(lambda _: publish_package(project, "tea", {"tea.usda": source}, project.head())[0], range(16))
        )
    assert sorted(numbers) == list(range(1, 17))


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "receipt.json"])
def test_names_stay_inside_the_package(project: Project, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        publish_package(project, "tea", {name: package(tmp_path, 1)}, project.head())
    assert not list((project.root / "publish").rglob("v*"))


def numbered(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(1, count + 1):
        stage = Usd.Stage.CreateNew(str(folder / f"tea_v{number:03d}.usda"))
        for i in range(4 if number != 3 else 3):
            prim = UsdGeom.Xform.Define(stage, f"/Asset/p{i}").GetPrim()
            prim.CreateAttribute("n", Sdf.ValueTypeNames.Int).Set(number * (i == 1))
        stage.SetDefaultPrim(stage.GetPrimAtPath("/Asset"))
        stage.GetRootLayer().endTimeCode = 100 + number
        stage.Save()


def test_numbered_files_become_a_branch(project: Project, tmp_path: Path) -> None:
    numbered(tmp_path / "old", 5)
    versions = project.import_history(tmp_path / "old", "old")
    assert [v.message for v in project.log("old")] == [f"v{n:03d} from tea_v{n:03d}.usda" for n in (5, 4, 3, 2, 1)]
    for number, version in enumerate(versions, 1):
        stage = project.open_stage(version.id)
        source = Usd.Stage.Open(str(tmp_path / "old" / f"tea_v{number:03d}.usda"))
        flat = [s.Flatten(addSourceFileComment=False) for s in (stage, source)]
        assert flat[0].GetPrimAtPath("/Asset").GetAsText() == flat[1].GetPrimAtPath("/Asset").GetAsText()
        assert stage.GetEndTimeCode() == 100 + number
    with pytest.raises(VersionError, match="already"):
        project.import_history(tmp_path / "old", "old")
    with pytest.raises(ProjectError, match="no numbered layers"):
        project.import_history(project.root, "other")


def test_a_version_leaves_as_a_folder_or_a_file(shot: Project, tmp_path: Path) -> None:
    layer = shot.export_history("main", tmp_path / "out")
    moved = tmp_path / "elsewhere"
    layer.parent.rename(moved)
    stage = Usd.Stage.Open(str(moved / layer.name))
    assert stage.GetCompositionErrors() == []
    assert stage.GetAttributeAtPath("/World/Set/tea.n").Get() == 1
    flat = shot.export_history("main", tmp_path / "flat.usdc", flat=True)
    assert Usd.Stage.Open(str(flat)).GetAttributeAtPath("/World/Set/tea.n").Get() == 1
    with pytest.raises(UsageError, match="not empty"):
        shot.export_history("main", moved)
