# SPDX-License-Identifier: Apache-2.0
"""What the project remembers, as rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from pipeline.checks import inspect
from pipeline.references.png import write_png
from pipeline.settings.jobs import Brief, Remembered, load_job

GREEN = (40, 200, 40)


def crate(folder: Path, height: float = 2.0, name: str = "crate") -> Usd.Stage:
    """A textured box of 1 x `height` x 1 m on the ground, green all over."""
    write_png(folder / "green.png", np.full((64, 64, 3), GREEN, np.uint8))
    stage = Usd.Stage.CreateNew(str(folder / "box.usda"))
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    UsdGeom.SetStageUpAxis(stage, "Y")
    root = UsdGeom.Xform.Define(stage, "/Asset").GetPrim()
    stage.SetDefaultPrim(root)
    mesh = UsdGeom.Mesh.Define(stage, f"/Asset/{name}")
    corners = [(x, y, z) for x in (-0.5, 0.5) for y in (0, height) for z in (-0.5, 0.5)]
    mesh.CreatePointsAttr([Gf.Vec3f(*c) for c in corners])
    mesh.CreateFaceVertexCountsAttr([4] * 6)
    faces = [0, 1, 3, 2, 4, 6, 7, 5, 0, 4, 5, 1, 2, 3, 7, 6, 0, 2, 6, 4, 1, 5, 7, 3]
    mesh.CreateFaceVertexIndicesAttr(faces)
    uv = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    uv.Set([Gf.Vec2f(*p) for p in [(0, 0), (1, 0), (1, 1), (0, 1)] * 6])
    material = UsdShade.Material.Define(stage, "/Asset/paint")
    shader = UsdShade.Shader.Define(stage, "/Asset/paint/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    texture = UsdShade.Shader.Define(stage, "/Asset/paint/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set("./green.png")
    texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB")
    reader = UsdShade.Shader.Define(stage, "/Asset/paint/reader")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    colour = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
    colour.ConnectToSource(texture.ConnectableAPI(), "rgb")
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)
    stage.Save()
    return stage


def found(stage: Usd.Stage, rule: str, name: str = "market_stall", **remembered: object) -> list[tuple[str, str]]:
    brief = Brief(job=load_job("game-ready-prop"), name=name, remembered=Remembered(**remembered))  # type: ignore[arg-type]
    return [(f.severity, f.message) for f in inspect(stage, job=brief, rules=[rule]).findings]


@pytest.mark.parametrize(
    ("height", "says"), [(2.0, 0), (2.6, 0), (2.9, 1), (1.7, 1)], ids=["low end", "inside", "too tall", "too low"]
)
def test_heights_that_the_project_keeps(tmp_path: Path, height: float, says: int) -> None:
    told = found(crate(tmp_path, height), "memory.scale", heights_m={"market stall": (2.0, 2.7)})
    assert len(told) == says
    assert all(severity == "warning" and "2.00 and 2.70 m" in message for severity, message in told)


def test_a_height_counts_for_what_is_called_so_only(tmp_path: Path) -> None:
    kept = {"heights_m": {"market stall": (0.5, 1.0)}}
    assert found(crate(tmp_path), "memory.scale", "barrel", **kept) == []
    assert len(found(Usd.Stage.Open(str(tmp_path / "box.usda")), "memory.scale", "old_market_stall", **kept)) == 1


def test_an_intents_size_outranks_memory(tmp_path: Path) -> None:
    brief = Brief(
        job=load_job("game-ready-prop"), name="stall", size_m=(1, 2, 1),
        remembered=Remembered(heights_m={"stall": (0.5, 1.0)}),
    )  # fmt: skip
    [told] = inspect(crate(tmp_path), job=brief, rules=["memory.scale"]).findings
    assert told.severity == "info"


def test_banned_names(tmp_path: Path) -> None:
    stage = crate(tmp_path, name="old_Guns_rack")
    assert [s for s, _ in found(stage, "memory.banned", banned=["gun"])] == ["warning"]
    assert found(stage, "memory.banned", banned=["run", "rac"]) == []
    assert found(stage, "memory.banned") == []


def test_colours_outside_the_palette(tmp_path: Path) -> None:
    stage = crate(tmp_path)
    # linear values of a brown, and of the green itself: sRGB 40 is 0.0212, 200 is 0.578
    brown, green = (0.25, 0.1, 0.04), (0.0212, 0.578, 0.0212)
    [(severity, message)] = found(stage, "memory.palette", palette=[brown])
    assert severity == "info" and "100%" in message
    assert found(stage, "memory.palette", palette=[brown, green]) == []
    # HSV saturation of the green: (200 - 40) / 200 = 0.8
    assert len(found(stage, "memory.palette", max_saturation=0.7)) == 1
    assert found(stage, "memory.palette", max_saturation=0.8) == []
