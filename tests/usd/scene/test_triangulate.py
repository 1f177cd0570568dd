# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.usd.scene.triangulate import triangulate


def area(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a) / 2


def outline_area(points: np.ndarray) -> np.ndarray:
    """Newell's formula: needs no triangles."""
    return np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0) / 2


def star(radii: list[float], tilt: float) -> np.ndarray:
    angle = np.arange(len(radii)) * 2 * math.pi / len(radii)
    flat = np.stack([np.cos(angle) * radii, np.sin(angle) * radii, np.zeros(len(radii))], -1)
    turn = np.array([[1, 0, 0], [0, math.cos(tilt), math.sin(tilt)], [0, -math.sin(tilt), math.cos(tilt)]])
    return (flat @ turn + [3, -2, 1]).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.2, 1.0), min_size=3, max_size=40), st.floats(-3, 3))
def test_a_star_shaped_polygon_keeps_its_outline(radii: list[float], tilt: float) -> None:
    points = star(radii, tilt)
    n = len(points)
    triangles = triangulate(points, np.array([n], np.int32), np.arange(n, dtype=np.int32))
    assert triangles.shape == (n - 2, 3)
    pieces = area(points.astype(float), triangles)
    whole = outline_area(points.astype(float))
    # the same area, and no piece that faces the other way: nothing overlaps, nothing sticks out
    assert np.allclose(pieces.sum(axis=0), whole, atol=1e-4)
    assert (pieces @ whole >= -1e-4 * (whole @ whole)).all()


def test_an_arrowhead_quad_is_cut_at_its_reflex_corner() -> None:
    points = np.array([(0, 0, 0), (2, 1, 0), (0, 2, 0), (0.5, 1, 0)], np.float32)
    for turn in range(4):
        order = np.roll(np.arange(4, dtype=np.int32), turn)
        triangles = triangulate(points, np.array([4], np.int32), order)
        pieces = area(points, order[triangles])[:, 2]
        assert pieces.sum() == pytest.approx(1.5)
        assert (pieces > 0).all()


def test_faces_of_different_sizes_stay_in_order() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    counts = np.array([3, 5, 4, 3, 6], np.int32)
    vertices = np.arange(21, dtype=np.int32) % 20
    triangles = triangulate(points, counts, vertices)
    faces = np.repeat(np.arange(5), [1, 3, 2, 1, 4])
    starts = np.cumsum(counts) - counts
    assert (triangles >= starts[faces][:, None]).all()
    assert (triangles < (starts + counts)[faces][:, None]).all()


def test_nothing_gives_nothing() -> None:
    triangles = triangulate(np.zeros((0, 3), np.float32), np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert triangles.shape == (0, 3)
