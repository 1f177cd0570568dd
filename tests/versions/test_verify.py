# SPDX-License-Identifier: Apache-2.0
"""Verify finds what was changed behind the project's back, and says which versions it belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest
from pxr import Sdf, UsdGeom

from pipeline.project import Project
from pipeline.versions.packages import publish_package


@pytest.fixture
def filled(project: Project) -> Project:
    for value in (1, 2, 3):
        with project.edit() as stage:
            prim = UsdGeom.Xform.Define(stage, "/World/Set/a").GetPrim()
            prim.CreateAttribute("n", Sdf.ValueTypeNames.Int).Set(value)
        project.commit(str(value))
    project.tag("three")
    assert project.verify().problems == []
    return project


def damage(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_counts_files_and_bytes(filled: Project) -> None:
    result = filled.verify()
    counted = [filled.stage_path]
    for name in ("branches", "tags", "versions", "objects"):
        counted += [p for p in (filled.root / name).rglob("*") if p.is_file()]
    assert result.files == len(counted)
    assert result.bytes == sum(p.stat().st_size for p in counted)


def test_a_changed_delta_names_its_versions(filled: Project) -> None:
    second = filled.log()[1]
    path = filled.store.object_path(second.stack[0])
    damage(path, path.read_bytes().replace(b"n = 2", b"n = 9"))
    (problem,) = filled.verify().problems
    assert (problem.kind, problem.path) == ("changed", path.relative_to(filled.root).as_posix())
    assert set(problem.versions) == {v.id for v in filled.log()[:2]}
    (again,) = filled.verify(repair=True).problems
    assert not again.repaired, "there is nothing to repair it from"


def test_a_missing_object(filled: Project) -> None:
    name = filled.log()[0].stack[0]
    filled.store.object_path(name).unlink()
    (problem,) = filled.verify().problems
    assert problem.kind == "missing"
    assert problem.versions == [filled.head()]


def test_a_changed_version(filled: Project) -> None:
    path = filled.layout.version(filled.head())
    damage(path, path.read_bytes().replace(b'"3"', b'"4"'))
    kinds = {p.kind for p in filled.verify().problems}
    assert "changed" in kinds


def test_a_folded_layer_is_folded_again(filled: Project) -> None:
    for value in range(10):
        with filled.edit() as stage:
            stage.GetAttributeAtPath("/World/Set/a.n").Set(100 + value)
        filled.commit("more")
    folds = [n for n in filled.log()[0].stack if filled.store.index.fold(n)]
    assert folds, "ten commits are folded at least once"
    path = filled.store.object_path(folds[0])
    path.unlink()
    (problem,) = filled.verify(repair=True).problems
    assert problem.repaired
    assert filled.verify().problems == []


def test_a_truncated_branch_is_mended(filled: Project) -> None:
    head = filled.head()
    filled.layout.branch("main").write_text("#usda 1.0\n(\n")
    (problem,) = filled.verify().problems
    assert problem.kind == "pointer"
    (repaired,) = filled.verify(repair=True).problems
    assert repaired.repaired
    assert filled.head() == head
    assert filled.verify().problems == []


def test_a_broken_project_stage_is_mended(filled: Project) -> None:
    before = filled.stage_path.read_text()
    filled.stage_path.write_text("")
    assert [p.kind for p in filled.verify(repair=True).problems] == ["pointer"]
    assert filled.stage_path.read_text() == before


def test_left_overs_of_a_crash_are_removed(filled: Project) -> None:
    for folder in ("branches", "versions", "objects/ab", "publish/x"):
        (filled.root / folder).mkdir(parents=True, exist_ok=True)
        (filled.root / folder / ".partial-x.usda").write_text("half")
    assert len(filled.verify().problems) == 4
    assert all(p.repaired for p in filled.verify(repair=True).problems)
    assert filled.verify().problems == []


def test_a_changed_package(filled: Project, tmp_path: Path) -> None:
    picture = tmp_path / "preview.png"
    picture.write_bytes(b"pixels")
    number, folder = publish_package(filled, "tea", {"preview.png": picture}, filled.head(), {"by": "ada"})
    assert (number, folder.name) == (1, "v001")
    assert filled.verify().problems == []
    damage(folder / "preview.png", b"others")
    (problem,) = filled.verify().problems
    assert (problem.kind, problem.path) == ("changed", "publish/tea/v001/preview.png")
    assert problem.versions == [filled.head()]


def test_udim_tiles_are_one_object(filled: Project, tmp_path: Path) -> None:
    for tile in (1001, 1002):
        (tmp_path / f"wood.{tile}.png").write_bytes(str(tile).encode())
    layer = Sdf.Layer.CreateNew(str(tmp_path / "look.usda"))
    prim = Sdf.CreatePrimInLayer(layer, "/Asset")
    Sdf.AttributeSpec(prim, "file", Sdf.ValueTypeNames.Asset).default = Sdf.AssetPath("./wood.<UDIM>.png")
    layer.Save()
    stored = filled.objects.add_layer(tmp_path / "look.usda")
    kept = Sdf.Layer.FindOrOpen(str(stored))
    path = kept.GetAttributeAtPath("/Asset.file").default.path
    tiles = sorted((stored.parent / path).resolve().parent.glob(Path(path).name.replace("<UDIM>", "*")))
    assert [t.read_bytes() for t in tiles] == [b"1001", b"1002"]
    assert filled.verify().problems == []
    damage(tiles[1], b"1003")
    assert [p.kind for p in filled.verify().problems] == ["changed"]
