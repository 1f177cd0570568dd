# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from pipeline.usd.scene import compose, decompose, read_scene
from pipeline.usd.scene.sampling import continuous, reduced
from pipeline.usd.scene.xforms import slerp


def at(track: Any, seconds: float) -> np.ndarray:
    """The local transform that a player shows: lerp and slerp between neighbouring samples."""
    t, q, s, _ = decompose(track.matrices)
    k = int(np.clip(np.searchsorted(track.times, seconds, side="right") - 1, 0, len(track.times) - 2))
    share = (seconds - track.times[k]) / (track.times[k + 1] - track.times[k])
    return compose(t[k] + share * (t[k + 1] - t[k]), slerp(q[k], q[k + 1], share), s[k] + share * (s[k + 1] - s[k]))


@pytest.mark.parametrize(
    ("codes", "start", "end"), [(1.0, 0.0, 3.0), (24.0, 1.0, 49.0), (23.976, 1001.0, 1049.0), (1000.0, 500.0, 2500.0)]
)
def test_any_clock_any_pivot_any_order(bed: Any, codes: float, start: float, end: float) -> None:
    b = bed("Z", 0.01, codes)
    b.stage.SetStartTimeCode(start)
    b.stage.SetEndTimeCode(end)
    mesh = b.cube("/World/C", 20)
    common = UsdGeom.XformCommonAPI(mesh)
    common.SetPivot((10, 0, 5))
    common.SetTranslate((50, 0, 0))
    order = UsdGeom.XformCommonAPI.RotationOrderZYX
    common.SetRotate((0, 0, 0), order, start)
    common.SetRotate((720, 270, 45), order, end)
    scene = read_scene(b.stage)
    track = scene.clips[0].transforms[1]
    corners = scene.meshes[0].points.astype(float)
    space = np.random.default_rng(1)
    for share in space.uniform(0, 1, 40):
        code = start + share * (end - start)
        local = np.array(UsdGeom.Xformable(mesh).GetLocalTransformation(Usd.TimeCode(code)))
        plain = np.array(mesh.GetPointsAttr().Get()) @ local[:3, :3] + local[3, :3]
        truth = np.stack([plain[:, 0], plain[:, 2], -plain[:, 1]], -1) * 0.01
        matrix = at(track, (code - start) / codes)
        found = corners @ matrix[:3, :3] + matrix[3, :3]
        assert np.abs(found - truth).max() < 1e-3 * np.ptp(truth, axis=0).max()


def test_an_animated_matrix_is_followed_where_usd_lerps_it(bed: Any) -> None:
    b = bed()
    b.stage.SetStartTimeCode(0)
    b.stage.SetEndTimeCode(24)
    mesh = b.cube("/World/C")
    op = UsdGeom.Xformable(mesh).AddTransformOp()
    op.Set(Gf.Matrix4d(1), 0)
    op.Set(Gf.Matrix4d().SetScale((2, 3, 4)) * Gf.Matrix4d().SetTranslate((5, 0, 0)), 24)
    track = read_scene(b.stage).clips[0].transforms[1]
    assert np.allclose(at(track, 0.5)[:3, :3], np.diag([1.5, 2, 2.5]), atol=1e-3)


def test_nothing_moves_outside_of_the_range(bed: Any) -> None:
    b = bed()
    b.stage.SetStartTimeCode(10)
    b.stage.SetEndTimeCode(20)
    op = UsdGeom.Xformable(b.cube("/World/C")).AddTranslateOp()
    op.Set((0, 0, 0), 0)
    op.Set((30, 0, 0), 30)
    clip = read_scene(b.stage).clips[0]
    track = clip.transforms[1]
    assert clip.seconds == pytest.approx(10 / 24)
    assert track.times[0] == 0 and track.times[-1] == pytest.approx(10 / 24)
    assert track.matrices[0, 3, 0] == pytest.approx(10) and track.matrices[-1, 3, 0] == pytest.approx(20)


def test_a_still_stage_has_no_clip(bed: Any) -> None:
    b = bed()
    b.cube("/World/C")
    b.stage.SetStartTimeCode(1)
    b.stage.SetEndTimeCode(24)
    assert read_scene(b.stage).clips == ()


def test_points_that_change_their_number_stand_still_and_say_so(bed: Any) -> None:
    b = bed()
    mesh = b.cube("/World/C")
    points = mesh.GetPointsAttr().Get()
    mesh.GetPointsAttr().Set(points, 1)
    mesh.GetPointsAttr().Set(points[:6], 5)
    scene = read_scene(b.stage)
    assert scene.meshes[0].track is None
    assert [(x.prim, x.what) for x in scene.losses] == [("/World/C", "moving points")]


def test_reducing_keeps_what_straight_lines_cannot_say() -> None:
    times = np.linspace(0, 1, 101)
    line = np.stack([times, 2 * times], -1)
    assert reduced(times, line, 1e-6).tolist() == [0, 100]
    bent = np.abs(times - 0.37)[:, None]
    assert reduced(times, bent, 1e-6).tolist() == [0, 37, 100]
    wave = np.sin(times * 9)[:, None]
    keep = reduced(times, wave, 1e-2)
    assert np.abs(np.interp(times, times[keep], wave[keep, 0]) - wave[:, 0]).max() <= 1e-2
    # a chord over h is off by 81 h^2 / 8 at the crests: h of 0.03 suffices
    assert 30 < len(keep) < 60


def test_neighbouring_quaternions_get_one_sign() -> None:
    q = np.array([[0, 0, 0, 1.0], [0, 0, 0.1, -0.995], [0, 0, 0.2, 0.98]])
    fixed = continuous(q)
    assert (np.einsum("ki,ki->k", fixed[1:], fixed[:-1]) > 0).all()
