# SPDX-License-Identifier: Apache-2.0
"""Whatever a stage says is read or named."""

from __future__ import annotations

from typing import Any

import pytest
from pxr import Sdf, Tf, Usd, UsdGeom, UsdLux, UsdPhysics

from pipeline.usd.scene import read_scene
from pipeline.usd.scene.unread import _COMMON, _READ

#: no part of what is drawn: what shading is made of is read from its material, the rest are records
QUIET = {
    "Material", "Shader", "NodeGraph", "GeomSubset", "BlendShape", "SkelAnimation", "Backdrop",
    "Xform", "Scope", "SkelRoot",
}  # fmt: skip


def losses(stage: Any) -> set[tuple[str, str, str]]:
    return {(x.prim, x.what, x.why) for x in read_scene(stage, account=True).losses}


def concrete_types() -> list[str]:
    registry = Usd.SchemaRegistry()
    found = []

    for kind in Tf.Type.Find(Usd.Typed).GetAllDerivedTypes():
        name = registry.GetConcreteSchemaTypeName(kind)
        if name and not name.startswith("Gates"):
            found.append(name)
    return sorted(set(found))


@pytest.mark.parametrize("name", concrete_types())
def test_no_type_of_prim_is_passed_over(name: str) -> None:
    stage = Usd.Stage.CreateInMemory()
    stage.DefinePrim("/A", name)
    scene = read_scene(stage, account=True)
    node = next((n for n in scene.nodes if n.path == "/A"), None)
    arrived = node is not None and (node.mesh is not None or node.camera is not None or node.light is not None)
    # an empty prim of a type that is read holds nothing that could be lost
    assert arrived or name in _READ or name in QUIET or name.startswith("LOD") or ("/A", name) in {
        (x.prim, x.what) for x in scene.losses
    }  # fmt: skip


def other(value: Any, kind: Any) -> Any:
    """A value that is not the fallback."""
    if kind == Sdf.ValueTypeNames.Bool:
        return not value
    if kind == Sdf.ValueTypeNames.Token:
        return "something else"
    if kind in {Sdf.ValueTypeNames.Float, Sdf.ValueTypeNames.Double}:
        return 0.375
    return {
        Sdf.ValueTypeNames.Vector3fArray: [(1, 2, 3)], Sdf.ValueTypeNames.Float4Array: [(1, 2, 3, 4)],
        Sdf.ValueTypeNames.Color3f: (0.3, 0.2, 0.1), Sdf.ValueTypeNames.Float2: (3, 4),
        Sdf.ValueTypeNames.Asset: Sdf.AssetPath("./x.ies"),
    }.get(kind)  # fmt: skip


def said_in_vain() -> list[tuple[str, str]]:
    registry = Usd.SchemaRegistry()
    found = []
    for name, read in _READ.items():
        definition = registry.FindConcretePrimDefinition(name) if name else None
        for attribute in definition.GetPropertyNames() if definition else ():
            passed = attribute in read or attribute.startswith(("primvars:", *_COMMON))
            spec = definition.GetSchemaAttributeSpec(attribute)
            if spec and not passed and other(spec.default, spec.typeName) is not None:
                found.append((name, attribute))
    return found


@pytest.mark.parametrize(("name", "attribute"), said_in_vain())
def test_an_attribute_that_nobody_reads_is_named(name: str, attribute: str) -> None:
    stage = Usd.Stage.CreateInMemory()
    prim = stage.DefinePrim("/A", name)
    found = prim.GetAttribute(attribute)
    assert found.Set(other(found.Get(), found.GetTypeName()))
    assert any(p == "/A" and w == "attributes" and attribute in why for p, w, why in losses(stage))


def test_an_attribute_at_its_fallback_says_nothing() -> None:
    stage = Usd.Stage.CreateInMemory()
    light = UsdLux.SphereLight.Define(stage, "/A")
    light.CreateDiffuseAttr(1.0)
    assert losses(stage) == set()


