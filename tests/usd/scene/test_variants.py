# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import StageError
from pipeline.usd.scene import read_scene


def looks(b: Any, name: str = "look") -> Any:
    """A body in red, green or blue."""
    body = b.cube("/World/Body")
    chosen = b.world.GetPrim().GetVariantSets().AddVariantSet(name)
    for color in ("red", "green", "blue"):
        material = b.material(f"/World/Looks/{color}")
        chosen.AddVariant(color)
        chosen.SetVariantSelection(color)
        with chosen.GetVariantEditContext():
            b.bind(body, material)
    chosen.SetVariantSelection("red")
    return chosen


def test_a_set_that_only_binds_becomes_material_variants(bed: Any) -> None:
    b = bed()
    looks(b)
    scene = read_scene(b.stage, material_variants=True)
    number = next(i for i, n in enumerate(scene.nodes) if n.mesh is not None)
    shown = {v.name: scene.materials[v.materials[number][0]].name for v in scene.variants}
    assert shown == {"red": "red", "green": "green", "blue": "blue"}
    assert scene.materials[scene.nodes[number].materials[0]].name == "red"


def test_a_set_that_changes_shader_inputs_makes_new_materials(bed: Any) -> None:
    b = bed()
    material = b.material("/World/M", roughness=0.1)
    b.bind(b.cube("/World/Body"), material)
    chosen = b.world.GetPrim().GetVariantSets().AddVariantSet("finish")
    for name, value in (("shiny", 0.1), ("dull", 0.9)):
        chosen.AddVariant(name)
        chosen.SetVariantSelection(name)
        with chosen.GetVariantEditContext():
            b.stage.GetPrimAtPath("/World/M/surface").GetAttribute("inputs:roughness").Set(value)
    b.stage.GetPrimAtPath("/World/M/surface").RemoveProperty("inputs:roughness")
    chosen.SetVariantSelection("shiny")
    scene = read_scene(b.stage, material_variants=True)
    number = next(i for i, n in enumerate(scene.nodes) if n.mesh is not None)
    found = {v.name: scene.materials[v.materials[number][0]].scalar("roughness") for v in scene.variants}
    assert found == pytest.approx({"shiny": 0.1, "dull": 0.9})


def test_a_set_that_changes_geometry_is_named(bed: Any) -> None:
    b = bed()
    chosen = b.world.GetPrim().GetVariantSets().AddVariantSet("shape")
    for name in ("one", "two"):
        chosen.AddVariant(name)
        chosen.SetVariantSelection(name)
        with chosen.GetVariantEditContext():
            b.cube("/World/C", 1.0 if name == "one" else 2.0)
    scene = read_scene(b.stage, material_variants=True)
    assert [(x.prim, x.what) for x in scene.losses] == [("/World", "variant set shape")]
    assert scene.variants == ()


def test_levels_of_detail_hang_on_the_finest(bed: Any) -> None:
    b = bed()
    b.cube("/World/Body")
    chosen = b.world.GetPrim().GetVariantSets().AddVariantSet("LOD")
    for k, name in enumerate(("LOD0", "LOD1", "LOD2")):
        chosen.AddVariant(name)
        chosen.SetVariantSelection(name)
        with chosen.GetVariantEditContext():
            b.cube("/World/Detail", 1.0 + k)
    chosen.SetVariantSelection("LOD0")
    scene = read_scene(b.stage, levels=True)
    # engines want levels mesh by mesh: the body is the same in all of them
    (detail,) = [n for n in scene.nodes if n.name == "Detail" and not n.lod]
    assert [scene.nodes[i].lod for i in detail.lods] == [1, 2]
    assert all(not n.lods for n in scene.nodes if n is not detail)
    assert sum(n.mesh is not None and not n.lod for n in scene.nodes) == 2
    # what the levels share is one mesh
    assert len(scene.meshes) == 3


def test_selecting_leaves_the_stage_as_it_was(bed: Any) -> None:
    b = bed()
    chosen = looks(b)
    before = b.stage.GetRootLayer().ExportToString()
    scene = read_scene(b.stage, variants={"look": "blue"})
    node = next(n for n in scene.nodes if n.mesh is not None)
    assert scene.materials[node.materials[0]].name == "blue"
    assert chosen.GetVariantSelection() == "red"
    assert b.stage.GetRootLayer().ExportToString() == before
    by_prim = read_scene(b.stage, variants={"/World{look}": "green"})
    assert by_prim.materials[next(n for n in by_prim.nodes if n.mesh is not None).materials[0]].name == "green"


def test_a_variant_that_is_not_there_lists_those_that_are(bed: Any) -> None:
    b = bed()
    looks(b)
    with pytest.raises(StageError, match="blue, green, red"):
        read_scene(b.stage, variants={"look": "pink"})


def test_a_subtree_stands_where_it_stood(bed: Any) -> None:
    from pxr import UsdGeom

    b = bed()
    group = UsdGeom.Xform.Define(b.stage, "/World/G")
    UsdGeom.XformCommonAPI(group).SetTranslate((5, 0, 0))
    b.cube("/World/G/C")
    b.cube("/World/Other")
    from pipeline.usd.scene import bounds

    box = bounds(read_scene(b.stage, root="/World/G/C"))
    assert box is not None and box.tolist() == [[4.5, -0.5, -0.5], [5.5, 0.5, 0.5]]
    with pytest.raises(StageError, match="no such prim"):
        read_scene(b.stage, root="/World/Nobody")
