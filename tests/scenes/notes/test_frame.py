# SPDX-License-Identifier: Apache-2.0
"""Is it seen? Shares of the picture worked out by hand: at d metres it is 0.72 d wide and 0.48 d high."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLod, UsdShade
from scipy.spatial import ConvexHull

from pipeline.errors import UsageError
from pipeline.render import picture
from pipeline.scenes.notes import View

from .beds import HIGH, THING, WIDE, box, camera, model, notes, paint, plate, situation, world


@pytest.mark.parametrize(("height", "found"), [(2.0, False), (0.50, False), (0.46, True), (0.1, True)])
def test_size_on_the_picture(height: float, found: bool) -> None:
    stage = world()  # the picture is 4.8 m high there, so that 0.48 m is the limit of a tenth
    plate(stage, f"{THING}/body", -0.5, -height / 2, 0.5, height / 2)
    said = notes(stage, "framing")
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(height / (10 * HIGH), abs=0.003)


def test_behind_the_camera() -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 1, 1, z=12)
    assert notes(stage, "framing")[0].message == "it is behind the camera"
    assert not notes(stage, "crop")
    assert not notes(stage, "occlusion")


@pytest.mark.parametrize(("outside", "found"), [(0.0, False), (0.015, False), (0.026, True), (0.5, True), (1.0, True)])
def test_cut_by_the_edge(outside: float, found: bool) -> None:
    stage = world()
    right = 10 * WIDE / 2 + 2 * outside  # two metres wide
    plate(stage, f"{THING}/body", right - 2, -1, right, 1)
    said = notes(stage, "crop")
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(outside, abs=0.004)
        assert "right" in said[0].message or "outside" in said[0].message


@pytest.mark.parametrize(("share", "found"), [(0.0, False), (0.34, False), (0.36, True), (0.8, True)])
def test_hidden_by_others(share: float, found: bool) -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 1, 1)
    # half way to the camera everything is half as large
    plate(stage, f"{model(stage, '/World/Set/post').GetPath()}/body", -1, -2, -0.5 + share, 2, z=5)
    # behind it, and beside the line of sight: hides nothing
    plate(stage, f"{model(stage, '/World/Set/wall').GetPath()}/body", -9, -9, 9, 9, z=-1)
    plate(stage, f"{model(stage, '/World/Set/hedge').GetPath()}/body", 2, -9, 9, 9, z=5)
    said = notes(stage, "occlusion")
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(share, abs=0.004)


def test_the_outline_agrees_with_usds_own_camera() -> None:
    """A turned box through a shifted camera: area by Gf's frustum and a convex hull, another way than by rays."""
    stage = world()
    body = box(stage, f"{THING}/body", (-0.5, -0.7, -0.3), (0.6, 0.8, 0.4))
    UsdGeom.Xformable(body).AddRotateXYZOp().Set(Gf.Vec3f(20, 35, 10))
    path = camera(stage, "side", z=6, x=1.1)
    view = View(situation(stage), path)
    frustum = UsdGeom.Camera(stage.GetPrimAtPath(path)).GetCamera(0).frustum
    to_clip = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    matrix = UsdGeom.XformCache().GetLocalToWorldTransform(body.GetPrim())
    placed = np.array([to_clip.Transform(matrix.Transform(Gf.Vec3d(p))) for p in body.GetPointsAttr().Get()])[:, :2]
    own, _ = view.project(view.situation.mesh[0])
    np.testing.assert_allclose(own * [2, -2] + [-1, 1], placed, atol=1e-6)
    area = ConvexHull(placed).volume / 4  # in frames
    outline = view.outline
    assert len(outline.x) * outline.step.prod() == pytest.approx(area, rel=0.01)


