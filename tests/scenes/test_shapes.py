# SPDX-License-Identifier: Apache-2.0
"""Blockout shapes are closed, wound outwards and as large as was said; volumes by hand, by trimesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from pipeline.errors import UsageError
from pipeline.scenes.shapes import Opening, Solid, make_shape

SIZE = (2.0, 3.0, 4.0)


def as_trimesh(solid: Solid) -> trimesh.Trimesh:
    faces = []
    start = 0
    for size in solid.sizes:
        ring = solid.corners[start : start + size]
        faces += [[ring[0], ring[i], ring[i + 1]] for i in range(1, size - 1)]
        start += size
    return trimesh.Trimesh(solid.points, faces, process=False)


@pytest.mark.parametrize(
    ("shape", "more", "volume"),
    [
        ("box", {}, 24.0),
        ("floor", {}, 24.0),
        ("ramp", {}, 12.0),
        ("stairs", {"steps": 4}, 24 * (1 + 2 + 3 + 4) / 16),
        ("cylinder", {}, 3 * 48 / 2 * np.sin(2 * np.pi / 48) * 1 * 2),  # a 48-sided prism over an ellipse 2 by 4
        ("wall", {"openings": (Opening(0.5, 0, 0.5, 2), Opening(1.2, 1, 0.4, 0.5))}, 24 - 4 * (0.5 * 2 + 0.4 * 0.5)),
    ],
)
def test_shapes_are_closed_and_hold_what_they_should(shape: str, more: dict, volume: float) -> None:
    solid = make_shape(shape, SIZE, **more)
    mesh = as_trimesh(solid)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(volume)  # negative where faces look inwards
    low = -3.0 if shape == "floor" else 0.0
    assert np.allclose(mesh.bounds, [[-1, low, -2], [1, low + 3, 2]])
    assert solid.unwrapped().shape == (len(solid.corners), 2)


def test_a_ramp_and_stairs_rise_to_the_back() -> None:
    for shape in ("ramp", "stairs"):
        points = make_shape(shape, SIZE).points
        assert points[points[:, 1] > 2.9][:, 2].min() == pytest.approx(-2)
        assert points[points[:, 2] > 1.99][:, 1].max() < 1.5


def test_stairs_have_steps_that_one_can_climb() -> None:
    heights = np.unique(make_shape("stairs", (1, 2.8, 4)).points[:, 1].round(6))
    assert len(heights) == 17  # 16 steps of 0.175 m
    assert np.allclose(np.diff(heights), 0.175)


def test_a_metre_of_wall_is_a_metre_of_texture() -> None:
    solid = make_shape("box", (2, 3, 4))
    front = slice(0, 4)  # the face towards +Z comes first
    assert np.allclose(solid.points[solid.corners[front]][:, 2], 2)
    assert np.allclose(np.ptp(solid.unwrapped()[front], axis=0), (2, 3))


@pytest.mark.parametrize(
    ("shape", "size", "more"),
    [
        ("box", (0, 1, 1), {}),
        ("box", (1, float("nan"), 1), {}),
        ("wall", (2, 3, 0.2), {"openings": (Opening(1.8, 0, 0.5, 2),)}),
        ("box", (1, 1, 1), {"openings": (Opening(0, 0, 0.5, 0.5),)}),
        ("stairs", (1, 1, 1), {"steps": 0.5}),
    ],
)
def test_what_cannot_be_is_refused(shape: str, size: tuple, more: dict) -> None:
    with pytest.raises(UsageError):
        make_shape(shape, size, **more)
