# SPDX-License-Identifier: Apache-2.0
"""Cameras by intent and in motion. Angles, distances and speeds by hand; USD's own camera is the second reader."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from pipeline.errors import UsageError
from pipeline.scenes.bounds import Box
from pipeline.scenes.cameras import CameraSpec, aim, author_camera
from pipeline.scenes.curves import even_points, read_curve, through_points
from pipeline.scenes.focus import depth_of_field, focus_on
from pipeline.scenes.motion import Key, MotionSpec, author_motion, plan_motion, subject_centres

CRATE = Box(np.array([-0.5, 0.0, -0.5]), np.array([0.5, 1.0, 0.5]))


def stage_of(axis: str = "Y", unit: float = 1.0) -> Usd.Stage:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, axis)
    UsdGeom.SetStageMetersPerUnit(stage, unit)
    return stage


def seen(camera: UsdGeom.Camera, box: Box, time: float | None = None) -> np.ndarray:
    """Corners of a box in the camera's picture, -1 to 1, by USD's own frustum."""
    stage = camera.GetPrim().GetStage()
    unit = UsdGeom.GetStageMetersPerUnit(stage)
    frustum = camera.GetCamera(Usd.TimeCode.Default() if time is None else time).frustum
    matrix = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    corners = np.array(np.meshgrid(*zip(box.low, box.high, strict=True), indexing="ij")).reshape(3, -1).T / unit
    if UsdGeom.GetStageUpAxis(stage) == "Z":
        corners = corners @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    return np.array([list(matrix.Transform(Gf.Vec3d(*c.tolist()))) for c in corners])


@pytest.mark.parametrize("kind", ["player", "hero", "product", "turntable", "top"])
@pytest.mark.parametrize(("axis", "unit"), [("Y", 1.0), ("Z", 0.01)])
def test_a_fitted_camera_fills_the_picture_as_it_was_told(kind: str, axis: str, unit: float) -> None:
    stage = stage_of(axis, unit)
    camera = author_camera(stage, "/C", CRATE, CameraSpec(kind=kind, fill=0.6, aspect=1.5))
    reach = np.abs(seen(camera, CRATE)[:, :2]).max()
    assert reach <= 0.6 + 1e-5
    assert reach > 0.5


def test_a_player_stands_at_eye_height_even_when_fitted() -> None:
    for distance in (None, 4.0):
        shot = aim(CRATE, CameraSpec(kind="player", distance_m=distance))
        assert shot.eye[1] == pytest.approx(1.7)
    assert np.hypot(shot.eye[0], shot.eye[2]) == pytest.approx(4.0)


def test_what_a_lens_keeps_sharp_is_what_the_tables_say() -> None:
    # 50 mm at f/2.8 on 36 x 24 mm, focused at 3 m. c = 43.267/1500 = 0.028844 mm; H = 2500/(2.8 x c) + 50 = 31.004 m
    depth = depth_of_field(CameraSpec(lens_mm=50, sensor_mm=36, aspect=1.5, fstop=2.8), 3.0)
    assert depth is not None
    assert depth.hyperfocal_m == pytest.approx(31.004, abs=0.01)
    assert depth.near_m == pytest.approx(2.739, abs=0.005)
    assert depth.far_m == pytest.approx(3.316, abs=0.005)
    assert depth_of_field(CameraSpec(fstop=0), 3.0) is None
    far = depth_of_field(CameraSpec(lens_mm=24, fstop=11, aspect=1.5), 5.0)
    assert far is not None
    assert far.far_m is None  # beyond the hyperfocal distance there is no end


def test_focus_lies_on_the_surface_and_in_scene_units() -> None:
    stage = stage_of(unit=0.01)
    mesh = UsdGeom.Mesh.Define(stage, "/World/wall")
    mesh.CreatePointsAttr([(-100, -100, 30), (100, -100, 30), (100, 100, 30), (-100, 100, 30)])
    mesh.CreateFaceVertexCountsAttr([4])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    eyes, targets = np.array([[0, 0, 2.0]]), np.array([[0, 0, 0.0]])
    assert focus_on(mesh.GetPrim(), eyes, targets)[0] == pytest.approx(1.7, abs=1e-5)
    camera = author_camera(stage, "/C", CRATE, CameraSpec(fstop=2.0, lens_mm=50), focus=1.7)
    assert camera.GetFocusDistanceAttr().Get() == pytest.approx(170)
    assert camera.GetFStopAttr().Get() == 2.0
    assert camera.GetFocalLengthAttr().Get() == pytest.approx(50)  # 50 mm is 50 tenths of a centimetre


def motion_of(spec: MotionSpec, lens: CameraSpec | None = None, count: int = 25):
    times = np.arange(1.0, count + 1)
    centres = np.tile(CRATE.centre, (count, 1))
    return plan_motion(spec, lens or CameraSpec(), CRATE, times, centres)


def test_a_path_is_gone_along_at_an_even_speed() -> None:
    corner = [(0, 1, 8), (4, 1, 8), (4, 1, 2), (6, 1, 2)]
    plan = motion_of(MotionSpec(move="path", points=corner), count=200)
    steps = np.linalg.norm(np.diff(plan.eyes, axis=0), axis=1)
    assert steps.std() / steps.mean() < 0.02
    assert np.allclose(plan.eyes[[0, -1]], [corner[0], corner[-1]])
    for point in corner:
        assert np.linalg.norm(plan.eyes - np.array(point, float), axis=1).min() < 0.05  # it goes through the points
    eased = motion_of(MotionSpec(move="path", points=corner, ease=True), count=200)
    slow = np.linalg.norm(np.diff(eased.eyes, axis=0), axis=1)
    assert slow[0] < 0.1 * slow[100]


def test_an_orbit_keeps_its_distance_and_a_turntable_closes() -> None:
    plan = motion_of(MotionSpec(move="orbit", amount=90))
    away = plan.eyes - CRATE.centre
    assert np.ptp(np.linalg.norm(away, axis=1)) < 1e-9
    angle = np.degrees(np.arctan2(away[:, 0], away[:, 2]))
    assert angle[-1] - angle[0] == pytest.approx(90)
    table = motion_of(MotionSpec(move="turntable"), count=24)
    turn = np.degrees(np.unwrap(np.arctan2(*(table.eyes - CRATE.centre)[:, [0, 2]].T)))
    assert np.allclose(np.diff(turn), 15)  # the frame after the last would be the first


def test_named_moves_go_where_they_say() -> None:
    lens = CameraSpec(kind="hero", distance_m=6)
    start = aim(CRATE, lens)
    dolly = motion_of(MotionSpec(move="dolly", amount=2), lens)
    assert np.linalg.norm(dolly.eyes[-1] - CRATE.centre) == pytest.approx(4)
    crane = motion_of(MotionSpec(move="crane", amount=3), lens)
    assert np.allclose(crane.eyes[-1] - crane.eyes[0], (0, 3, 0))
    track = motion_of(MotionSpec(move="track", amount=2), lens)
    assert np.allclose(track.eyes[-1] - track.eyes[0], track.targets[-1] - track.targets[0])
    assert (track.eyes[-1] - track.eyes[0]) @ (start.eye - start.target) == pytest.approx(0, abs=1e-9)
    with pytest.raises(UsageError, match="runs into"):
        motion_of(MotionSpec(move="dolly", amount=5.8), lens)


def test_keyframes_are_met_and_never_overshot() -> None:
    keys = [
        Key(time=1, eye=(0, 1, 5)),
        Key(time=11, eye=(4, 1, 5), lens_mm=50),
        Key(time=25, eye=(4, 1, 5), lens_mm=85),
    ]
    plan = motion_of(MotionSpec(move="keys", keys=keys), CameraSpec(lens_mm=35))
    assert np.allclose(plan.eyes[[0, 10, 24]], [k.eye for k in keys])
    assert plan.eyes[:, 0].max() <= 4 + 1e-12
    assert np.allclose(plan.lenses[[0, 10, 24]], (35, 50, 85))
    with pytest.raises(ValueError, match="order"):
        MotionSpec(move="keys", keys=keys[::-1])


@pytest.mark.parametrize(("axis", "unit"), [("Y", 1.0), ("Z", 0.01)])
def test_a_moving_camera_looks_at_its_subject_all_the_time(axis: str, unit: float) -> None:
    stage = stage_of(axis, unit)
    plan = motion_of(MotionSpec(move="orbit", amount=300))
    camera = author_motion(stage, "/C", plan, CameraSpec(fstop=4), np.linalg.norm(plan.eyes - CRATE.centre, axis=1))
    middle = Box(CRATE.centre, CRATE.centre)
    for time in (1.0, 7.5, 25.0):  # between frames too: rotations take the short way
        limit = 1e-4 if time == int(time) else 0.02
        assert np.abs(seen(camera, middle, time)[:, :2]).max() < limit
    operations = [op.GetOpName() for op in camera.GetOrderedXformOps()]
    assert operations == ["xformOp:translate", "xformOp:orient"]
    assert camera.GetOrderedXformOps()[0].GetTimeSamples() == [float(t) for t in plan.times]


def test_a_camera_that_stood_still_again_has_no_samples() -> None:
    stage = stage_of()
    plan = motion_of(MotionSpec(move="dolly", amount=1), CameraSpec(distance_m=5))
    author_motion(stage, "/C", plan, CameraSpec(fstop=4), np.linalg.norm(plan.eyes, axis=1))
    camera = author_camera(stage, "/C", CRATE, CameraSpec(distance_m=3))
    assert not camera.GetFocusDistanceAttr().GetTimeSamples()
    assert not camera.TransformMightBeTimeVarying()


def test_curves_of_every_basis_end_where_they_should() -> None:
    stage = stage_of()
    points = [(0, 0, 0), (1, 2, 0), (3, 2, 0), (4, 0, 0)]
    curves = UsdGeom.BasisCurves.Define(stage, "/curve")
    curves.CreatePointsAttr(points)
    curves.CreateCurveVertexCountsAttr([4])
    curves.CreateTypeAttr("cubic")
    curves.CreateBasisAttr("bezier")
    line = read_curve(curves.GetPrim())
    assert np.allclose(line[[0, -1]], [points[0], points[3]])
    assert np.allclose(line[len(line) // 2], (2, 1.5, 0), atol=0.02)  # de Casteljau at one half
    curves.CreateBasisAttr("catmullRom")
    assert np.allclose(read_curve(curves.GetPrim())[[0, -1]], [points[1], points[2]])
    curves.CreateWrapAttr("pinned")
    assert np.allclose(read_curve(curves.GetPrim())[[0, -1]], [points[0], points[3]])
    curves.CreateBasisAttr("bspline")
    curves.CreateWrapAttr("nonperiodic")
    assert np.allclose(read_curve(curves.GetPrim())[0], (np.array(points[0]) + 4 * np.array(points[1]) + points[2]) / 6)
    curves.CreateTypeAttr("linear")
    assert len(read_curve(curves.GetPrim())) == 4
    even = even_points(through_points(np.array([[0, 0, 0], [0, 0, 4.0]])), np.array([0.25]))
    assert np.allclose(even, (0, 0, 1))
    with pytest.raises(UsageError, match="no curve"):
        read_curve(stage.GetPseudoRoot())


def test_a_subject_that_moves_is_followed() -> None:
    stage = stage_of()
    move = UsdGeom.Xform.Define(stage, "/World/cart").AddTranslateOp()
    move.Set(Gf.Vec3d(0, 0, 0), 1)
    move.Set(Gf.Vec3d(10, 0, 0), 11)
    centres = subject_centres(stage.GetPrimAtPath("/World/cart"), CRATE, np.array([1.0, 6.0, 11.0]))
    assert np.allclose(centres, [(0, 0.5, 0), (5, 0.5, 0), (10, 0.5, 0)])
