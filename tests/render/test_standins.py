# SPDX-License-Identifier: Apache-2.0
"""Curves, points and volumes are drawn as something, and it is said."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import render_beds as stages
from pxr import Gf, UsdGeom, Vt

from pipeline.render import picture, render
from pipeline.render.camera import Camera


def cover(stage: object, folder: Path, camera: Camera) -> tuple[np.ndarray, list[tuple[str, str]]]:
    stage.GetRootLayer().Save()  # type: ignore[attr-defined]
    result = render(stage, folder / "o.png", camera, (200, 200), quality="draft", background="transparent")
    return picture.read(folder / "o.png"), [(n.prim, n.why) for n in result.notes]


def test_curves_without_width_are_thin_tubes(tmp_path: Path, straight: Camera) -> None:
    stage = stages.new(tmp_path / "curves.usda")
    curves = UsdGeom.BasisCurves.Define(stage, "/World/hair")
    curves.CreateTypeAttr("linear")
    curves.CreateCurveVertexCountsAttr([2, 2])
    curves.CreatePointsAttr([(-0.4, -0.4, 0), (-0.4, 0.4, 0), (0.4, -0.4, 0), (0.4, 0.4, 0)])
    pixels, notes = cover(stage, tmp_path, straight)
    alpha = pixels[..., 3]
    assert alpha[100, 18:23].max() > 0.5
    assert alpha[100, 178:183].max() > 0.5
    assert alpha[100, 100] == 0
    assert any(p == "/World/hair" and "width" in why for p, why in notes)


def test_points_are_balls_of_their_width_and_colour(tmp_path: Path, straight: Camera) -> None:
    stage = stages.new(tmp_path / "points.usda")
    cloud = UsdGeom.Points.Define(stage, "/World/cloud")
    cloud.CreatePointsAttr([(-0.25, 0, 0), (0.25, 0, 0)])
    cloud.CreateWidthsAttr([0.4, 0.2])
    UsdGeom.PrimvarsAPI(cloud).CreatePrimvar("displayColor", cloud.GetDisplayColorAttr().GetTypeName(), "vertex").Set(
        Vt.Vec3fArray([(0.8, 0.05, 0.05), (0.05, 0.05, 0.8)])
    )
    pixels, notes = cover(stage, tmp_path, straight)
    left, right = pixels[:, :100, 3].sum() / 200**2, pixels[:, 100:, 3].sum() / 200**2
    # a ball of few faces is a little smaller than its circle
    assert left == pytest.approx(math.pi * 0.2**2, rel=0.12)
    assert right == pytest.approx(math.pi * 0.1**2, rel=0.12)
    assert pixels[100, 50, :3].argmax() == 0
    assert pixels[100, 150, :3].argmax() == 2
    assert any(p == "/World/cloud" for p, _ in notes)


def test_volumes_are_the_edges_of_their_bounds(tmp_path: Path, straight: Camera) -> None:
    """In centimetres and Z up; the box spans 0.6 x 0.4 m in the picture and is hollow."""
    stage = stages.new(tmp_path / "volume.usda")
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    smoke = stage.DefinePrim("/World/smoke", "Volume")
    UsdGeom.Boundable(smoke).CreateExtentAttr([(-30, -10, -20), (30, 10, 20)])
    pixels, notes = cover(stage, tmp_path, straight)
    rows, columns = np.nonzero(pixels[..., 3] > 0.2)
    assert np.ptp(columns) == pytest.approx(0.6 * 200, abs=4)
    assert np.ptp(rows) == pytest.approx(0.4 * 200, abs=4)
    assert pixels[100, 100, 3] == 0
    assert any(p == "/World/smoke" and "box" in why for p, why in notes)


def test_film_back_offsets_and_exposure(tmp_path: Path) -> None:
    """A lens shifted by a quarter of the film back to the right shows the subject a quarter to the left."""
    stage = stages.new(tmp_path / "shift.usda")
    stages.bind(stages.quad(stage, "/World/q", half=0.1), stages.material(stage, "m", diffuseColor=(0.5,) * 3))
    stages.dome(stage)
    camera = UsdGeom.Camera.Define(stage, "/World/cam")
    camera.CreateFocalLengthAttr(50)
    camera.CreateHorizontalApertureAttr(20)
    camera.CreateVerticalApertureAttr(20)
    camera.CreateHorizontalApertureOffsetAttr(5)
    camera.CreateVerticalApertureOffsetAttr(-2)
    camera.AddTranslateOp().Set(Gf.Vec3d(0, 0, 4))
    stage.GetRootLayer().Save()
    before = render(stage, tmp_path / "o.exr", size=(100, 100), quality="draft", background="transparent")
    pixels = picture.read(tmp_path / "o.exr")
    # channels R G B A stand first
    rows, columns = np.nonzero(np.abs(pixels[..., 0] - 0.5) < 0.1)
    assert before.camera == "/World/cam"
    assert columns.mean() == pytest.approx(50 - 25, abs=1)
    assert rows.mean() == pytest.approx(50 - 10, abs=1)
    camera.CreateExposureAttr(1.0)
    stage.GetRootLayer().Save()
    render(stage, tmp_path / "p.exr", size=(100, 100), quality="draft", background="transparent")
    brighter = picture.read(tmp_path / "p.exr")
    assert brighter[40, 25, 0] == pytest.approx(2 * pixels[40, 25, 0], rel=1e-2)


def test_depth_of_field_that_a_draft_leaves_out_is_said(tmp_path: Path) -> None:
    stage = stages.new(tmp_path / "lens.usda")
    stages.sphere(stage, "/World/ball")
    camera = UsdGeom.Camera.Define(stage, "/World/cam")
    camera.CreateFStopAttr(1.4)
    camera.CreateFocusDistanceAttr(3.0)
    camera.AddTranslateOp().Set(Gf.Vec3d(0, 0, 4))
    stage.GetRootLayer().Save()
    result = render(stage, tmp_path / "o.png", size=(32, 32), quality="draft")
    assert ("/World/cam", "depth of field") in {(n.prim, n.what) for n in result.notes}
