# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pxr import Gf, Sdf, UsdShade

from pipeline.errors import StageError
from pipeline.usd.scene import read_scene, read_texture

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080200000090"
    "7753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


def textured(b: Any, path: str, name: str, file: str, channel: str, **more: Any) -> None:
    material = UsdShade.Material(b.stage.GetPrimAtPath(path))
    surface = UsdShade.Shader(b.stage.GetPrimAtPath(f"{path}/surface"))
    texture = UsdShade.Shader.Define(b.stage, f"{path}/{name}_texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(file)
    for key, value in more.items():
        kind = {"wrapS": Sdf.ValueTypeNames.Token, "sourceColorSpace": Sdf.ValueTypeNames.Token}
        texture.CreateInput(key, kind.get(key, Sdf.ValueTypeNames.Float4)).Set(value)
    reader = UsdShade.Shader.Define(b.stage, f"{path}/reader")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    name_input = reader.CreateInput("varname", Sdf.ValueTypeNames.String)
    interface = material.CreateInput("uvName", Sdf.ValueTypeNames.String)
    interface.Set("map2")
    name_input.ConnectToSource(interface)
    move = UsdShade.Shader.Define(b.stage, f"{path}/move")
    move.CreateIdAttr("UsdTransform2d")
    move.CreateInput("in", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    move.CreateInput("rotation", Sdf.ValueTypeNames.Float).Set(30.0)
    move.CreateInput("scale", Sdf.ValueTypeNames.Float2).Set((2, 3))
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(move.ConnectableAPI(), "result")
    surface.CreateInput(name, Sdf.ValueTypeNames.Float).ConnectToSource(texture.ConnectableAPI(), channel)


def test_a_network_is_followed_through_interfaces_and_transforms(bed: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    b = bed()
    b.bind(b.cube("/World/C"), b.material("/World/M", metallic=0.25))
    textured(
        b, "/World/M", "roughness", str(tmp_path / "a.png"), "g",
        scale=Gf.Vec4f(0.5), bias=Gf.Vec4f(0.25), wrapS="mirror", sourceColorSpace="raw",
    )  # fmt: skip
    material = read_scene(b.stage).materials[0]
    texture = material.texture("roughness")
    assert texture is not None
    assert (texture.channel, texture.uv_set, texture.wrap_s, texture.color_space) == ("g", "map2", "mirror", "raw")
    assert texture.scale[0] == 0.5 and texture.bias[1] == 0.25
    assert texture.transform is not None
    assert (texture.transform.rotation, texture.transform.scale) == (30.0, (2.0, 3.0))
    assert material.scalar("metallic") == 0.25
    assert material.scalar("ior") == 1.5  # UsdPreviewSurface's own fallback
    assert read_texture(texture.path) == PNG


def test_a_texture_that_is_not_there_is_named(bed: Any) -> None:
    b = bed()
    b.bind(b.cube("/World/C"), b.material("/World/M"))
    textured(b, "/World/M", "roughness", "nowhere.png", "r")
    scene = read_scene(b.stage)
    assert scene.materials[0].texture("roughness") is None
    assert [(x.prim, x.what) for x in scene.losses] == [("/World/M", "texture of roughness")]
    assert "nowhere.png" in scene.losses[0].why


def test_tiles_are_found(bed: Any, tmp_path: Path) -> None:
    for tile in (1001, 1012):
        (tmp_path / f"t.{tile}.png").write_bytes(PNG)
    b = bed()
    b.bind(b.cube("/World/C"), b.material("/World/M"))
    textured(b, "/World/M", "roughness", str(tmp_path / "t.<UDIM>.png"), "r")
    texture = read_scene(b.stage).materials[0].texture("roughness")
    assert texture is not None and [t for t, _ in texture.tiles] == [1001, 1012]


def test_shaders_that_feed_each_other_end(bed: Any) -> None:
    b = bed()
    b.bind(b.cube("/World/C"), b.material("/World/M"))
    nodes = [UsdShade.Shader.Define(b.stage, f"/World/M/n{k}") for k in range(2)]
    for node, other in zip(nodes, reversed(nodes), strict=True):
        node.CreateIdAttr("UsdTransform2d")
        node.CreateInput("in", Sdf.ValueTypeNames.Float2).ConnectToSource(other.ConnectableAPI(), "result")
    surface = UsdShade.Shader(b.stage.GetPrimAtPath("/World/M/surface"))
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).ConnectToSource(nodes[0].ConnectableAPI(), "result")
    assert any(x.prim == "/World/M" for x in read_scene(b.stage).losses)


def test_a_standard_surface_is_reduced_with_a_report(bed: Any) -> None:
    b = bed()
    material = UsdShade.Material.Define(b.stage, "/World/M")
    shader = UsdShade.Shader.Define(b.stage, "/World/M/s")
    shader.CreateIdAttr("ND_standard_surface_surfaceshader")
    shader.CreateInput("base", Sdf.ValueTypeNames.Float).Set(0.5)
    shader.CreateInput("base_color", Sdf.ValueTypeNames.Color3f).Set((0.8, 0.4, 0.2))
    shader.CreateInput("metalness", Sdf.ValueTypeNames.Float).Set(1.0)
    shader.CreateInput("sheen", Sdf.ValueTypeNames.Float).Set(0.3)
    material.CreateSurfaceOutput("mtlx").ConnectToSource(shader.ConnectableAPI(), "out")
    b.bind(b.cube("/World/C"), material)
    scene = read_scene(b.stage)
    found = scene.materials[0]
    assert found.get("diffuseColor").value == pytest.approx((0.4, 0.2, 0.1))
    assert found.scalar("metallic") == 1.0
    assert any("sheen" in x.why for x in scene.losses)


def test_a_binding_that_leads_nowhere_is_named_and_none_is_not(bed: Any) -> None:
    b = bed()
    lost = b.cube("/World/Lost")
    UsdShade.MaterialBindingAPI.Apply(lost.GetPrim())
    lost.GetPrim().CreateRelationship("material:binding").SetTargets(["/World/Gone"])
    b.cube("/World/Bare", 2.0)
    assert [(x.prim, x.what) for x in read_scene(b.stage).losses] == [("/World/Lost", "material binding")]


def test_reading_what_is_not_there_says_which() -> None:
    with pytest.raises(StageError, match=r"gone\.png"):
        read_texture("/gone.png")