def test_a_stage_in_centimetres_with_z_up_measures_the_same() -> None:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    UsdGeom.Xform.Define(stage, "/World")
    # 46 cm tall, ten metres away along +X
    box(stage, f"{model(stage, THING).GetPath()}/body", (1000, -50, -23), (1001, 50, 23))
    lens = UsdGeom.Camera.Define(stage, "/World/Cameras/front")
    lens.CreateFocalLengthAttr(50.0)  # tenths of a centimetre
    lens.CreateHorizontalApertureAttr(36.0)
    lens.CreateVerticalApertureAttr(24.0)
    UsdGeom.Xformable(lens).AddRotateXYZOp().Set(Gf.Vec3f(90, 0, -90))
    (said,) = notes(stage, "framing")
    assert said.value == pytest.approx(0.46 / (10 * HIGH), abs=0.003)


@pytest.mark.parametrize(("wanted", "found"), [(10.0, False), (6.7, False), (6.6, True), (0.0, False)])
def test_further_away_than_it_is_made_for(wanted: float, found: bool) -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 1, 1)
    assert bool(notes(stage, "distance", view_distance=wanted)) is found  # 10 m against one and a half times


def textured(tmp_path: Path, side: int, cells: int = 1, tiles: bool = False) -> tuple[Usd.Stage, UsdShade.Shader]:
    """A plate of two metres with a texture of this side."""
    stage = world()
    body = plate(stage, f"{THING}/body", -1, -1, 1, 1, cells=cells)
    shader = paint(stage, body, "skin")
    reader = UsdShade.Shader.Define(stage, f"{THING}/mtl/skin/reader")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"{THING}/mtl/skin/texture")
    texture.CreateIdAttr("UsdUVTexture")
    name = "t.<UDIM>.png" if tiles else "t.png"
    picture.write(tmp_path / name.replace("<UDIM>", "1001"), np.full((side, side, 3), 0.5))
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(str(tmp_path / name))
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    shader.GetInput("diffuseColor").ConnectToSource(texture.ConnectableAPI(), "rgb")
    return stage, texture


@pytest.mark.parametrize(
    ("side", "distance", "measured", "severity"),
    [
        (512, 10, 0.96, None),  # 256 texels a metre, and 1920 pixels on 7.2 m: a pixel covers 3.75 mm
        (512, 19, 1.824, None),
        (128, 10, 0.24, "warning"),
        (280, 10, 0.525, None),
        (256, 10, 0.48, "warning"),
        (512, 40, 3.84, None),
        (512, 44, 4.224, "info"),
    ],
)
def test_texels_a_pixel(tmp_path: Path, side: int, distance: float, measured: float, severity: str | None) -> None:
    stage, _ = textured(tmp_path, side)
    camera(stage, "far", z=distance)
    said = notes(stage, "texel-density", "far")
    assert [n.severity for n in said] == ([severity] if severity else [])
    if severity:
        assert said[0].value == pytest.approx(measured, rel=1e-3)
        assert said[0].prim == f"{THING}/mtl/skin"


