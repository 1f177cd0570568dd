# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdUtils

from pipeline.exporters import export, load_target


def furnished(plot: Any, picture: Any) -> Any:
    """A stage that references another, which has a texture."""
    picture("base.png", np.full((4, 4, 3), 77, np.uint8))
    part = plot()
    part.bind(part.cube("/World/C"), part.material("/World/M"))
    part.texture("/World/M", "diffuseColor", "./base.png")
    part.save()
    whole = plot("Z", 0.01)
    for k in range(2):
        placed = UsdGeom.Xform.Define(whole.stage, f"/World/I{k}")
        placed.GetPrim().GetReferences().AddReference(f"./{part.path.name}")
        placed.GetPrim().SetInstanceable(True)
        UsdGeom.XformCommonAPI(placed).SetTranslate((3 * k, 0, 0))
    whole.save()
    return whole


@pytest.mark.parametrize("suffix", ["usda", "usdc", "usd"])
@pytest.mark.parametrize("kind", ["composed", "flattened"])
def test_a_package_stands_anywhere(plot: Any, picture: Any, tmp_path: Path, suffix: str, kind: str) -> None:
    p = furnished(plot, picture)
    out = tmp_path / "out"
    out.mkdir()
    result = export(p.path, out / f"set.{suffix}", load_target(None, usd=kind))
    moved = tmp_path / "elsewhere"
    shutil.move(out, moved)
    shutil.rmtree(tmp_path / "stages")
    stage = Usd.Stage.Open(str(moved / f"set.{suffix}"))
    assert not stage.GetCompositionErrors()
    assert (UsdGeom.GetStageUpAxis(stage), UsdGeom.GetStageMetersPerUnit(stage)) == ("Z", 0.01)
    texture = next(x for x in stage.GetPrototypes()[0].GetAllChildren() if x.GetName() == "M")
    file = UsdShade.Shader(texture.GetChild("diffuseColor_texture")).GetInput("file").Get()
    assert Path(file.resolvedPath).read_bytes().startswith(b"\x89PNG")
    layers, assets, missing = UsdUtils.ComputeAllDependencies(str(moved / f"set.{suffix}"))
    assert not missing and len(assets) == 1
    assert all(Path(x.realPath).is_relative_to(moved) for x in layers)
    assert sorted(result.files)[0].startswith("set")
    head = (moved / f"set.{suffix}").read_bytes()[:8]
    assert head.startswith(b"#usda" if suffix == "usda" else b"PXR-USDC")


def test_a_composed_package_keeps_its_variants_and_a_flattened_one_says_not(plot: Any, tmp_path: Path) -> None:
    p = plot()
    chosen = p.world.GetPrim().GetVariantSets().AddVariantSet("size")
    for name in ("small", "large"):
        chosen.AddVariant(name)
        chosen.SetVariantSelection(name)
        with chosen.GetVariantEditContext():
            p.cube("/World/C", 1.0 if name == "small" else 4.0)
    p.save()
    export(p.path, tmp_path / "c.usda")
    opened = Usd.Stage.Open(str(tmp_path / "c.usda"))
    assert opened.GetPrimAtPath("/World").GetVariantSet("size").GetVariantNames() == ["large", "small"]
    flat = export(p.path, tmp_path / "f.usda", variants={"size": "small"})
    assert flat.stats.bounds_m is not None and flat.stats.bounds_m[1][0] == 0.5
    opened = Usd.Stage.Open(str(tmp_path / "f.usda"))
    assert not opened.GetPrimAtPath("/World").HasVariantSets()
    assert ("/World", "variant set size") in {(x.prim, x.what) for x in flat.losses}


def test_the_archive_is_aligned_stored_and_opens(plot: Any, picture: Any, tmp_path: Path) -> None:
    p = furnished(plot, picture)
    out = tmp_path / "set.usdz"
    export(p.path, out)
    shutil.rmtree(tmp_path / "stages")
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        assert names[0] == "set.usdc" and names[1:] == ["textures/base.png"]
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            body = archive.read(entry)
            assert out.read_bytes().find(body) % 64 == 0
    stage = Usd.Stage.Open(str(out))
    box = UsdGeom.BBoxCache(0, ["default"], False).ComputeWorldBound(stage.GetPseudoRoot()).ComputeAlignedRange()
    assert box.GetMax()[0] == pytest.approx(3.5)


