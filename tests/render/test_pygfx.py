# SPDX-License-Identifier: Apache-2.0
"""Drafts by the graphics driver show what the traced drafts show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import render_beds as stages
from pxr import Gf, Sdf, UsdGeom, UsdLux, UsdShade

from pipeline.render import picture, render
from pipeline.render.backends import BACKENDS
from pipeline.render.camera import Camera
from pipeline.render.pygfx.driver import missing

pytestmark = [pytest.mark.long, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


def both(
    stage: object, folder: Path, camera: object, size: tuple[int, int] = (64, 64), **told: object
) -> list[np.ndarray]:
    stage.GetRootLayer().Save()  # type: ignore[attr-defined]
    out = []
    for name in ("draft", "pygfx"):
        path = folder / f"{name}.exr"
        render(stage, path, camera, size, renderer=name, quality="draft", **told)  # type: ignore[arg-type]
        out.append(picture.read(path))
    return out


def test_cameras_of_any_window(tmp_path: Path) -> None:
    """A window off the axis, in perspective and without, and instances with a mirror among them."""
    stage = stages.new(tmp_path / "many.usda")
    instancer = UsdGeom.PointInstancer.Define(stage, "/World/many")
    part = UsdGeom.Cone.Define(stage, "/World/many/Prototypes/cone")
    part.CreateHeightAttr(0.3)
    part.CreateRadiusAttr(0.1)
    instancer.CreatePrototypesRel().SetTargets(["/World/many/Prototypes/cone"])
    instancer.CreateProtoIndicesAttr([0, 0, 0])
    instancer.CreatePositionsAttr([(-0.3, 0, 0), (0.1, 0.2, 0), (0.3, -0.2, 0.1)])
    instancer.CreateScalesAttr([(1, 1, 1), (1, -1, 1), (1.2, 1, 1)])
    stages.dome(stage)
    matrix = np.eye(4)
    matrix[3, :3] = 0.1, 0.05, 3
    for window, flat in (((-0.2, 0.25, -0.15, 0.2), False), ((-0.7, 0.5, -0.4, 0.5), True)):
        traced, drawn = both(
            stage, tmp_path, Camera(matrix, window, flat, near=0.1, far=50), (96, 72), lights="authored",
            background="transparent",
        )  # fmt: skip
        a, b = traced[..., 3] > 0.5, drawn[..., 3] > 0.5
        assert (a & b).sum() / (a | b).sum() > 0.94
        assert a.sum() > 300


def test_a_bent_normal_leans_the_same_way(tmp_path: Path, straight: Camera) -> None:
    """A normal map whose red (then green) is above the middle turns a wall to +X (+Y), towards a light."""
    for axis, code in ((0, (0.85, 0.5, 0.85)), (1, (0.5, 0.85, 0.85))):
        folder = tmp_path / str(axis)
        folder.mkdir()
        picture.write(folder / "n.png", np.broadcast_to(np.array(code), (8, 8, 3)))
        stage = stages.new(folder / "bent.usda")
        made = stages.textured(stage, "m", "./n.png", sourceColorSpace="raw")
        surface = UsdShade.Shader(stage.GetPrimAtPath("/World/mtl/m/surface"))
        texture = UsdShade.Shader(stage.GetPrimAtPath("/World/mtl/m/texture"))
        texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
        texture.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        surface.GetInput("diffuseColor").GetAttr().ClearConnections()
        surface.GetInput("diffuseColor").Set(Gf.Vec3f(0.5))
        surface.CreateInput("normal", Sdf.ValueTypeNames.Normal3f).ConnectToSource(texture.GetOutput("rgb"))
        stages.bind(stages.quad(stage, "/World/q"), made)
        sun = UsdLux.DistantLight.Define(stage, "/World/sun")
        sun.CreateIntensityAttr(2.0)
        sun.CreateNormalizeAttr(True)
        turn = Gf.Rotation(Gf.Vec3d(0, 0, 1), Gf.Vec3d(1 - axis, axis, 1).GetNormalized())
        UsdGeom.Xformable(sun).AddTransformOp().Set(Gf.Matrix4d(turn, Gf.Vec3d(0)))
        traced, drawn = both(stage, folder, straight, (16, 16), lights="authored")
        # n = (0.7, 0, 0.7) faces the light of 45 degrees: E = 2, radiance = albedo / pi * E
        for seen in (traced, drawn):
            assert seen[8, 8, :3].mean() == pytest.approx(0.5 / np.pi * 2, rel=0.05)


def test_cutouts_and_clear_sheets(tmp_path: Path, straight: Camera) -> None:
    mask = np.zeros((8, 8, 4))
    mask[..., :3] = 0.5
    mask[:, :4, 3] = 1
    picture.write(tmp_path / "mask.png", mask)
    stage = stages.new(tmp_path / "mask.usda")
    made = stages.textured(stage, "m", "./mask.png", sourceColorSpace="raw")
    surface = UsdShade.Shader(stage.GetPrimAtPath("/World/mtl/m/surface"))
    texture = UsdShade.Shader(stage.GetPrimAtPath("/World/mtl/m/texture"))
    alpha = texture.CreateOutput("a", Sdf.ValueTypeNames.Float)
    surface.CreateInput("opacity", Sdf.ValueTypeNames.Float).ConnectToSource(alpha)
    surface.CreateInput("opacityThreshold", Sdf.ValueTypeNames.Float).Set(0.5)
    stages.bind(stages.quad(stage, "/World/q"), made)
    stages.dome(stage)
    for seen in both(stage, tmp_path, straight, (32, 32), lights="authored", background="transparent"):
        assert seen[16, 8, 3] == pytest.approx(1, abs=0.01)
        assert seen[16, 24, 3] == pytest.approx(0, abs=0.01)
        assert seen[16, 8, :3].mean() == pytest.approx(0.5, rel=0.05)


def test_colours_of_vertices_and_shadows(tmp_path: Path) -> None:
    stage = stages.new(tmp_path / "ball.usda")
    ball = stages.sphere(stage, "/World/ball", 0.3)
    ball.CreateDisplayColorAttr([(0.4, 0.2, 0.1)])
    traced, drawn = both(stage, tmp_path, "three-quarter", (96, 96))
    ratio = drawn[40:56, 40:56, :3].mean((0, 1)) / traced[40:56, 40:56, :3].mean((0, 1))
    assert (np.abs(ratio - 1) < 0.35).all()
    for seen in (traced, drawn):
        # the floor beneath is darker than the backdrop, and melts into it
        assert seen[-16:, :, :3].mean(2).min() < 0.42
        np.testing.assert_allclose(seen[2, 2, :3], 0.5, atol=0.03)


def test_without_a_driver_the_traced_draft_serves(tmp_path: Path) -> None:
    """Asked for by name it is refused with a remedy; drafts without a name never need it."""
    stage = stages.new(tmp_path / "a.usda")
    stages.sphere(stage, "/World/ball")
    stage.GetRootLayer().Save()
    code = (
        "import sys, pipeline; from pipeline.errors import MissingDependency\n"
        "r = pipeline.render('a.usda', 'a.png', quality='draft', size=(16, 16)); assert r.renderer == 'draft'\n"
        "try:\n    pipeline.render('a.usda', 'b.png', renderer='pygfx')\n"
        "except MissingDependency as e:\n    assert 'vulkan' in e.remedy; print('refused')\n"
    )
    nowhere = {"VK_DRIVER_FILES": "/nowhere.json", "VK_ICD_FILENAMES": "/nowhere.json", "WGPU_BACKEND_TYPE": "Vulkan"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **nowhere}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout.strip().endswith("refused"), done.stderr
    assert "pygfx" in BACKENDS
