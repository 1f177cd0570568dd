# SPDX-License-Identifier: Apache-2.0
"""Cameras: what they see, and that rays and projection are inverses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.render import framing
from pipeline.render.camera import Camera, look_at, rigid

angles = st.floats(-180, 180)


@settings(max_examples=40)
@given(st.integers(0, 2**31), angles, st.floats(-85, 85), st.floats(0.3, 3), st.floats(1e-3, 1e3))
def test_everything_is_inside_and_something_touches(
    seed: int, azimuth: float, elevation: float, aspect: float, size: float
) -> None:
    points = np.random.default_rng(seed).normal(size=(50, 3)) * size
    camera = framing.fit(points, aspect, azimuth, elevation, margin=0.1)
    width = 1000.0
    height = width / aspect
    pixels, depth = camera.project(points, width, height)  # type: ignore[arg-type]
    shares = np.stack([pixels[:, 0] / width, pixels[:, 1] / height])
    assert (depth > camera.near).all()
    assert shares.min() > 0.1 - 1e-6
    assert shares.max() < 0.9 + 1e-6
    assert min(shares.min(axis=1).min(), 1 - shares.max(axis=1).max()) < 0.1 + 1e-3


def test_orbit_keeps_the_subject_and_the_distance() -> None:
    bounds = np.array([[-1.0, 0, -0.2], [1, 3, 0.2]])
    cameras = framing.orbit(bounds, 8)
    middle = bounds.mean(axis=0)
    away = [np.hypot(*(c.position - middle)[[0, 2]]) for c in cameras]
    np.testing.assert_allclose(away, away[0])
    for camera in cameras:
        pixels, _ = camera.project(framing.corners(bounds), 100, 100)
        assert (pixels > 0).all()
        assert (pixels < 100).all()
    # a quarter turn of eight steps stands at right angles
    a, c = cameras[0].position - middle, cameras[2].position - middle
    assert abs(a[0] * c[0] + a[2] * c[2]) < 1e-9


def test_rays_go_through_what_is_projected() -> None:
    camera = Camera(look_at(np.array([3.0, 2, 4]), np.array([0.2, 0.5, 0])), (-0.3, 0.5, -0.2, 0.3))
    points = np.random.default_rng(1).normal(size=(20, 3)) * 0.3
    pixels, depth = camera.project(points, 320, 200)
    origins, directions = camera.rays(pixels, 320, 200)
    along = depth / (directions @ -camera.axes[2])
    np.testing.assert_allclose(origins + directions * along[:, None], points, atol=1e-5)


def test_scale_and_mirror_leave_the_camera() -> None:
    matrix = np.diag([100.0, 100, 100, 1])
    matrix[3, :3] = 1, 2, 3
    clean = rigid(matrix)
    np.testing.assert_allclose(clean[:3, :3], np.eye(3))
    np.testing.assert_allclose(clean[3, :3], [1, 2, 3])


def test_wider_frames_crop_nothing() -> None:
    camera = Camera(np.eye(4), (-1.0, 1.0, -1.0, 1.0)).for_aspect(2.0)
    assert camera.window == (-2, 2, -1, 1)