def test_an_archive_carries_only_what_is_used(plot: Any, tmp_path: Path) -> None:
    p = plot()
    p.bind(p.cube("/World/C"), p.material("/World/Used"))
    p.material("/World/Unused")
    p.cube("/World/Guide").CreatePurposeAttr("guide")
    result = export(p.save(), tmp_path / "c.usdz")
    stage = Usd.Stage.Open(str(tmp_path / "c.usdz"))
    assert stage.GetPrimAtPath("/World/Used") and not stage.GetPrimAtPath("/World/Unused")
    assert not stage.GetPrimAtPath("/World/Guide")
    assert ("/World/Guide", "guide") in {(x.prim, x.what) for x in result.losses}


def test_a_picture_that_archives_may_not_hold_is_converted(plot: Any, picture: Any, tmp_path: Path) -> None:
    picture("base.tga", np.full((4, 4, 3), (200, 10, 10), np.uint8))
    p = plot()
    p.bind(p.cube("/World/C"), p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./base.tga")
    export(p.save(), tmp_path / "c.usdz")
    with zipfile.ZipFile(tmp_path / "c.usdz") as archive:
        assert archive.namelist() == ["c.usdc", "textures/base.png"]


def test_tiles_travel_together(plot: Any, picture: Any, tmp_path: Path) -> None:
    for tile in (1001, 1002):
        picture(f"t.{tile}.png", np.full((2, 2, 3), tile % 255, np.uint8))
    p = plot()
    p.bind(p.cube("/World/C"), p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./t.<UDIM>.png")
    p.save()
    export(p.path, tmp_path / "c.usdz")
    with zipfile.ZipFile(tmp_path / "c.usdz") as archive:
        assert archive.namelist()[1:] == ["textures/t.1001.png", "textures/t.1002.png"]
    export(p.path, tmp_path / "c.usda", load_target(None, usd="flattened"))
    assert "@./c_files/t.<UDIM>.png@" in (tmp_path / "c.usda").read_text()


def test_an_unsaved_stage_can_be_exported(plot: Any, tmp_path: Path) -> None:
    stage = Usd.Stage.CreateInMemory()
    stage.SetDefaultPrim(UsdGeom.Sphere.Define(stage, "/Ball").GetPrim())
    export(stage, tmp_path / "b.usda")
    assert Sdf.Layer.FindOrOpen(str(tmp_path / "b.usda")).GetPrimAtPath("/Ball")


def test_a_package_keeps_files_that_lie_above_the_stage(plot: Any, picture: Any, tmp_path: Path) -> None:
    """A reference from a subfolder to its neighbour's files, as asset libraries have them."""
    picture("red.png", np.full((4, 4, 3), (200, 0, 0), np.uint8))
    home = tmp_path / "stages"
    for folder in ("library/parts", "library/looks", "shots"):
        (home / folder).mkdir(parents=True)
    shutil.move(home / "red.png", home / "library/looks/red.png")
    look = Usd.Stage.CreateNew(str(home / "library/looks/red.usda"))
    material = UsdShade.Material.Define(look, "/Red")
    shader = UsdShade.Shader.Define(look, "/Red/t")
    shader.CreateIdAttr("UsdUVTexture")
    shader.CreateInput("file", Sdf.ValueTypeNames.Asset).Set("./red.png")
    surface = UsdShade.Shader.Define(look, "/Red/s")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(shader.ConnectableAPI(), "rgb")
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    look.SetDefaultPrim(material.GetPrim())
    look.Save()
    part = Usd.Stage.CreateNew(str(home / "library/parts/ball.usda"))
    ball = UsdGeom.Sphere.Define(part, "/Ball")
    part.SetDefaultPrim(ball.GetPrim())
    part.DefinePrim("/Ball/Red").GetReferences().AddReference("../looks/red.usda")
    UsdShade.MaterialBindingAPI.Apply(ball.GetPrim()).GetDirectBindingRel().AddTarget("/Ball/Red")
    part.Save()
    shot = Usd.Stage.CreateNew(str(home / "shots/shot.usda"))
    shot.DefinePrim("/Shot/B").GetReferences().AddReference("../library/parts/ball.usda")
    shot.SetDefaultPrim(shot.GetPrimAtPath("/Shot"))
    shot.Save()
    out = tmp_path / "out"
    out.mkdir()
    result = export(home / "shots/shot.usda", out / "s.usda")
    assert result.readback.ok and not result.losses
    moved = tmp_path / "moved"
    shutil.move(out, moved)
    shutil.rmtree(home)
    stage = Usd.Stage.Open(str(moved / "s.usda"))
    assert not stage.GetCompositionErrors()
    bound, _ = UsdShade.MaterialBindingAPI(stage.GetPrimAtPath("/Shot/B")).ComputeBoundMaterial()
    file = UsdShade.Shader(bound.GetPrim().GetChild("t")).GetInput("file").Get()
    assert Path(file.resolvedPath).is_relative_to(moved)


def test_materialx_travels_with_its_pictures(plot: Any, picture: Any, tmp_path: Path) -> None:
    picture("a.png", np.full((4, 4, 3), 99, np.uint8))
    home = tmp_path / "stages"
    (home / "lib/tex").mkdir(parents=True)
    shutil.move(home / "a.png", home / "lib/tex/a.png")
    (home / "lib/m.mtlx").write_text(
        '<?xml version="1.0"?><materialx version="1.38" fileprefix="tex/"><image name="i" type="color3">'
        '<input name="file" type="filename" value="a.png"/></image></materialx>'
    )
    p = plot()
    p.cube("/World/C")
    p.stage.DefinePrim("/World/Looks").GetReferences().AddReference("./lib/m.mtlx", "/MaterialX/Materials")
    out = tmp_path / "out"
    out.mkdir()
    export(p.save(), out / "c.usda")
    assert "@./c_files/lib/m.mtlx@" in (out / "c.usda").read_text()
    assert 'value="tex/a.png"' in (out / "c_files/lib/m.mtlx").read_text()
    assert (out / "c_files/lib/tex/a.png").read_bytes() == (home / "lib/tex/a.png").read_bytes()


def _spoil(layer: Any) -> None:
    del layer.GetPrimAtPath("/World").nameChildren["Second"]


@pytest.mark.parametrize("suffix", ["usda", "usdz"])
@pytest.mark.parametrize(
    ("what", "spoil"),
    [
        ("triangles: the stage has 24, the file 12", _spoil),
        ("bounds", None),
        ("lights: the stage has 1, the file 0", lambda la: la.GetPrimAtPath("/World").nameChildren.__delitem__("Sun")),
        ("cameras", lambda la: la.GetPrimAtPath("/World").nameChildren.__delitem__("Cam")),
        ("uv sets", lambda la: la.GetPrimAtPath("/World/C").properties.__delitem__("primvars:st")),
        ("materials", lambda la: la.GetPrimAtPath("/World/C").properties.__delitem__("material:binding")),
        ("moving", lambda la: la.EraseTimeSample("/World/Cam.xformOp:translate", 9.0)),
    ],
)
def test_what_the_file_does_not_say_fails_the_export(
    plot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, what: str, spoil: Any
) -> None:
    from pipeline.errors import ReadbackMismatch
    from pipeline.exporters import usd, usdz

    p = plot()
    p.bind(p.cube("/World/C"), p.material("/World/M"))
    p.cube("/World/Second", 1.0, (4, 0, 0))
    moving = UsdGeom.XformCommonAPI(UsdGeom.Camera.Define(p.stage, "/World/Cam"))
    moving.SetTranslate((0, 0, 0), 1)
    moving.SetTranslate((0, 0, 5), 9)
    p.stage.DefinePrim("/World/Sun", "DistantLight")
    real = usd.flattened

    def spoiled(*args: Any, **more: Any) -> Any:
        layer = real(*args, **more)
        if "bounds" in what:
            points = layer.GetPrimAtPath("/World/C").attributes["points"]
            moved = list(points.default)
            moved[0] = (-9, 0, 0)
            points.default = moved
        else:
            spoil(layer)
        return layer

    monkeypatch.setattr({"usda": usd, "usdz": usdz}[suffix], "flattened", spoiled)
    out = tmp_path / f"c.{suffix}"
    out.write_bytes(b"older")
    with pytest.raises(ReadbackMismatch, match=what):
        export(p.save(), out, load_target(None, usd="flattened"))
    assert out.read_bytes() == b"older"


def test_a_prim_alone_keeps_what_its_parents_do_to_it(plot: Any, tmp_path: Path) -> None:
    p = plot()
    for time, x in ((1, 0.0), (9, 4.0)):
        UsdGeom.XformCommonAPI(p.world).SetTranslate((x, 0, 0), time)
    p.stage.SetStartTimeCode(1)
    p.stage.SetEndTimeCode(9)
    part = UsdGeom.Xform.Define(p.stage, "/World/Part")
    UsdGeom.XformCommonAPI(part).SetTranslate((0, 2, 0))
    p.cube("/World/Part/C")
    result = export(p.save(), tmp_path / "c.usda", prim="/World/Part")
    assert result.readback.ok
    opened = Usd.Stage.Open(str(tmp_path / "c.usda"))
    for time, x in ((1, 0.0), (5, 2.0), (9, 4.0)):
        world = UsdGeom.XformCache(time).GetLocalToWorldTransform(opened.GetDefaultPrim())
        assert tuple(world.ExtractTranslation()) == pytest.approx((x, 2, 0))