def test_texels_follow_the_texture_transform(tmp_path: Path) -> None:
    stage, texture = textured(tmp_path, 128)
    transform = UsdShade.Shader.Define(stage, f"{THING}/mtl/skin/transform")
    transform.CreateIdAttr("UsdTransform2d")
    transform.CreateInput("scale", Sdf.ValueTypeNames.Float2).Set(Gf.Vec2f(4, 4))  # four times as often: 0.96
    transform.CreateInput("rotation", Sdf.ValueTypeNames.Float).Set(30.0)
    reader = UsdShade.Shader(stage.GetPrimAtPath(f"{THING}/mtl/skin/reader"))
    transform.CreateInput("in", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    texture.GetInput("st").ConnectToSource(transform.ConnectableAPI(), "result")
    assert not notes(stage, "texel-density")


def test_texels_of_each_udim_tile_count_where_they_are(tmp_path: Path) -> None:
    stage, _ = textured(tmp_path, 128, cells=3, tiles=True)
    picture.write(tmp_path / "t.1002.png", np.full((1024, 1024, 3), 0.5))
    body = UsdGeom.Mesh(stage.GetPrimAtPath(f"{THING}/body"))
    st = UsdGeom.PrimvarsAPI(body).GetPrimvar("st")
    coordinates = np.array(st.Get())
    st.Set([Gf.Vec2f(*map(float, uv)) for uv in coordinates + np.array([1, 0])])  # all of it in tile 1002: 1.92
    assert not notes(stage, "texel-density")
    faces = np.repeat(np.arange(9), 4)
    # two thirds of the faces back in the small tile: the median is theirs
    st.Set([Gf.Vec2f(*map(float, uv)) for uv in coordinates + np.where(faces < 6, 0, 1)[:, None] * np.array([1, 0])])
    (said,) = notes(stage, "texel-density")
    assert said.value == pytest.approx(0.24, rel=1e-3)


def test_what_faces_away_or_lies_outside_has_no_say(tmp_path: Path) -> None:
    stage, _ = textured(tmp_path, 128)
    body = UsdGeom.Mesh(stage.GetPrimAtPath(f"{THING}/body"))
    UsdGeom.Xformable(body).AddRotateYOp().Set(180.0)
    assert not notes(stage, "texel-density")
    body.CreateDoubleSidedAttr(True)
    assert notes(stage, "texel-density")
    UsdGeom.Xformable(body).AddTranslateOp().Set(Gf.Vec3d(50, 0, 0))
    assert not notes(stage, "texel-density")


def levelled(selected: str) -> Usd.Stage:
    """A box one metre tall; each coarser level misses its top by a centimetre and by ten."""
    stage = world()
    levels = stage.GetPrimAtPath(THING).GetVariantSets().AddVariantSet("lod")
    for name, height in (("lod0", 1.0), ("lod1", 1.01), ("lod2", 1.1)):
        levels.AddVariant(name)
        levels.SetVariantSelection(name)
        with levels.GetVariantEditContext():
            box(stage, f"{THING}/body", (-0.5, 0, -0.5), (0.5, height, 0))
    levels.SetVariantSelection(selected)
    return stage


@pytest.mark.parametrize(
    ("selected", "distance", "right", "severity"),
    [
        # a centimetre is a pixel at 26.7 m: 1920 pixels on 0.72 d
        ("lod0", 10, None, None),
        ("lod1", 10, "lod0", "warning"),
        ("lod1", 26, "lod0", "warning"),
        ("lod1", 27.4, None, None),
        ("lod0", 27.4, "lod1", "info"),
        ("lod2", 40, "lod1", "warning"),
        ("lod1", 300, "lod2", "info"),
    ],
)
def test_the_level_by_its_error_on_the_screen(
    selected: str, distance: float, right: str | None, severity: str | None
) -> None:
    stage = levelled(selected)
    camera(stage, "at", z=distance)
    said = notes(stage, "lod", "at")
    assert [n.severity for n in said] == ([severity] if severity else [])
    if right:
        assert said[0].expected.startswith(f"{right},")
        assert said[0].measured.startswith(f"{selected} (variant set lod)")
        error = {"lod0": 0.0, "lod1": 0.01, "lod2": 0.1}[selected]
        assert said[0].value == pytest.approx(error / (WIDE * distance / 1920), rel=0.02)


def test_the_level_that_usd_lod_chooses() -> None:
    stage = world()
    root = UsdGeom.Xform.Define(stage, f"{THING}/lod").GetPrim()
    for i, height in enumerate((1.0, 1.01, 1.1)):
        box(stage, f"{root.GetPath()}/level{i}/body", (-0.5, 0, -0.5), (0.5, height, 0))
    rule = UsdLod.DistanceHeuristic.Define(stage, f"{THING}/by_distance")
    rule.CreateThresholdsAttr().Set([5.0, 50.0])
    rule.CreateLodDomainAttr("imaging")
    api = UsdLod.RootAPI.Apply(root)
    api.CreateLodHeuristicsRel().SetTargets([rule.GetPath()])
    camera(stage, "near", z=10)  # beyond 5 m: level1, where only level0 is good enough
    (said,) = notes(stage, "lod", "near")
    assert said.measured.startswith("level1 (UsdLod)")
    assert said.expected.startswith("level0,")
    camera(stage, "right", z=40)
    assert not notes(stage, "lod", "right")


def test_without_levels_there_is_nothing_to_choose() -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 1, 1)
    assert not notes(stage, "lod")


