# SPDX-License-Identifier: Apache-2.0
"""Rays, exposure, crossings, insides, clusters, views, UV islands and coverage against formulas."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RefineError
from pipeline.mesh import Topology, edges
from pipeline.mesh.clusters import clusters
from pipeline.mesh.crossing import crossings
from pipeline.mesh.directions import compass, frame, scatter, sphere
from pipeline.mesh.distinct import distinct
from pipeline.mesh.exposure import hidden_samples, thickness
from pipeline.mesh.faces import areas, cross, smallest_sine
from pipeline.mesh.inside import inside_out
from pipeline.mesh.islands import islands
from pipeline.mesh.rays import Rays
from pipeline.mesh.uvraster import covered
from pipeline.mesh.views import look


def solid(*shapes: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    points = np.vstack([s.vertices for s in shapes]).astype(np.float32)
    start = np.cumsum([0, *(len(s.vertices) for s in shapes)])
    return points, np.vstack([s.faces + at for s, at in zip(shapes, start, strict=False)]).astype(np.int32)


def ball(radius: float = 1.0, at: tuple[float, float, float] = (0, 0, 0), fine: int = 3) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(fine, radius).apply_translation(at)


class TestRays:
    def test_triangles_that_no_tree_can_divide_are_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipeline.mesh.rays.PATIENCE", 0.0)
        monkeypatch.setattr("pipeline.mesh.rays.DEAR", 0.0)
        rays = Rays(*solid(trimesh.creation.box()))
        with pytest.raises(RefineError, match="every ray meets the boxes of most of them"):
            rays.first(np.zeros((9, 3)), np.ones((9, 3)))

    def test_batches_of_any_size_answer_alike(self, monkeypatch: pytest.MonkeyPatch) -> None:
        origins = np.random.default_rng(3).normal(size=(5000, 3))
        whole = Rays(*solid(trimesh.creation.box())).first(origins, -origins)
        monkeypatch.setattr("pipeline.mesh.rays._BEGIN", 7)
        monkeypatch.setattr("pipeline.mesh.rays.BATCH", 64)
        parts = Rays(*solid(trimesh.creation.box())).first(origins, -origins)
        np.testing.assert_array_equal(whole[0], parts[0])
        np.testing.assert_array_equal(whole[1], parts[1])

    def test_first_and_blocked(self) -> None:
        rays = Rays(*solid(trimesh.creation.box()))
        origin = np.array([[0.1, 0.2, 5], [0.1, 0.2, 5], [3, 3, 5]])
        towards = np.array([[0, 0, -1], [0, 0, -1], [0, 0, -1]], float)
        far = np.array([np.inf, 4.0, np.inf])
        face, distance = rays.first(origin, towards, far)
        assert (face >= 0).tolist() == [True, False, False]
        assert distance[0] == pytest.approx(4.5)
        assert distance[1] == 4.0
        assert rays.blocked(origin, towards, far).tolist() == [True, False, False]
        assert far.tolist() == [np.inf, 4.0, np.inf]  # what was given is not written into

    def test_no_triangles(self) -> None:
        rays = Rays(np.zeros((0, 3)), np.zeros((0, 3), int))
        assert rays.first(np.zeros((2, 3)), np.ones((2, 3)))[0].tolist() == [-1, -1]
        assert not rays.blocked(np.zeros((2, 3)), np.ones((2, 3))).any()


class TestFaces:
    def test_area_and_angle_of_a_known_triangle(self) -> None:
        points = np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0]], np.float32)
        face = np.array([[0, 1, 2]])
        assert areas(points, face)[0] == 6
        np.testing.assert_allclose(cross(points, face), [[0, 0, 12]])
        assert smallest_sine(points, face)[0] == pytest.approx(3 / 5)

    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 100_000))
    def test_angles_as_by_cosines(self, seed: int) -> None:
        points = np.random.default_rng(seed).normal(size=(30, 3))
        faces = np.arange(30).reshape(-1, 3)
        angle = trimesh.triangles.angles(points[faces]).min(axis=1)
        np.testing.assert_allclose(smallest_sine(points, faces), np.sin(angle), rtol=1e-6, atol=1e-9)


class TestExposure:
    def test_a_shell_inside_another_is_hidden(self) -> None:
        points, faces = solid(ball(), ball(0.5))
        rays = Rays(points, faces)
        for number, hidden in ((0, False), (1, True)):
            chosen = faces[1280 * number : 1280 * (number + 1)]
            places, face = scatter(points, chosen, areas(points, chosen), 500)
            n = cross(points, chosen)[face].astype(float)
            n /= np.linalg.norm(n, axis=1, keepdims=True)
            assert (hidden_samples(rays, places, n, 3.5) == hidden).all()

    def test_a_hole_lets_the_inside_be_seen(self) -> None:
        outer = ball()
        points, faces = solid(outer, ball(0.5))
        opened = faces[~((points[faces].mean(axis=1)[:, 2] > 0.9) & (np.arange(len(faces)) < 1280))]
        inner = opened[-1280:]
        places, face = scatter(points, inner, areas(points, inner), 400)
        n = cross(points, inner)[face].astype(float)
        n /= np.linalg.norm(n, axis=1, keepdims=True)
        hidden = hidden_samples(Rays(points, opened), places, n, 3.5)
        assert not hidden[places[:, 2] > 0.4].any()
        assert hidden[places[:, 2] < -0.3].all()

    def test_thickness_of_a_plate(self) -> None:
        points, faces = solid(trimesh.creation.box(extents=[2, 0.1, 2]))
        places = np.array([[0.3, 0.05, 0.2], [0.3, -0.05, 0.2]])
        n = np.array([[0, 1.0, 0], [0, -1, 0]])
        got = thickness(Rays(points, faces), places, n, 3.0, cross(points, faces))
        np.testing.assert_allclose(got, 0.1, rtol=1e-4)
        # wound the other way, the ray enters and does not leave
        flipped = thickness(Rays(points, faces), places, n, 3.0, -cross(points, faces))
        assert np.isinf(flipped).all()


class TestInside:
    def shells(self, *shapes: trimesh.Trimesh) -> list[int]:
        points, faces = solid(*shapes)
        made = Topology(points, faces)
        return inside_out(made.shells, lambda: Rays(made.vertices, made.solid)).tolist()

    def inverted(self, shape: trimesh.Trimesh) -> trimesh.Trimesh:
        turned = shape.copy()
        turned.invert()
        return turned

    def test_nested(self) -> None:
        assert self.shells(ball()) == []
        assert self.shells(self.inverted(ball())) == [0]
        assert self.shells(ball(), self.inverted(ball(0.5))) == []  # a cavity
        assert self.shells(ball(), self.inverted(ball(0.5, (3, 0, 0)))) == [1]
        # a ball in a cavity of a ball, and one turned inside out in that cavity
        assert self.shells(ball(), self.inverted(ball(0.8)), ball(0.3)) == []
        assert self.shells(ball(), self.inverted(ball(0.8)), self.inverted(ball(0.3))) == [2]

    def test_beside_each_other_along_the_ray(self) -> None:
        row = [ball(0.4, tuple(np.array([0.8017, 0.3511, 0.4836]) * 3 * i)) for i in range(4)]
        row[0] = self.inverted(row[0])
        assert self.shells(*row) == [0]


class TestCrossing:
    def test_an_edge_through_a_face(self) -> None:
        points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0.5, 0.5, -1], [0.5, 0.5, 1], [0.6, 0.6, 0.5]], np.float32)
        faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
        pierced, piercing = crossings(Rays(points, faces), edges(faces).unique(), 3.0)
        assert pierced.tolist() == [True, False]
        assert piercing.sum() == 2  # the upright edge and the one to the third corner

    @pytest.mark.parametrize("depth", [0.0, 1e-7])
    def test_touching_is_no_crossing(self, depth: float) -> None:
        points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0.5, 0.5, -depth], [0.5, 0.5, 1], [3, 3, 0.5]], np.float32)
        faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
        pierced, _ = crossings(Rays(points, faces), edges(faces).unique(), 3.0)
        assert not pierced.any()

    @pytest.mark.parametrize("depth", [1e-5, 1e-4, 1e-3])
    def test_the_tip_of_a_long_edge_counts_from_a_millionth_of_the_size_on(self, depth: float) -> None:
        points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0.5, 0.5, -depth], [0.5, 0.5, 1], [3, 3, 0.5]], np.float32)
        faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
        pierced, _ = crossings(Rays(points, faces), edges(faces).unique(), 3.0)
        assert pierced.tolist() == [True, False]

    def test_a_needle_through_many_sheets_marks_them_all(self) -> None:
        height = np.linspace(0.1, 0.9, 50)
        sheet = np.array([[-1, -1, 0], [1, -1, 0], [0, 1.5, 0]])
        points = np.vstack([*(sheet + np.array([0, 0, h]) for h in height), [[0, 0, 0], [0.01, 0, 1], [0, 0.01, 1]]])
        faces = np.arange(153).reshape(-1, 3).astype(np.int32)
        pierced, _ = crossings(Rays(points, faces), edges(faces).unique(), 3.0)
        assert pierced.tolist() == [True] * 50 + [False]

    def test_neighbours_are_left_out(self) -> None:
        for shape in (ball(), trimesh.creation.torus(1, 0.3), trimesh.creation.capsule(height=1, radius=0.4)):
            points, faces = solid(shape)
            pierced, _ = crossings(Rays(points, faces), edges(faces).unique(), 3.0)
            assert not pierced.any()

    def test_all_faces_on_the_seam_of_two_balls(self) -> None:
        points, faces = solid(ball(), ball(1.0, (1, 0.01, 0.02)))
        pierced, piercing = crossings(Rays(points, faces), edges(faces).unique(), 4.0)
        near = np.abs(points[faces].mean(axis=1)[:, 0] - 0.5) < 0.25
        assert pierced.sum() > 30
        assert near[pierced].all()
        assert piercing.any()

    def test_a_first_look_finds_none_or_all(self) -> None:
        points, faces = solid(ball(fine=6), ball(1.0, (1, 0.01, 0.02), 6))
        rays, ends = Rays(points, faces), edges(faces).unique()
        every, _ = crossings(rays, ends, 4.0)
        many = int(every.sum())
        assert many > 300
        np.testing.assert_array_equal(crossings(rays, ends, 4.0, many * 0.9)[0], every)
        # far fewer than asked for: what was met is told, and nothing that is not so
        some, _ = crossings(rays, ends, 4.0, len(faces) * 0.2)
        assert 0 < some.sum() < many
        assert every[some].all()
        points, faces = solid(ball(fine=5))
        assert not crossings(Rays(points, faces), edges(faces).unique(), 2.0, 400)[1].any()


class TestClusters:
    def test_who_belongs_to_whom(self) -> None:
        crumbs = [ball(0.05, (x, 0, 0), 1) for x in (1.055, 1.165, 2.0)]
        points, faces = solid(ball(fine=2), *crumbs)
        shell = Topology(points, faces).shells.label
        small = np.array([False, True, True, True])
        group = clusters(Rays(points, faces), shell, 4, small, 0.03, 3.0)
        assert group[0] == group[1] == group[2]
        assert group[3] != group[0]


class TestDirections:
    def test_unit_and_even(self) -> None:
        for made in (compass(), sphere(100)):
            np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1)
            assert np.abs(made.mean(axis=0)).max() < 0.02
        assert len(compass()) == 26

    def test_frame_is_right_handed(self) -> None:
        for d in compass():
            right, up = frame(d)
            np.testing.assert_allclose(np.cross(right, up), -d, atol=1e-12)

    def test_scatter_goes_by_area(self) -> None:
        points, faces = solid(ball(1.0, (0, 0, 0)), ball(0.1, (3, 0, 0)))
        _, face = scatter(points, faces, areas(points, faces), 10_000)
        assert (face >= 1280).mean() == pytest.approx(0.01 / 1.01, abs=2e-4)


class TestViews:
    def test_the_silhouette_of_a_ball_is_a_disc(self) -> None:
        view = look(Rays(*solid(ball(fine=4))), np.array([0.0, 0, -1]), 200)
        disc = view.silhouette.sum() * view.window.pixel**2
        assert disc == pytest.approx(np.pi, rel=0.01)
        assert view.depth[100, 100] < view.depth[100, 20]

    def test_up_is_up(self) -> None:
        cone = trimesh.creation.cone(1, 2).apply_transform(
            trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0])
        )
        view = look(Rays(*solid(cone)), np.array([0.0, 0, -1]), 64)
        rows = view.silhouette.sum(axis=1)
        assert rows[8] < rows[50]
        column, row = view.window.project(np.array([[0.0, 2, 0]]))
        assert (column[0], row[0]) in {(31, 1), (32, 1), (31, 2), (32, 2)}


class TestUVs:
    def grid(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1))
        uv = np.stack([x.ravel(), y.ravel()], 1)
        i = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
        faces = np.concatenate([np.stack([i, i + 1, i + n + 2], 1), np.stack([i, i + n + 2, i + n + 1], 1)])
        return np.column_stack([uv * 2, 0 * x.ravel()]), faces.astype(np.int32), uv

    def test_one_island_whatever_the_indices(self) -> None:
        points, faces, uv = self.grid(6)
        shared = islands(points, edges(faces), uv, faces)
        apart = islands(points, edges(faces), uv[faces].reshape(-1, 2), np.arange(faces.size).reshape(-1, 3))
        assert shared.count == apart.count == 1
        large, small = shared.stretch
        np.testing.assert_allclose(large, 2, rtol=1e-6)
        np.testing.assert_allclose(small, 2, rtol=1e-6)
        assert shared.signed.sum() == pytest.approx(1)

    def test_a_cut_makes_two(self) -> None:
        points, faces, uv = self.grid(6)
        corner = uv[faces].copy()
        corner[points[faces].mean(axis=1)[:, 0] > 1] += [0, 2]
        made = islands(points, edges(faces), corner.reshape(-1, 2), np.arange(faces.size).reshape(-1, 3))
        assert made.count == 2

    def test_every_texel_of_a_square_once(self) -> None:
        _, faces, uv = self.grid(7)
        column, row, _ = (np.concatenate(c) for c in zip(*covered(uv, faces, 64), strict=True))
        key = row * 64 + column
        assert len(distinct(key)) == len(key)  # touching triangles share none
        assert 0.9 * 64**2 < len(key) <= 64**2  # middles on an inner edge belong to neither

    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 100_000))
    def test_as_a_point_in_triangle_test(self, seed: int) -> None:
        uv = np.random.default_rng(seed).uniform(-0.2, 1.2, (3, 2))
        faces = np.array([[0, 1, 2]], np.int32)
        got = {(int(x), int(y)) for c, r, _ in covered(uv, faces, 32) for x, y in zip(c, r, strict=True)}
        x, y = np.meshgrid(np.arange(-10, 45), np.arange(-10, 45))
        place = (np.stack([x.ravel(), y.ravel()], 1) + 0.5) / 32
        a, b, c = uv
        turn = lambda p, q: (q[0] - p[0]) * (place[:, 1] - p[1]) - (q[1] - p[1]) * (place[:, 0] - p[0])  # noqa: E731
        sides = np.stack([turn(a, b), turn(b, c), turn(c, a)])
        longest = max(np.linalg.norm(a - b), np.linalg.norm(b - c), np.linalg.norm(c - a))
        sure = (np.abs(sides) > 2e-3 * longest / 32).all(axis=0)
        inside = (sides > 0).all(axis=0) | (sides < 0).all(axis=0)
        want = {(int(i), int(j)) for i, j in zip(x.ravel()[inside & sure], y.ravel()[inside & sure], strict=True)}
        unsure = {(int(i), int(j)) for i, j in zip(x.ravel()[~sure], y.ravel()[~sure], strict=True)}
        assert got - unsure == want

    def test_layouts_that_are_no_numbers_or_endless(self) -> None:
        uv = np.array([[np.nan, 0], [1, 0], [0, 1], [1e30, 1e30], [0, 0], [1e9, 5]])
        found = list(covered(uv, np.array([[0, 1, 2], [3, 4, 1], [5, 4, 2]]), 64))
        assert sum(len(c) for c, _, _ in found) == 0
