# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import trimesh

from pipeline.mesh.convex_cuts import convex_hulls


def covered(hulls: list, points: np.ndarray, slack: float) -> bool:
    """Whether every point lies in one of the hulls."""
    inside = np.zeros(len(points), bool)
    for hull in hulls:
        a, b, c = (hull.points[hull.triangles[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        inside |= (np.einsum("pij,ij->pi", points[:, None] - a, normal) <= slack).all(1)
    return bool(inside.all())


def test_a_box_is_one_hull_of_its_own_volume() -> None:
    box = trimesh.creation.box((2, 3, 4))
    hulls = convex_hulls(box.vertices, box.faces)
    assert len(hulls) == 1
    assert hulls[0].volume == pytest.approx(24)
    assert trimesh.Trimesh(hulls[0].points, hulls[0].triangles).volume == pytest.approx(24)  # faces look outward


def test_a_cross_is_three_boxes() -> None:
    cross = trimesh.util.concatenate([trimesh.creation.box((6, 1, 1)), trimesh.creation.box((1, 6, 1))])
    hulls = convex_hulls(cross.vertices, cross.faces)
    assert len(hulls) == 3
    assert 11 <= sum(h.volume for h in hulls) < 11.5  # 6 + 5, and what cuts beside the corners leave
    assert covered(hulls, cross.vertices, 1e-6)


def test_a_ring_keeps_its_hole() -> None:
    ring = trimesh.creation.torus(1.0, 0.2, major_sections=32, minor_sections=12)
    hulls = convex_hulls(ring.vertices, ring.faces, max_vertices=200)
    whole = trimesh.convex.convex_hull(ring).volume
    assert 4 <= len(hulls) <= 16
    assert sum(h.volume for h in hulls) < 0.65 * whole
    assert covered(hulls, ring.vertices, 1e-6)
    assert not covered(hulls, np.zeros((1, 3)), 1e-6)


def test_an_open_surface_works_as_well() -> None:
    box = trimesh.creation.box((2, 2, 2))
    hulls = convex_hulls(box.vertices, box.faces[:-2])
    assert [round(h.volume, 6) for h in hulls] == [8.0]


def test_a_flat_mesh_gets_a_thickness() -> None:
    points = np.array([(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)], float)
    hulls = convex_hulls(points, np.array([(0, 1, 2), (0, 2, 3)]))
    assert len(hulls) == 1
    assert hulls[0].volume == pytest.approx(0.01, rel=0.1)


def test_limits_are_kept() -> None:
    rng = np.random.default_rng(0)
    spikes = trimesh.util.concatenate(
        [trimesh.creation.icosphere(2, 0.3).apply_translation(t) for t in rng.uniform(-3, 3, (30, 3))]
    )
    hulls = convex_hulls(spikes.vertices, spikes.faces, max_hulls=5, max_vertices=20)
    assert len(hulls) <= 5
    assert max(len(h.points) for h in hulls) <= 20


def test_nothing_sound_gives_no_hull() -> None:
    assert convex_hulls(np.zeros((3, 3)), np.array([(0, 1, 2)])) == []
    assert convex_hulls(np.full((3, 3), np.nan), np.array([(0, 1, 2)])) == []
    assert convex_hulls(np.zeros((0, 3)), np.zeros((0, 3), int)) == []
