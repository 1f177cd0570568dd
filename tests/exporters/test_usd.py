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
