# SPDX-License-Identifier: Apache-2.0
"""Textures and colours, judged by Pillow, OpenImageIO, scikit-image and hand-computed values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdValidation
from skimage.color import deltaE_ciede2000, rgb2lab

from pipeline.errors import UsageError
from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.looks import connect_texture, input_of, maps
from pipeline.refiners.core.subject import Subject

from .conftest import sphere

SQUARE = (np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2, 3]], np.int32))
SQUARE_UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "kept")


def _sheet(stage, add, material, name: str, file: Path, output: str = "rgb") -> UsdShade.Material:  # type: ignore[no-untyped-def]
    mesh, paint = add("sheet", *SQUARE, SQUARE_UV), material("paint")
    connect_texture(Subject(stage.GetDefaultPrim()), paint, name, str(file), output)
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(paint)
    return paint


def _floats(path: str) -> np.ndarray:
    return np.asarray(oiio.ImageBuf(path).get_pixels(oiio.FLOAT))


def _save_exr(path: Path, pixels: np.ndarray) -> None:
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], "half"))
    out.write_image(pixels.astype(np.float32))
    out.close()


def test_light_beyond_white_survives_a_resize(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    _save_exr(tmp_path / "glow.exr", np.full((64, 64, 3), 6.0))
    paint = _sheet(stage, add, material, "emissiveColor", tmp_path / "glow.exr")
    refine(stage, "/Asset", "textures", {"max_side": 16}, store=store)
    [read] = maps(paint)
    assert _floats(read.path).shape == (16, 16, 3)
    assert _floats(read.path) == pytest.approx(6.0, rel=1e-3)


def test_colours_become_light_in_exr_and_back(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    Image.new("RGB", (8, 8), (188, 128, 0)).save(tmp_path / "tone.png")
    paint = _sheet(stage, add, material, "diffuseColor", tmp_path / "tone.png")
    refine(stage, "/Asset", "textures", {"format": "exr"}, store=store)
    [read] = maps(paint)
    # IEC 61966-2-1 by hand: 188 / 255 -> 0.5029, 128 / 255 -> 0.2159
    assert _floats(read.path)[0, 0] == pytest.approx([0.5029, 0.2159, 0], abs=1e-3)
    assert read.shader.GetInput("sourceColorSpace").Get() == "raw"
    assert not refine(stage, "/Asset", "textures", {"format": "exr"}, store=store).changed
    refine(stage, "/Asset", "textures", {"format": "png", "bits": "8"}, store=store)
    [read] = maps(paint)
    assert Image.open(read.path).getpixel((3, 3)) == (188, 128, 0)
    assert read.shader.GetInput("sourceColorSpace").Get() == "sRGB"


@pytest.mark.parametrize(("name", "tagged"), [("diffuseColor", True), ("normal", False)])
def test_only_colours_are_tagged_in_the_file(name, tagged, stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    Image.new("RGB", (64, 64), (128, 128, 255)).save(tmp_path / "flat.png")
    paint = _sheet(stage, add, material, name, tmp_path / "flat.png")
    refine(stage, "/Asset", "textures", {"max_side": 32}, store=store)
    with Image.open(maps(paint)[0].path) as written:
        assert ("srgb" in written.info, "gamma" in written.info) == (tagged, tagged)


def test_what_is_seen_weighs_and_what_is_hidden_stays(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, ::2] = (255, 0, 0, 255)  # every other column seen and red, the others unseen and green
    pixels[:, 1::2] = (0, 255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "leaf.png")
    paint = _sheet(stage, add, material, "diffuseColor", tmp_path / "leaf.png")
    [read] = maps(paint)
    read.shader.CreateOutput("a", Sdf.ValueTypeNames.Float)
    shader = paint.ComputeSurfaceSource()[0]
    shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).ConnectToSource(read.shader.ConnectableAPI(), "a")
    refine(stage, "/Asset", "textures", {"max_side": 16}, store=store)
    middle = np.asarray(Image.open(maps(paint)[0].path))[4:12, 4:12].reshape(-1, 4)
    assert middle[:, 0].min() > 245
    assert middle[:, 1].max() < 10
    assert middle[:, 3].mean() == pytest.approx(127.5, abs=3)


def test_a_larger_picture_is_said_to_show_no_more(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    Image.new("RGB", (100, 50), (9, 9, 9)).save(tmp_path / "small.png")
    _sheet(stage, add, material, "diffuseColor", tmp_path / "small.png")
    result = refine(stage, "/Asset", "textures", {"min_side": 256}, store=store)
    assert result.after["largest_side"] == 256
    assert any("enlarged" in note for note in result.notes)


def test_channels_are_packed_in_any_order_and_taken_apart(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    Image.new("L", (8, 8), 200).save(tmp_path / "rough.png")
    paint = _sheet(stage, add, material, "roughness", tmp_path / "rough.png", "r")
    Image.new("L", (16, 16), 40).save(tmp_path / "metal.png")
    connect_texture(Subject(stage.GetDefaultPrim()), paint, "metallic", str(tmp_path / "metal.png"), "r")
    order = {"pack": "r=metallic,g=occlusion,b=roughness"}
    refine(stage, "/Asset", "textures", order, store=store)
    read = {m.input: m for m in maps(paint)}
    assert {(n, m.output) for n, m in read.items()} == {("roughness", "b"), ("metallic", "r")}
    assert Image.open(read["metallic"].path).getpixel((5, 5)) == (40, 255, 200)
    assert not refine(stage, "/Asset", "textures", order, store=store).changed
    refine(stage, "/Asset", "textures", {"pack": "split"}, store=store)
    read = {m.input: m for m in maps(paint)}
    assert Image.open(read["metallic"].path).getpixel((5, 5)) == 40
    assert Image.open(read["roughness"].path).getpixel((5, 5)) == 200
    with pytest.raises(UsageError, match="channels"):
        refine(stage, "/Asset", "textures", {"pack": "q=roughness"}, store=store)


def test_tiles_are_resized_under_one_name(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    for number, colour in ((1001, (200, 0, 0)), (1002, (0, 200, 0))):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"t.{number}.png")
    paint = _sheet(stage, add, material, "diffuseColor", tmp_path / "t.<UDIM>.png")
    refine(stage, "/Asset", "textures", {"max_side": 32}, store=store)
    [read] = maps(paint)
    assert read.asset.endswith(".<UDIM>.png")
    found = {p.suffixes[-2]: Image.open(p) for p in (tmp_path / "kept").iterdir()}
    assert {k: (v.size, v.getpixel((9, 9))) for k, v in found.items()} == {
        ".1001": ((32, 32), (200, 0, 0)), ".1002": ((32, 32), (0, 200, 0)),
    }  # fmt: skip


def test_a_budget_in_kilobytes_is_kept(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    Image.effect_noise((256, 256), 80).convert("RGB").save(tmp_path / "noise.png")
    paint = _sheet(stage, add, material, "diffuseColor", tmp_path / "noise.png")
    refine(stage, "/Asset", "textures", {"kilobytes": 20}, store=store)
    assert Path(maps(paint)[0].path).stat().st_size <= 20_000
    assert not refine(stage, "/Asset", "textures", {"kilobytes": 20}, store=store).changed


def test_a_texture_is_changed_from_the_unrefined_one(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    Image.new("RGB", (8, 8), (200, 60, 30)).save(tmp_path / "paint.png")
    paint = _sheet(stage, add, material, "diffuseColor", tmp_path / "paint.png")
    refine(stage, "/Asset", "colour", {"saturation": 0.25}, store=store)
    quarter = Image.open(maps(paint)[0].path).getpixel((2, 2))
    refine(stage, "/Asset", "colour", {"saturation": 0.5}, store=store)
    refine(stage, "/Asset", "colour", {"saturation": 0.25}, store=store)
    assert Image.open(maps(paint)[0].path).getpixel((2, 2)) == quarter
    refine(stage, "/Asset", "colour", {"saturation": 1}, store=store)
    assert maps(paint)[0].path == str(tmp_path / "paint.png")


def test_each_colour_of_a_texture_goes_to_its_nearest_of_the_palette(
    stage, add, material, tmp_path: Path, store
) -> None:  # type: ignore[no-untyped-def]
    picture = Image.new("RGB", (64, 64), (190, 40, 40))
    picture.paste((40, 60, 180), (32, 0, 64, 64))
    picture.save(tmp_path / "two.png")
    paint = _sheet(stage, add, material, "diffuseColor", tmp_path / "two.png")
    refine(stage, "/Asset", "colour", {"palette": "#d06a50, #5080c0"}, store=store)
    made = Image.open(maps(paint)[0].path).convert("RGB")
    for x, wanted in ((10, (0xD0, 0x6A, 0x50)), (50, (0x50, 0x80, 0xC0))):
        lab = [rgb2lab(np.array(c, float)[None] / 255) for c in (made.getpixel((x, 30)), wanted)]
        assert float(deltaE_ciede2000(*lab)[0]) < 1.5


def test_the_palette_is_what_the_project_remembers_or_a_scene_wears(stage, add, material) -> None:  # type: ignore[no-untyped-def]
    mesh = add("sheet", *SQUARE, SQUARE_UV)
    red, other = material("red", (0.7, 0.1, 0.1)), material("other", (0.7, 0.1, 0.1))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(red)
    kept = stage.DefinePrim("/Project/Memory/level")
    kept.CreateAttribute("gates:kind", Sdf.ValueTypeNames.Token).Set("palette")
    kept.CreateAttribute("gates:palette", Sdf.ValueTypeNames.Color3fArray).Set([Gf.Vec3f(0.4, 0.2, 0.1)])
    refine(stage, "/Asset", "colour", {"palette": "memory", "prims": "sheet"})
    assert input_of(red, "diffuseColor") == pytest.approx((0.4, 0.2, 0.1), abs=2e-3)
    assert input_of(other, "diffuseColor") == pytest.approx((0.7, 0.1, 0.1))
    scene = UsdShade.Material.Define(stage, "/World/mtl/wall")
    wall = UsdShade.Shader.Define(stage, "/World/mtl/wall/surface")
    wall.CreateIdAttr("UsdPreviewSurface")
    wall.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set((0.1, 0.3, 0.2))
    scene.CreateSurfaceOutput().ConnectToSource(wall.ConnectableAPI(), "surface")
    refine(stage, "/Asset", "colour", {"palette": "/World"})
    assert input_of(red, "diffuseColor") == pytest.approx((0.1, 0.3, 0.2), abs=2e-3)
    with pytest.raises(UsageError, match="sheet"):
        refine(stage, "/Asset", "colour", {"saturation": 0, "prims": "wheel"})


@pytest.mark.parametrize(("noise", "fade"), [(0, 0.0), (25, 0.0), (25, 0.45)])
def test_painted_regions_become_face_sets_with_the_borders_as_painted(
    noise: int, fade: float, stage: Usd.Stage, add, material, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(40)
    middle = points[faces].mean(axis=1)
    along = np.arctan2(points[:, 2], points[:, 0])[faces] / (2 * np.pi) % 1
    along = np.where((np.ptp(along, axis=1) > 0.5)[:, None] & (along < 0.5), along + 1, along)
    up = 1 - np.arccos(np.clip(points[:, 1], -1, 1))[faces] / np.pi
    mesh = add("ball", points, faces, np.stack([along, up], axis=2).reshape(-1, 2))
    x, y = np.meshgrid((np.arange(512) + 0.5) / 512, (np.arange(256) + 0.5) / 256)
    region = np.where(y < 0.35, 0, np.where(x < 0.5, 1, 2))
    pixels = np.array([[200, 40, 30], [40, 60, 190], [210, 190, 60.0]])[region] * (1 - fade * y[:, :, None])
    random = np.random.default_rng(0)
    pixels += random.normal(0, max(noise, 1e-9), pixels.shape)
    if noise:
        for column, row in random.integers(0, 250, (20, 2)):  # specks of another colour
            pixels[row : row + 3, column : column + 3] = (20, 160, 40)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "ball.png")
    paint = material("paint")
    connect_texture(Subject(stage.GetDefaultPrim()), paint, "diffuseColor", str(tmp_path / "ball.png"))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(paint)
    refine(stage, "/Asset", "separate-materials")
    truth = np.where(
        np.arccos(middle[:, 1] / np.linalg.norm(middle, axis=1)) / np.pi < 0.35, 0,
        np.where(np.arctan2(middle[:, 2], middle[:, 0]) / (2 * np.pi) % 1 < 0.5, 1, 2),
    )  # fmt: skip
    subsets = UsdGeom.Subset.GetAllGeomSubsets(mesh)
    assert len(subsets) == 3
    wrong = sum(
        len(found) - np.bincount(truth[found]).max()
        for s in subsets
        if len(found := np.array(s.GetIndicesAttr().Get()))
    )
    assert wrong <= 0.005 * len(faces)
    assert sum("red" in s.GetPrim().GetName() for s in subsets) == 1
    assert UsdGeom.Subset.GetFamilyType(mesh, "materialBind") == "partition"
    assert UsdGeom.Subset.ValidateFamily(mesh, "face", "materialBind")[0]
    every = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators())
    assert not [e.GetMessage() for e in every.Validate(stage) if "ubset" in e.GetMessage()]


def test_meshes_are_dressed_by_their_names(stage, add, material) -> None:  # type: ignore[no-untyped-def]
    paint = material("paint")
    for name in ("wheel_01", "wheel_02", "body"):
        mesh = add(name, *SQUARE, SQUARE_UV)
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(paint)
    result = refine(stage, "/Asset", "separate-materials", {"by": "name"})
    assert (result.before["materials"], result.after["materials"]) == (1, 2)
    bound = {
        p.GetName(): UsdShade.MaterialBindingAPI(p).ComputeBoundMaterial()[0].GetPrim().GetName()
        for p in stage.GetPrimAtPath("/Asset/geo").GetChildren()
    }
    assert bound == {"wheel_01": "paint_wheel", "wheel_02": "paint_wheel", "body": "paint_body"}
    assert not refine(stage, "/Asset", "separate-materials", {"by": "name"}).changed