def test_schemas_custom_attributes_and_primvars_are_named() -> None:
    stage = Usd.Stage.CreateInMemory()
    cube = UsdGeom.Cube.Define(stage, "/A")
    UsdPhysics.RigidBodyAPI.Apply(cube.GetPrim())
    cube.GetPrim().CreateAttribute("userProperties:price", Sdf.ValueTypeNames.Float).Set(3.0)
    UsdGeom.PrimvarsAPI(cube).CreatePrimvar("dirt", Sdf.ValueTypeNames.FloatArray).Set([0.5])
    found = losses(stage)
    assert {(p, w) for p, w, _ in found} == {("/A", "PhysicsRigidBodyAPI"), ("/A", "attributes"), ("/A", "primvars")}
    assert any("userProperties:price" in why for _, _, why in found)
    assert any("dirt" in why for _, _, why in found)


def test_what_is_hidden_need_not_say_what_else_it_is() -> None:
    stage = Usd.Stage.CreateInMemory()
    cube = UsdGeom.Cube.Define(stage, "/A")
    UsdPhysics.RigidBodyAPI.Apply(cube.GetPrim())
    cube.MakeInvisible()
    assert losses(stage) == set()


@pytest.mark.parametrize(
    ("name", "attribute", "values"),
    [
        ("Camera", "focalLength", (20.0, 60.0)),
        ("SphereLight", "inputs:intensity", (1.0, 5.0)),
        ("Sphere", "radius", (1.0, 2.0)),
    ],
)
def test_motion_that_nobody_follows_is_named(name: str, attribute: str, values: tuple[float, float]) -> None:
    stage = Usd.Stage.CreateInMemory()
    found = stage.DefinePrim("/A", name).GetAttribute(attribute)
    for time, value in enumerate(values):
        found.Set(value, time)
    assert ("/A", f"animated {attribute}") in {(p, w) for p, w, _ in losses(stage)}


def test_a_shader_input_that_moves_is_named() -> None:
    from pxr import UsdShade

    stage = Usd.Stage.CreateInMemory()
    cube = UsdGeom.Cube.Define(stage, "/A")
    material = UsdShade.Material.Define(stage, "/M")
    shader = UsdShade.Shader.Define(stage, "/M/s")
    shader.CreateIdAttr("UsdPreviewSurface")
    rough = shader.CreateInput("roughness", Sdf.ValueTypeNames.Float)
    rough.Set(0.1, 1)
    rough.Set(0.9, 2)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(cube.GetPrim()).Bind(material)
    assert ("/M/s", "animated inputs:roughness") in {(p, w) for p, w, _ in losses(stage)}


def test_a_payload_that_was_not_loaded_is_named(tmp_path: Any) -> None:
    part = Usd.Stage.CreateNew(str(tmp_path / "part.usda"))
    part.SetDefaultPrim(UsdGeom.Cube.Define(part, "/C").GetPrim())
    part.Save()
    stage = Usd.Stage.CreateNew(str(tmp_path / "whole.usda"))
    stage.DefinePrim("/W/P").GetPayloads().AddPayload("./part.usda")
    stage.Save()
    empty = Usd.Stage.Open(str(tmp_path / "whole.usda"), Usd.Stage.LoadNone)
    assert ("/W/P", "payload") in {(p, w) for p, w, _ in losses(empty)}


def test_variants_that_are_not_written_are_named() -> None:
    stage = Usd.Stage.CreateInMemory()
    prim = UsdGeom.Cube.Define(stage, "/A").GetPrim()
    chosen = prim.GetVariantSets().AddVariantSet("look")
    for name in ("red", "blue"):
        chosen.AddVariant(name)
    chosen.SetVariantSelection("red")
    assert ("/A", "variant set look", "red is exported, not blue") in losses(stage)
    picked = read_scene(stage, account=True, variants={"look": "blue"})
    assert not picked.losses


def test_usd_files_report_nothing_that_they_hold(tmp_path: Any) -> None:
    from pipeline.exporters import export

    stage = Usd.Stage.CreateInMemory()
    stage.DefinePrim("/W", "Xform")
    stage.SetDefaultPrim(stage.GetPrimAtPath("/W"))
    curves = UsdGeom.BasisCurves.Define(stage, "/W/A")
    curves.CreatePointsAttr([(0, 0, 0), (1, 0, 0)])
    curves.CreateCurveVertexCountsAttr([2])
    curves.CreateTypeAttr("linear")
    curves.CreateWidthsAttr([0.1])
    assert export(stage, tmp_path / "a.usda").losses == []
    assert [x.what for x in export(stage, tmp_path / "a.stl").losses] == ["curves"]
