# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from pipeline.errors import RefineError, UsageError
from pipeline.mesh.bake import texels
from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.geometry import read_mesh
from pipeline.refiners.core.images import read_picture, resized, sample, write_picture
from pipeline.refiners.core.layouts import layout_of
from pipeline.refiners.core.looks import connect_texture, input_of, maps, surface
from pipeline.refiners.core.subject import Subject

from .conftest import cube, sphere

SQUARE = (np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]]), np.array([[0, 1, 2, 3]], np.int32))
SQUARE_UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    found = FolderStore(tmp_path / "kept")
    found.inline_geometry = True  # type: ignore[attr-defined]
    return found


def _painted(stage: Usd.Stage, material: UsdShade.Material, file: Path, name: str = "diffuseColor") -> None:
    connect_texture(Subject(stage.GetDefaultPrim()), material, name, str(file))


def _twice(stage: Usd.Stage, op: str, store: FolderStore | None = None, **settings: object):  # type: ignore[no-untyped-def]
    first = refine(stage, "/Asset", op, settings, store=store)
    text = stage.GetRootLayer().ExportToString()
    again = refine(stage, "/Asset", op, settings, store=store)
    assert not again.changed
    assert stage.GetRootLayer().ExportToString() == text
    return first


def _diffuse(material: UsdShade.Material) -> np.ndarray:
    return np.array(input_of(material, "diffuseColor"))


def test_grey_has_the_luminance_of_the_colour(stage: Usd.Stage, add, material) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    red = material("red", (0.8, 0.1, 0.05))
    blue = material("blue", (0.1, 0.1, 0.9))
    _twice(stage, "colour", saturation=0, space="linear", materials="re*")
    # Rec. 709: 0.2126 r + 0.7152 g + 0.0722 b
    assert _diffuse(red) == pytest.approx([0.24521] * 3, abs=1e-4)
    assert _diffuse(blue) == pytest.approx([0.1, 0.1, 0.9])


def test_half_saturation_twice_is_still_half(stage: Usd.Stage, add, material) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    red = material("red", (0.8, 0.1, 0.05))
    _twice(stage, "colour", saturation=0.5)
    half = _diffuse(red)
    refine(stage, "/Asset", "colour", {"saturation": 1})
    assert _diffuse(red) == pytest.approx([0.8, 0.1, 0.05], abs=1e-5)
    refine(stage, "/Asset", "colour", {"saturation": 0.5})
    assert _diffuse(red) == pytest.approx(half, abs=1e-6)


def test_a_palette_colour_is_reached(stage: Usd.Stage, add, material) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    red = material("red", (0.8, 0.1, 0.05))
    _twice(stage, "colour", palette="#00ff00, #ff0000")
    assert _diffuse(red) == pytest.approx([1, 0, 0], abs=2e-3)