@pytest.mark.parametrize(("cells", "times"), [(20, None), (56, None), (58, 8.41), (60, 9.0), (8, None), (7, 0.1225)])
def test_triangles_against_the_neighbours(cells: int, times: float | None) -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 0, 0, cells=cells)
    # one as large beside it with 2 x 20 x 20 triangles, and a blockout that is no example
    plate(stage, f"{model(stage, '/World/Set/a').GetPath()}/body", 0.2, -1, 1.2, 0, cells=20)
    plate(stage, f"{model(stage, '/World/Set/b').GetPath()}/body", 0.2, 0.2, 1.2, 1.2)
    said = notes(stage, "density")
    assert [n.against for n in said] == (["neighbours"] if times else [])
    if times:
        assert said[0].value == pytest.approx(times, rel=0.04)


def test_more_triangles_than_pixels() -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 1, 1, cells=60)
    camera(stage, "far", z=100)
    # 7,200 triangles on a square of 2 / 72 of 1920 pixels, that is 53.3 a side
    (said,) = notes(stage, "density", "far", settings={"density": {"ceiling": 1.0}})
    assert said.against == "pixels"
    assert said.value == pytest.approx(7200 / 53.33**2, rel=0.15)
    assert not notes(stage, "density")


def test_a_camera_that_is_not_there() -> None:
    stage = world()
    plate(stage, f"{THING}/body", -1, -1, 1, 1)
    with pytest.raises(UsageError, match="no such camera"):
        View(situation(stage), "/World/Cameras/nowhere")


def test_an_orthographic_camera_has_one_scale_at_every_depth(tmp_path: Path) -> None:
    stage, _ = textured(tmp_path, 128)
    lens = UsdGeom.Camera(stage.GetPrimAtPath(camera(stage, "flat", z=30, x=3.0)))
    lens.CreateProjectionAttr(UsdGeom.Tokens.orthographic)
    lens.GetHorizontalApertureAttr().Set(40.0)  # tenths of a metre: four metres wide
    lens.GetVerticalApertureAttr().Set(40.0)
    # the plate reaches from -1 to 1, the picture from 1 to 5
    (said,) = notes(stage, "crop", "flat")
    assert said.value == pytest.approx(1.0)
    UsdGeom.Xformable(lens).ClearXformOpOrder()
    UsdGeom.Xformable(lens).AddTranslateOp(opSuffix="near").Set(Gf.Vec3d(2, 0, 5))
    (said,) = notes(stage, "crop", "flat")  # now from 0 to 4
    assert said.value == pytest.approx(0.5, abs=0.004)
    # 64 texels a metre, 1920 pixels on four metres
    (said,) = notes(stage, "texel-density", "flat")
    assert said.value == pytest.approx(64 * 4 / 1920, rel=1e-3)


def test_occlusion_agrees_with_polygons_that_are_clipped_by_hand() -> None:
    """A post before a plate: both projected by Gf, the shared area by clipping one rectangle with the other."""
    stage = world()
    plate(stage, f"{THING}/body", -1.3, -0.8, 1.1, 0.9)
    plate(stage, f"{model(stage, '/World/Set/post').GetPath()}/body", -0.35, -0.6, 0.2, 0.15, z=4)
    frustum = UsdGeom.Camera(stage.GetPrimAtPath("/World/Cameras/front")).GetCamera(0).frustum
    to_clip = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()

    def rectangle(left: float, bottom: float, right: float, top: float, z: float) -> np.ndarray:
        return np.array([to_clip.Transform(Gf.Vec3d(x, y, z))[:2] for x, y in ((left, bottom), (right, top))])

    own, post = rectangle(-1.3, -0.8, 1.1, 0.9, 0), rectangle(-0.35, -0.6, 0.2, 0.15, 4)
    shared = np.maximum(np.minimum(own[1], post[1]) - np.maximum(own[0], post[0]), 0).prod()
    hidden = shared / (own[1] - own[0]).prod()
    assert 0.1 < hidden < 0.9
    (said,) = notes(stage, "occlusion", settings={"occlusion": {"limit": 0.01}})
    assert said.value == pytest.approx(hidden, abs=0.004)
