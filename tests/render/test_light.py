# SPDX-License-Identifier: Apache-2.0
"""Light by formula: the furnace, UsdLux units, a colour chart, in every renderer that is here."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
import render_beds as stages
from pxr import Gf, Usd, UsdGeom, UsdLux

from pipeline.render import picture, render
from pipeline.render.camera import Camera, look_at
from pipeline.render.pygfx.driver import missing

MITSUBA = pytest.param(
    "mitsuba", marks=[pytest.mark.long, pytest.mark.skipif(find_spec("mitsuba") is None, reason="no Mitsuba")]
)
both = pytest.mark.parametrize("renderer", ["draft", MITSUBA])
PYGFX = pytest.param(
    "pygfx", marks=[pytest.mark.long, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
)
every = pytest.mark.parametrize("renderer", ["draft", MITSUBA, PYGFX])


def linear(stage: Usd.Stage, out: Path, camera: Camera, renderer: str, size: int = 32) -> np.ndarray:
    """Scene-linear pixels."""
    stage.GetRootLayer().Save()
    render(stage, out, camera, (size, size), renderer=renderer, quality="review", lights="authored")
    return picture.read(out)


@every
def test_furnace(tmp_path: Path, straight: Camera, renderer: str) -> None:
    """In light from everywhere a matte ball of albedo a has radiance a, whatever its normals."""
    stage = stages.new(tmp_path / "furnace.usda")
    stages.bind(stages.sphere(stage, "/World/ball", 0.4), stages.material(stage, "m", diffuseColor=(0.5, 0.25, 0.75)))
    stages.dome(stage, 2.0)
    pixels = linear(stage, tmp_path / "f.exr", straight, renderer)
    np.testing.assert_allclose(pixels[8:24, 8:24, :3].mean((0, 1)), [1.0, 0.5, 1.5], rtol=0.03)
    # behind it the dome itself; a denoiser bends the last pixels of so small a picture
    np.testing.assert_allclose(pixels[0, 0, :3], 2.0, rtol=0.01 if renderer == "draft" else 0.1)


@every
@pytest.mark.parametrize("normalize", [False, True])
def test_distant_light_units(tmp_path: Path, straight: Camera, renderer: str, normalize: bool) -> None:
    """Radiance of a matte square is albedo / pi * E, E = L pi sin^2(angle / 2), or L where normalised."""
    stage = stages.new(tmp_path / "sun.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.material(stage, "m", diffuseColor=(0.5, 0.5, 0.5)))
    light = UsdLux.DistantLight.Define(stage, "/World/sun")
    light.CreateAngleAttr(10.0)
    light.CreateIntensityAttr(3.0 if normalize else 400.0)
    light.CreateNormalizeAttr(normalize)
    shed = 3.0 if normalize else 400 * math.pi * math.sin(math.radians(5)) ** 2
    pixels = linear(stage, tmp_path / "s.exr", straight, renderer)
    assert pixels[12:20, 12:20, :3].mean() == pytest.approx(0.5 / math.pi * shed, rel=0.03)


@every
def test_rect_light_units(tmp_path: Path, straight: Camera, renderer: str) -> None:
    """Under the middle of a square lamp of half side a at distance d: E = 4 L times the corner's form factor pi."""
    stage = stages.new(tmp_path / "rect.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.material(stage, "m", diffuseColor=(0.8, 0.8, 0.8)))
    light = UsdLux.RectLight.Define(stage, "/World/lamp")
    light.CreateWidthAttr(1.0)
    light.CreateHeightAttr(1.0)
    light.CreateIntensityAttr(2.0)
    light.CreateExposureAttr(1.0)
    # scale doubles its sides, which counts: UsdLux lights are sized in the world
    UsdGeom.Xformable(light).AddTranslateOp().Set(Gf.Vec3d(0, 0, 2))
    UsdGeom.Xformable(light).AddScaleOp().Set(Gf.Vec3f(2, 2, 2))
    x = 1.0 / 2.0
    form = 2 * x / math.sqrt(1 + x * x) * math.atan(x / math.sqrt(1 + x * x)) / (2 * math.pi)
    expected = 0.8 * 4.0 * 4 * form
    camera = Camera(straight.matrix, (-0.05, 0.05, -0.05, 0.05), True, near=3.5, far=100)
    camera = Camera(np.block([[straight.matrix[:3]], [np.array([[0, 0, 1.5, 1]])]]), camera.window, True, near=0.1)
    pixels = linear(stage, tmp_path / "r.exr", camera, renderer)
    # without lamps that have an extent: four places of it
    assert pixels[..., :3].mean() == pytest.approx(expected, rel=0.12 if renderer == "pygfx" else 0.03)


@every
def test_normalised_sphere_light_keeps_its_power(tmp_path: Path, straight: Camera, renderer: str) -> None:
    """Normalised, a ball of power P (radiance 1 / area) sheds I / d^2 with I = pi r^2 / (4 pi r^2) = 1/4."""
    results = []
    for radius in (0.05, 0.2):
        stage = stages.new(tmp_path / f"ball{radius}.usda")
        stages.bind(stages.quad(stage, "/World/q"), stages.material(stage, "m", diffuseColor=(0.5, 0.5, 0.5)))
        light = UsdLux.SphereLight.Define(stage, "/World/lamp")
        light.CreateRadiusAttr(radius)
        light.CreateIntensityAttr(100.0)
        light.CreateNormalizeAttr(True)
        UsdGeom.Xformable(light).AddTranslateOp().Set(Gf.Vec3d(0, 0, 3))
        camera = Camera(np.block([[straight.matrix[:3]], [np.array([[0, 0, 1.5, 1]])]]), (-0.05, 0.05) * 2, True, 0.1)
        results.append(linear(stage, tmp_path / f"b{radius}.exr", camera, renderer)[..., :3].mean())
    np.testing.assert_allclose(results, 0.5 / math.pi * 100 / 4 / 9, rtol=0.03)


@every
def test_colour_chart(tmp_path: Path, straight: Camera, renderer: str) -> None:
    """Patches of a picture tagged sRGB come back as they were painted, in light of radiance one."""
    codes = np.array([[115, 82, 68], [194, 150, 130], [98, 122, 157], [87, 108, 67]])  # four patches of a chart
    chart = np.repeat(np.repeat(codes.reshape(2, 2, 3) / 255, 16, axis=0), 16, axis=1)
    picture.write(tmp_path / "chart.png", chart)
    stage = stages.new(tmp_path / "chart.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.textured(stage, "m", "./chart.png", sourceColorSpace="sRGB"))
    stages.dome(stage)
    stage.GetRootLayer().Save()
    out = tmp_path / "c.png"
    render(stage, out, straight, (32, 32), renderer=renderer, quality="review", lights="authored")
    shown = picture.read(out)[..., :3]
    middles = np.array([shown[r : r + 4, c : c + 4].mean((0, 1)) for r in (6, 22) for c in (6, 22)])
    np.testing.assert_allclose(middles * 255, codes, atol=4)


@every
def test_dome_picture_stands_as_usd_says(tmp_path: Path, straight: Camera, renderer: str) -> None:
    """The middle column of a latlong picture is +Z, a quarter from the left +X."""
    sky = np.full((32, 64, 3), 0.02, np.float32)
    sky[:, 28:36, 0] = 1  # +Z: red
    sky[:, 12:20, 1] = 1  # +X: green
    picture.write(tmp_path / "sky.exr", sky)
    stage = stages.new(tmp_path / "dome.usda")
    stages.sphere(stage, "/World/ball", 0.01)
    light = stages.dome(stage)
    light.CreateTextureFileAttr("./sky.exr")
    from pipeline.render.camera import look_at

    for direction, channel in (((0, 0, 1.0), 0), ((1.0, 0, 0), 1)):
        camera = Camera(look_at(-np.array(direction), np.zeros(3)), (-0.1, 0.1, -0.1, 0.1), near=0.001)
        seen = linear(stage, tmp_path / f"{channel}.exr", camera, renderer)[4, 16, :3]
        assert seen.argmax() == channel
        assert seen.max() > 0.5


def test_overcast_sky_sheds_pi() -> None:
    """The shipped overcast dome is the CIE sky of horizontal irradiance pi."""
    from pipeline.render import rigs
    from pipeline.render.setting import irradiance_up

    lamps = rigs.load("overcast", np.array([[-1.0, 0, -1], [1, 1, 1]]))
    assert irradiance_up(lamps, np.zeros((1, 3))).mean() == pytest.approx(math.pi, rel=0.03)


@pytest.mark.parametrize("name", ["overcast", "clear_sky"])
def test_shipped_skies_are_what_the_code_makes(name: str) -> None:
    from pipeline.render import skies
    from pipeline.resources import folder

    held = picture.read(folder("stages") / "light_rigs" / f"{name}.exr")
    np.testing.assert_allclose(held, getattr(skies, name)(), rtol=2e-3, atol=1e-3)


def test_rigs_grow_with_the_subject() -> None:
    """Light on the floor under a large and a small subject is the same."""
    from pipeline.render import rigs
    from pipeline.render.setting import irradiance_up

    shed = []
    for size in (0.01, 1.0, 50.0):
        bounds = np.array([[-1.0, 0, -1], [1, 1.2, 1]]) * size
        shed.append(irradiance_up(rigs.load("three_point", bounds), np.zeros((1, 3)))[0])
    np.testing.assert_allclose(shed[0], shed[1], rtol=1e-3)
    np.testing.assert_allclose(shed[2], shed[1], rtol=1e-3)
    assert OpenImageIO.VERSION >= 30000


@both
@pytest.mark.parametrize("angle", [0, 60])
def test_clearcoat_by_schlick(tmp_path: Path, renderer: str, angle: int) -> None:
    """A smooth coat in light from everywhere reflects F = 0.04 + 0.96 (1 - cos)^5 and takes it from what is beneath."""
    stage = stages.new(tmp_path / "coat.usda")
    painted = stages.material(stage, "m", diffuseColor=(0.5, 0.5, 0.5), clearcoat=1.0, clearcoatRoughness=0.01)
    stages.bind(stages.quad(stage, "/World/q", half=5), painted)
    stages.dome(stage)
    a = math.radians(angle)
    position = np.array([math.sin(a), 0, math.cos(a)]) * 5
    camera = Camera(look_at(position, np.zeros(3)), (-0.2, 0.2, -0.2, 0.2), True, near=0.1)
    reflected = 0.04 + 0.96 * (1 - math.cos(a)) ** 5
    expected = reflected + 0.5 * (1 - reflected)
    assert linear(stage, tmp_path / "c.exr", camera, renderer)[..., :3].mean() == pytest.approx(expected, rel=0.02)


@every
@pytest.mark.parametrize("kind", ["disk", "cylinder", "warm", "sphere exposure"])
def test_units_of_other_lights(tmp_path: Path, straight: Camera, renderer: str, kind: str) -> None:
    """Small lamps straight above a matte wall, 2 m away: E = L times the area that faces it / d^2."""
    stage = stages.new(tmp_path / "lamp.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.material(stage, "m", diffuseColor=(0.5, 0.5, 0.5)))
    tint = np.ones(3)
    if kind == "disk":
        light = UsdLux.DiskLight.Define(stage, "/World/lamp")
        light.CreateRadiusAttr(0.05)
        facing = math.pi * 0.05**2
    elif kind == "cylinder":
        light = UsdLux.CylinderLight.Define(stage, "/World/lamp")
        light.CreateRadiusAttr(0.02)
        light.CreateLengthAttr(0.1)
        facing = 2 * 0.02 * 0.1
    else:
        light = UsdLux.SphereLight.Define(stage, "/World/lamp")
        light.CreateRadiusAttr(0.05)
        facing = math.pi * 0.05**2
    light.CreateIntensityAttr(100.0)
    if kind == "warm":
        light.CreateEnableColorTemperatureAttr(True)
        light.CreateColorTemperatureAttr(3200)
        tint = np.array(UsdLux.BlackbodyTemperatureAsRgb(3200))
    if kind == "sphere exposure":
        light.CreateExposureAttr(2.0)
        tint = tint * 4
    UsdGeom.Xformable(light).AddTranslateOp().Set(Gf.Vec3d(0, 0, 2))
    matrix = straight.matrix.copy()
    matrix[3, 2] = 1.5
    camera = Camera(matrix, (-0.05, 0.05, -0.05, 0.05), True, near=0.1)
    expected = 0.5 / math.pi * 100 * facing / 4 * tint
    seen = linear(stage, tmp_path / "o.exr", camera, renderer)[..., :3].mean((0, 1))
    np.testing.assert_allclose(seen, expected, rtol=0.04)


@both
def test_cones_shine_inside_only(tmp_path: Path, straight: Camera, renderer: str) -> None:
    """A small ball with a cone of 10 degrees at 2 m lights a disc of radius 2 tan 10 = 0.353 m."""
    stage = stages.new(tmp_path / "cone.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.material(stage, "m", diffuseColor=(0.5, 0.5, 0.5)))
    light = UsdLux.SphereLight.Define(stage, "/World/lamp")
    light.CreateRadiusAttr(0.01)
    light.CreateIntensityAttr(10000.0)
    shaping = UsdLux.ShapingAPI.Apply(light.GetPrim())
    shaping.CreateShapingConeAngleAttr(10.0)
    shaping.CreateShapingConeSoftnessAttr(0.0)
    UsdGeom.Xformable(light).AddTranslateOp().Set(Gf.Vec3d(0, 0, 2))
    matrix = straight.matrix.copy()
    matrix[3, 2] = 1.5
    seen = linear(stage, tmp_path / "o.exr", Camera(matrix, straight.window, True, 0.1), renderer, 64)[..., :3].mean(2)
    expected = 0.5 / math.pi * 10000 * math.pi * 0.01**2 / 4
    assert seen[30:34, 30:34].mean() == pytest.approx(expected, rel=0.05)
    assert (seen > expected / 2).mean() == pytest.approx(math.pi * 0.353**2, rel=0.08)
    assert seen[1, 1] < 0.02 * expected


@pytest.mark.blender
@pytest.mark.long
def test_blender_agrees(
    tmp_path: Path, straight: Camera, blender_python: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture of four patches under a distant light: each is code value, decoded, times E / pi, the right way up."""
    monkeypatch.setenv("GATES_BLENDER_PYTHON", str(blender_python))
    patches = np.array([[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]], float) * 0.5
    picture.write(tmp_path / "four.png", np.repeat(np.repeat(patches, 8, axis=0), 8, axis=1))
    stage = stages.new(tmp_path / "blender.usda")
    stages.bind(stages.quad(stage, "/World/q"), stages.textured(stage, "m", "./four.png", sourceColorSpace="raw"))
    light = UsdLux.DistantLight.Define(stage, "/World/sun")
    light.CreateIntensityAttr(2.0)
    light.CreateNormalizeAttr(True)
    pixels = linear(stage, tmp_path / "b.exr", straight, "blender")
    seen = np.array([[pixels[r, c, :3] for c in (8, 24)] for r in (8, 24)])
    np.testing.assert_allclose(seen, patches * 2.0 / math.pi, atol=0.02)