def test_a_tint_of_a_texture_is_its_scale(stage: Usd.Stage, add, material, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("sheet", *SQUARE, SQUARE_UV)
    paint = material("paint")
    Image.new("RGB", (8, 8), (255, 255, 255)).save(tmp_path / "white.png")
    _painted(stage, paint, tmp_path / "white.png")
    _twice(stage, "colour", tint="0.5,0.25,1")
    [read] = maps(paint)
    assert tuple(read.shader.GetInput("scale").Get()) == pytest.approx((0.5, 0.25, 1, 1))
    assert read.whole()[3, 3] == pytest.approx([0.5, 0.25, 1], abs=1e-6)


def test_desaturating_a_texture_makes_a_new_one(
    stage: Usd.Stage, add, material, tmp_path: Path, store: FolderStore
) -> None:  # type: ignore[no-untyped-def]
    add("sheet", *SQUARE, SQUARE_UV)
    paint = material("paint")
    Image.new("RGB", (8, 8), (200, 30, 30)).save(tmp_path / "red.png")
    before = (tmp_path / "red.png").read_bytes()
    _painted(stage, paint, tmp_path / "red.png")
    _twice(stage, "colour", store, saturation=0)
    [read] = maps(paint)
    pixel = Image.open(read.path).convert("RGB").getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert max(pixel) - min(pixel) <= 1
    assert (tmp_path / "red.png").read_bytes() == before


def test_wrong_names_and_colours_are_told(stage: Usd.Stage, add, material) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    material("red")
    with pytest.raises(UsageError, match="red"):
        refine(stage, "/Asset", "colour", {"materials": "blue", "saturation": 0})
    with pytest.raises(UsageError, match="rrggbb"):
        refine(stage, "/Asset", "colour", {"tint": "#ff"})


def test_resizing_averages_light_and_not_numbers() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2
    pixels = np.repeat(board[:, :, None], 3, axis=2).astype(np.float32)
    small = resized(pixels, 8, 8, colour=True)
    # half the light of white is sRGB 188 of 255
    assert small.mean() == pytest.approx(188 / 255, abs=0.01)
    assert resized(pixels, 8, 8, colour=False).mean() == pytest.approx(0.5, abs=0.01)


def test_bilinear_lookup_has_its_origin_at_the_lower_left() -> None:
    pixels = np.zeros((2, 2, 1), np.float32)
    pixels[1, 0] = 1  # lower left
    at = sample(pixels, np.array([[0.25, 0.25], [0.75, 0.75], [0.5, 0.25]]), ("clamp", "clamp"))
    assert at[:, 0].tolist() == pytest.approx([1, 0, 0.5])


def test_textures_are_resized_tagged_and_packed(
    stage: Usd.Stage, add, material, tmp_path: Path, store: FolderStore
) -> None:  # type: ignore[no-untyped-def]
    add("sheet", *SQUARE, SQUARE_UV)
    paint = material("paint")
    for name, size, value in (
        ("diffuseColor", (300, 150), (200, 100, 50)), ("normal", (64, 64), (128, 128, 255)),
        ("roughness", (64, 64), (77, 77, 77)), ("metallic", (32, 32), (255, 255, 255)),
    ):  # fmt: skip
        Image.new("RGB", size, value).save(tmp_path / f"{name}.png")
        _painted(stage, paint, tmp_path / f"{name}.png", name)
    for read in maps(paint):
        read.shader.GetInput("sourceColorSpace").Set("auto")
        for given in ("scale", "bias"):
            if read.shader.GetInput(given):
                read.shader.GetPrim().RemoveProperty(f"inputs:{given}")
    result = _twice(stage, "textures", store, max_side=128, pack="orm")
    read = {m.input: m for m in maps(paint)}
    assert Image.open(read["diffuseColor"].path).convert("RGB").size == (128, 64)
    spaces = {n: m.shader.GetInput("sourceColorSpace").Get() for n, m in read.items()}
    assert spaces == {"diffuseColor": "sRGB", "normal": "raw", "roughness": "raw", "metallic": "raw"}
    assert tuple(read["normal"].shader.GetInput("scale").Get()) == (2, 2, 2, 1)
    assert read["roughness"].path == read["metallic"].path
    assert Image.open(read["roughness"].path).convert("RGB").getpixel((5, 5)) == (255, 77, 255)
    assert read["roughness"].output == "g"
    assert read["metallic"].output == "b"
    assert result.after["largest_side"] == 128


def test_a_texture_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.refiners.core.images.LARGEST_MB", 1)
    Image.new("L", (1000, 1000)).save(tmp_path / "bomb.png")  # 4 MB as floats
    with pytest.raises(RefineError, match="too large"):
        read_picture(str(tmp_path / "bomb.png"))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(RefineError, match="decode"):
        read_picture(str(tmp_path / "broken.png"))


def test_a_pbr_set_is_completed_and_what_is_there_stays(
    stage: Usd.Stage, add, material, tmp_path: Path, store: FolderStore
) -> None:  # type: ignore[no-untyped-def]
    add("sheet", *SQUARE, SQUARE_UV)
    paint = material("paint")
    Image.effect_noise((32, 32), 60).convert("RGB").save(tmp_path / "albedo.png")
    _painted(stage, paint, tmp_path / "albedo.png")
    shader = surface(paint)
    assert shader is not None
    shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.9)
    result = _twice(stage, "pbr-set", store, make="maps")
    assert result.after["materials"]["paint"] == {
        "diffuseColor": "map", "normal": "map", "roughness": "map", "metallic": "value",
    }  # fmt: skip
    assert input_of(paint, "metallic") == pytest.approx((0.9,))
    normal = next(m for m in maps(paint) if m.input == "normal").whole()
    assert np.linalg.norm(normal, axis=2) == pytest.approx(1, abs=0.03)
    assert normal[:, :, 2].min() > 0


