# SPDX-License-Identifier: Apache-2.0
"""Levels of detail of UsdLod and of variant sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pxr import Gf, Usd, UsdGeom, UsdLod

from pipeline.usd.scene import draws, read_scene


@pytest.fixture
def stage() -> Any:
    """A tree with three levels by screen size, each of two meshes; the finest has the most faces."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, "Y")
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    tree = UsdGeom.Xform.Define(stage, "/Tree")
    stage.SetDefaultPrim(tree.GetPrim())
    root = UsdGeom.Xform.Define(stage, "/Tree/lod").GetPrim()
    for level, faces in enumerate((4, 2, 1)):
        UsdGeom.Xform.Define(stage, f"/Tree/lod/level{level}").AddTranslateOp().Set((0, level, 0))
        for part in ("trunk", "crown"):
            mesh = UsdGeom.Mesh.Define(stage, f"/Tree/lod/level{level}/{part}")
            mesh.CreatePointsAttr([Gf.Vec3f(k, part == "crown", k * k) for k in range(faces + 2)])
            mesh.CreateFaceVertexCountsAttr([3] * faces)
            mesh.CreateFaceVertexIndicesAttr([i for k in range(faces) for i in (0, k + 1, k + 2)])
    rule = UsdLod.ScreenSizeHeuristic.Define(stage, "/Tree/rule")
    rule.CreateThresholdsAttr().Set([0.4, 0.1])
    api = UsdLod.RootAPI.Apply(root)
    api.CreateLodHeuristicsRel().SetTargets([rule.GetPath()])
    return stage


def triangles(scene: Any) -> int:
    return sum(scene.meshes[d.mesh].triangle_count * len(d.matrices) for d in draws(scene))


def test_only_the_default_level_is_drawn(stage: Any) -> None:
    scene = read_scene(stage)
    assert triangles(scene) == 8
    assert [(x.prim, x.what) for x in scene.losses] == [("/Tree/lod", "levels of detail")]


def test_coarser_levels_stand_beside_it(stage: Any) -> None:
    scene = read_scene(stage, levels=True)
    assert triangles(scene) == 8 and not scene.losses
    full = next(n for n in scene.nodes if n.lods)
    assert full.path == "/Tree/lod/level0" and full.lod_screen_sizes == pytest.approx((0.4, 0.1))
    coarse = [scene.nodes[i] for i in full.lods]
    assert [(n.path, n.lod) for n in coarse] == [("/Tree/lod/level1", 1), ("/Tree/lod/level2", 2)]
    assert [scene.world_matrices[i][3, 1] for i in full.lods] == [1, 2]
    for level, faces in ((1, 4), (2, 2)):
        own = [n for n in scene.nodes if n.lod == level and n.mesh is not None]
        assert sum(scene.meshes[n.mesh].triangle_count for n in own) == faces


def test_the_default_index_chooses(stage: Any) -> None:
    UsdLod.RootAPI(stage.GetPrimAtPath("/Tree/lod")).CreateLodDefaultIndexAttr().Set(1)
    scene = read_scene(stage, levels=True)
    assert triangles(scene) == 4
    full = next(n for n in scene.nodes if n.lods)
    assert full.path == "/Tree/lod/level1" and full.lod_screen_sizes == pytest.approx((0.1,))


def test_each_native_instance_has_its_levels(stage: Any, tmp_path: Path) -> None:
    stage.GetRootLayer().Export(str(tmp_path / "tree.usda"))
    wood = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(wood, "Y")
    UsdGeom.SetStageMetersPerUnit(wood, 1)
    for k in range(3):
        prim = UsdGeom.Xform.Define(wood, f"/T{k}")
        prim.AddTranslateOp().Set((10 * k, 0, 0))
        prim.GetPrim().GetReferences().AddReference(str(tmp_path / "tree.usda"))
        prim.GetPrim().SetInstanceable(True)
    scene = read_scene(wood, levels=True)
    assert triangles(scene) == 24
    full = [n for n in scene.nodes if n.lods]
    assert [n.path for n in full] == [f"/T{k}/lod/level0" for k in range(3)]
    assert [scene.world_matrices[n.lods[0]][3].tolist()[:2] for n in full] == [[0, 1], [10, 1], [20, 1]]
    assert [scene.nodes[n.lods[0]].path for n in full] == [f"/T{k}/lod/level1" for k in range(3)]
    assert len({scene.nodes[n.lods[0] + 1].mesh for n in full}) == 1


def test_a_set_without_selection_shows_its_finest_and_all_is_no_level(tmp_path: Path) -> None:
    stage = Usd.Stage.CreateNew(str(tmp_path / "s.usda"))
    prim = UsdGeom.Xform.Define(stage, "/A").GetPrim()
    UsdGeom.Cube.Define(stage, "/A/Full")
    variants = prim.GetVariantSets().AddVariantSet("lod")
    for name in ("lod0", "lod1", "all"):
        variants.AddVariant(name)
        variants.SetVariantSelection(name)
        with variants.GetVariantEditContext():
            if name == "lod1":
                stage.OverridePrim("/A/Full").SetActive(False)
                UsdGeom.Plane.Define(stage, "/A/Coarse")
    variants.ClearVariantSelection()
    stage.Save()
    scene = read_scene(tmp_path / "s.usda", levels=True)
    full = next(n for n in scene.nodes if n.path == "/A" and not n.lod)
    assert len(full.lods) == 1
    assert [n.name for n in scene.nodes if n.lod and n.mesh is not None] == ["Coarse"]