def test_colours_become_materials(stage: Usd.Stage, add, material, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(8)
    uv = np.stack([np.where(points[:, 1] > 0, 0.75, 0.25), np.full(len(points), 0.5)], axis=1)
    top = points[faces].mean(axis=1)[:, 1] > 0
    corner_uv = np.where(top[:, None, None], [0.75, 0.5], [0.25, 0.5]) + np.zeros((len(faces), 3, 2))
    del uv
    mesh = add("ball", points, faces, corner_uv.reshape(-1, 2))
    paint = material("paint")
    picture = Image.new("RGB", (8, 8), (220, 20, 20))
    picture.paste((20, 20, 220), (4, 0, 8, 8))
    picture.save(tmp_path / "two.png")
    _painted(stage, paint, tmp_path / "two.png")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(paint)
    result = _twice(stage, "separate-materials")
    assert (result.before["materials"], result.after["materials"]) == (1, 2)
    subsets = UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets()
    found = [set(np.array(s.GetIndicesAttr().Get())) for s in subsets]
    assert sorted(map(sorted, found)) == sorted(map(sorted, [set(np.flatnonzero(top)), set(np.flatnonzero(~top))]))
    for subset in subsets:
        bound = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()[0]
        assert maps(bound)[0].path == str(tmp_path / "two.png")


def _low_and_high(stage: Usd.Stage, add, material, tmp_path: Path) -> UsdGeom.Mesh:  # type: ignore[no-untyped-def]
    """A sheet, and beneath /High the same sheet with a slope and a painted half."""
    low = add("sheet", *SQUARE, SQUARE_UV)
    steps = np.linspace(0, 1, 33)
    x, y = np.meshgrid(steps, steps, indexing="ij")
    points = np.stack([x, y, 0.02 * x], axis=2).reshape(-1, 3)
    i, j = np.meshgrid(range(32), range(32), indexing="ij")
    a = i * 33 + j
    quads = np.stack([a, a + 33, a + 34, a + 1], axis=2).reshape(-1, 4)
    high = UsdGeom.Mesh.Define(stage, "/High/sheet")
    high.CreatePointsAttr(points.tolist())
    high.CreateFaceVertexCountsAttr([4] * len(quads))
    high.CreateFaceVertexIndicesAttr(quads.reshape(-1).tolist())
    st = UsdGeom.PrimvarsAPI(high).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
    st.Set([Gf.Vec2f(float(p[0]), float(p[1])) for p in points])
    paint = material("paint")
    picture = Image.new("RGB", (64, 64), (255, 0, 0))
    picture.paste((0, 255, 0), (32, 0, 64, 64))
    picture.save(tmp_path / "halves.png")
    _painted(stage, paint, tmp_path / "halves.png")
    UsdShade.MaterialBindingAPI.Apply(high.GetPrim()).Bind(paint)
    return low


def test_a_bake_knows_slope_and_paint(stage: Usd.Stage, add, material, tmp_path: Path, store: FolderStore) -> None:  # type: ignore[no-untyped-def]
    low = _low_and_high(stage, add, material, tmp_path)
    result = _twice(stage, "bake", store, side=64, source="/High", maps="normal,ao,albedo,roughness", ao_rays=16)
    baked = UsdShade.MaterialBindingAPI(low).ComputeBoundMaterial()[0]
    assert str(baked.GetPath()) == "/Asset/mtl/baked"
    read = {m.input: m for m in maps(baked)}
    assert set(read) == {"normal", "occlusion", "diffuseColor"}
    assert result.details["constants"] == {"roughness": [0.5]}  # UsdPreviewSurface's own default
    normal = read["normal"].whole().reshape(-1, 3).mean(axis=0)
    slope = np.array([-0.02, 0, 1]) / np.hypot(0.02, 1)
    assert normal == pytest.approx(slope, abs=0.005)
    albedo = np.array(Image.open(read["diffuseColor"].path).convert("RGB"))
    assert tuple(albedo[30, 10]) == (255, 0, 0)
    assert tuple(albedo[30, 50]) == (0, 255, 0)
    assert read["occlusion"].whole().min() > 0.95  # nothing stands over a sheet
    assert result.details["missed"] == 0


def test_baking_to_shared_texels_is_refused(
    stage: Usd.Stage, add, material, tmp_path: Path, store: FolderStore
) -> None:  # type: ignore[no-untyped-def]
    _low_and_high(stage, add, material, tmp_path)
    add("again", SQUARE[0] + [0, 0, 0.5], SQUARE[1], SQUARE_UV)
    before = stage.GetRootLayer().ExportToString()
    with pytest.raises(RefineError, match="several faces"):
        refine(stage, "/Asset", "bake", {"side": 32, "source": "/High"}, store=store)
    assert stage.GetRootLayer().ExportToString() == before
    with pytest.raises(UsageError, match="albedo"):
        refine(stage, "/Asset", "bake", {"maps": "colour"}, store=store)


def test_occlusion_darkens_a_corner() -> None:
    from pipeline.mesh.occlusion import occlusion
    from pipeline.mesh.rays import Rays

    wall = np.array([[0, -50, 0], [0, 50, 0], [0, 50, 50], [0, -50, 50.0]])
    rays = Rays(wall, np.array([[0, 1, 2], [0, 2, 3]]))
    places = np.array([[0.01, 0, 0], [40.0, 0, 0]])
    up = np.tile([0, 0, 1.0], (2, 1))
    free = occlusion(rays, places, up, 256, 30.0)
    assert free[0] == pytest.approx(0.5, abs=0.05)  # half of the sky is wall
    assert free[1] == 1


def _overlap(mesh: UsdGeom.Mesh) -> tuple[float, float]:
    """Share of texels used twice, and share of mirrored area."""
    polygons = read_mesh(mesh)
    layout = layout_of(polygons)
    assert layout is not None
    found = texels(layout.uv, layout.corners, 512)
    value = layout.uv[layout.corners].astype(float)
    u, v = value[:, 1] - value[:, 0], value[:, 2] - value[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    return found.shared / len(found.index), float(-area[area < 0].sum() / np.abs(area).sum())


def test_unwrapping_leaves_nothing_mirrored_or_shared(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    ball = add("ball", *sphere(20))
    points, faces = cube(at=(3, 0, 0))
    box = add("box", points, faces)
    result = _twice(stage, "unwrap", side=512)
    for mesh in (ball, box):
        shared, mirrored = _overlap(mesh)
        assert shared < 0.001
        assert mirrored < 0.001
    both = [layout_of(read_mesh(m)) for m in (ball, box)]
    masks = [texels(x.uv, x.corners, 256).mask for x in both if x is not None]
    assert not (masks[0] & masks[1]).any()  # one atlas for both
    assert result.details["charts"] >= 3
    assert result.after["density_ratio"] < 1.6


def test_unwrapping_a_million_is_refused_and_says_what_to_do(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("ball", *sphere(20))
    with pytest.raises(RefineError, match="decimate"):
        refine(stage, "/Asset", "unwrap", {"most": 100})


def test_repacking_moves_the_paint_along(stage: Usd.Stage, add, material, tmp_path: Path, store: FolderStore) -> None:  # type: ignore[no-untyped-def]
    # two squares on one quarter of the picture each, both small
    points = np.concatenate([SQUARE[0], SQUARE[0] + [2, 0, 0]])
    faces = np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.int32)
    uv = np.concatenate([SQUARE_UV * 0.2 + 0.02, SQUARE_UV * 0.1 + 0.6])
    mesh = add("two", points, faces, uv)
    paint = material("paint")
    picture = Image.new("RGB", (256, 256), (0, 0, 0))
    picture.paste((200, 50, 50), (0, 180, 80, 256))  # the first square, lower left
    picture.paste((50, 50, 200), (140, 60, 200, 120))  # the second
    picture.save(tmp_path / "quarter.png")
    _painted(stage, paint, tmp_path / "quarter.png")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(paint)
    result = _twice(stage, "texel-density", store, side=256)
    assert result.before["density_ratio"] == pytest.approx(2, rel=0.02)
    assert result.after["density_ratio"] == pytest.approx(1, rel=0.02)
    polygons = read_mesh(mesh)
    layout = layout_of(polygons)
    assert layout is not None
    assert _overlap(mesh)[0] == 0
    middles = layout.uv[layout.corners].mean(axis=1)
    colours = sample(read_picture(maps(paint)[0].path).pixels, middles) * 255
    for face, wanted in ((0, (200, 50, 50)), (1, (50, 50, 200))):
        assert colours[polygons.triangle_face == face] == pytest.approx(np.tile(wanted, (2, 1)), abs=2)


def test_writing_and_reading_a_picture_is_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (7, 5, 4)).astype(np.float32) / 255
    for name, bits in (("a.png", 8), ("b.png", 16), ("c.tif", 16), ("d.exr", 32)):
        write_picture(tmp_path / name, pixels, bits)
        back = read_picture(str(tmp_path / name))
        assert back.bits == bits
        assert back.pixels == pytest.approx(pixels, abs=1.5e-5 if bits > 8 else 1e-6)


def test_bare_meshes_are_given_a_material_of_their_colour(stage: Usd.Stage, add, store: FolderStore) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    uv = np.tile([[0, 0], [1, 0], [1, 1], [0, 1]], (6, 1))
    plain, painted = add("plain", points, faces, uv), add("painted", points + 2, faces)
    painted.CreateDisplayColorPrimvar("uniform").Set([(1, 0, 0), (0, 1, 0)] * 3)
    plain.CreateDisplayColorPrimvar("constant").Set([(0.2, 0.4, 0.6)])
    done = refine(stage, "/Asset", "pbr-set", {"make": "maps"}, store=store)
    assert done.details["materials_made"] == 2
    one = UsdShade.MaterialBindingAPI(plain.GetPrim()).ComputeBoundMaterial()[0]
    [albedo] = [m for m in maps(one) if m.input == "diffuseColor"]
    assert albedo.values(np.array([[0.5, 0.5]]))[0] == pytest.approx([0.2, 0.4, 0.6], abs=0.005)
    assert input_of(one, "roughness") == pytest.approx((0.6,))
    assert input_of(one, "metallic") == (0.0,)
    # colours that differ by face are read from the mesh
    other = UsdShade.MaterialBindingAPI(painted.GetPrim()).ComputeBoundMaterial()[0]
    reader = UsdShade.Shader(
        other.ComputeSurfaceSource()[0].GetInput("diffuseColor").GetConnectedSources()[0][0].source
    )
    assert reader.GetIdAttr().Get() == "UsdPrimvarReader_float3"
    assert reader.GetInput("varname").Get() == "displayColor"
    assert not refine(stage, "/Asset", "pbr-set", {"make": "maps"}, store=store).changed
