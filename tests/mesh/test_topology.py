# SPDX-License-Identifier: Apache-2.0
"""Weld, edges, shells, borders, fans and winding against trimesh and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.mesh import Topology, components, edges, weld
from pipeline.mesh.fans import split_vertices
from pipeline.mesh.loops import loops


class TestWeld:
    def test_equal_places_and_both_zeros_are_one(self) -> None:
        points = np.array([[0, 0, 0], [1, 0, 0], [-0.0, 0, -0.0], [1, 0, 0], [2, 0, 0]], np.float32)
        made = weld(points)
        assert made.index.tolist() == [0, 1, 0, 1, 2]
        assert made.first.tolist() == [0, 1, 4]

    def test_tolerance_joins_what_is_near_and_chains(self) -> None:
        points = np.array([[0, 0, 0], [0.9, 0, 0], [1.8, 0, 0], [5, 0, 0]])
        assert weld(points, 1.0).index.tolist() == [0, 0, 0, 1]
        assert weld(points, 0.8).index.tolist() == [0, 1, 2, 3]
        assert weld(points, 1.0, among=np.array([True, True, False, False])).index.tolist() == [0, 0, 1, 2]
        reach = np.array([0.5, 1.0, 1.0, 1.0])
        assert weld(points, 1.0, reach=reach).index.tolist() == [0, 1, 1, 2]

    def test_nothing(self) -> None:
        assert weld(np.zeros((0, 3), np.float32)).count == 0

    @settings(deadline=None, max_examples=60)
    @given(arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.sampled_from([0, 1, 2, -1])))
    def test_as_numpy_unique(self, points: np.ndarray) -> None:
        made = weld(points)
        distinct, index = np.unique(points + 0.0, axis=0, return_inverse=True)
        assert made.count == len(distinct)
        np.testing.assert_array_equal(points[made.first][made.index] + 0.0, points + 0.0)
        assert len({(a, b) for a, b in zip(made.index, index.reshape(-1), strict=True)}) == made.count
        np.testing.assert_array_equal(np.sort(made.first), made.first)

    def test_keys_that_collide_are_told_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import sys

        monkeypatch.setattr(sys.modules["pipeline.mesh.weld"], "_MIX", (0, 0, 0))
        points = np.random.default_rng(0).integers(0, 3, (50, 3)).astype(np.float32)
        assert weld(points).count == len(np.unique(points, axis=0))


def random_soup(seed: int, faces: int = 120, vertices: int = 30) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, vertices, (faces, 3))
    keep = (drawn[:, 0] != drawn[:, 1]) & (drawn[:, 1] != drawn[:, 2]) & (drawn[:, 2] != drawn[:, 0])
    return drawn[keep].astype(np.int32)


class TestEdges:
    @pytest.mark.parametrize("seed", range(5))
    def test_counts_of_a_soup(self, seed: int) -> None:
        faces = random_soup(seed)
        made = edges(faces)
        every = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        distinct, count = np.unique(every, axis=0, return_counts=True)
        np.testing.assert_array_equal(np.sort(made.unique(), axis=1), distinct)
        np.testing.assert_array_equal(made.count, count)
        assert sorted(made.half) == list(range(3 * len(faces)))

    def test_large_numbers_take_the_other_way(self) -> None:
        faces = random_soup(1)
        far = faces.astype(np.int64) * 60_000_000
        far = (far % (2**31 - 8)).astype(np.int32)  # 31 bits twice and a half-edge do not fit in one word
        near, wide = edges(faces), edges(far)
        assert len(wide.start) == len(np.unique(np.sort(far[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1), axis=0))
        assert len(near.start) == len(wide.start)

    def test_twins_of_a_box(self) -> None:
        box = trimesh.creation.box()
        made = edges(box.faces)
        twin = made.twin
        assert (twin >= 0).all()
        np.testing.assert_array_equal(twin[twin], np.arange(36))
        np.testing.assert_array_equal(made.ends(np.arange(36)), made.ends(twin)[:, ::-1])


class TestTopology:
    def of(self, mesh: trimesh.Trimesh) -> Topology:
        return Topology(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces))

    @pytest.mark.parametrize("made", [trimesh.creation.icosphere(3), trimesh.creation.torus(1, 0.3)])
    def test_against_trimesh(self, made: trimesh.Trimesh) -> None:
        mine = self.of(made)
        assert mine.shells.count == made.body_count
        assert mine.shells.volume[0] == pytest.approx(made.volume, rel=1e-5)
        assert mine.area.sum() == pytest.approx(made.area, rel=1e-5)
        assert mine.shells.closed.all() is np.True_
        assert len(mine.edges.start) == len(made.edges_unique)
        # Euler's formula
        assert len(mine.vertices) - len(mine.edges.start) + len(mine.solid) == made.euler_number

    def test_seams_do_not_split_a_body(self) -> None:
        ball = trimesh.creation.icosphere(2)
        soup = Topology(ball.triangles.reshape(-1, 3).astype(np.float32), np.arange(3 * len(ball.faces)).reshape(-1, 3))
        assert soup.shells.count == 1
        assert soup.loops.count == 0
        assert len(soup.vertices) == len(ball.vertices)

    def test_dead_faces_are_left_out(self) -> None:
        box = trimesh.creation.box()
        mine = Topology(box.vertices, np.vstack([box.faces, [[0, 1, 1]], box.faces[:2, [2, 0, 1]]]))
        assert mine.degenerate.sum() == 1
        assert mine.duplicate.sum() == 2
        assert mine.live.tolist() == list(range(12))
        assert len(mine.edges.crowded) == 0

    def test_a_body_of_two_faces_is_no_repeat_where_only_two_sides_are_shared(self) -> None:
        points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 0, 0], [6, 0, 0], [5, 1, 0], [6, 1, 0]], np.float32)
        faces = np.array([[0, 1, 2], [3, 4, 5], [4, 6, 5], [2, 1, 0], [1, 1, 0]])
        mine = Topology(points, faces)
        assert mine.duplicate.tolist() == [False, False, False, True, False]
        assert mine.live.tolist() == [0, 1, 2]

    @settings(deadline=None, max_examples=40)
    @given(arrays(np.int32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.integers(0, 7)))
    def test_repeats_of_any_soup_as_numpy_finds_them(self, faces: np.ndarray) -> None:
        points = np.random.default_rng(1).random((8, 3)).astype(np.float32)
        seen: set[tuple[int, ...]] = set()
        expected = []
        for face in np.sort(faces, axis=1).tolist():
            sound = len(set(face)) == 3
            expected.append(sound and tuple(face) in seen)
            if sound:
                seen.add(tuple(face))
        assert Topology(points, faces).duplicate.tolist() == expected

    def test_slivers_by_the_law_of_sines(self) -> None:
        random = np.random.default_rng(3)
        points = (random.random((3000, 3)) * random.choice([1e-3, 1, 30], (3000, 1))).astype(np.float32)
        mine = Topology(points, np.arange(3000).reshape(-1, 3))
        angles = trimesh.Trimesh(mine.vertices.astype(np.float64), mine.solid, process=False).face_angles
        for degrees in (0.5, 2.0, 10.0, 45.0):
            np.testing.assert_array_equal(
                mine.narrow(np.sin(np.radians(degrees))), angles.min(axis=1) < np.radians(degrees)
            )

    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 10_000), st.floats(0.05, 0.95))
    def test_turning_any_faces_is_seen_and_undone(self, seed: int, share: float) -> None:
        ball = trimesh.creation.icosphere(2)
        random = np.random.default_rng(seed)
        faces = ball.faces.copy()
        turned = random.random(len(faces)) < share
        faces[turned] = faces[turned][:, ::-1]
        mine = Topology(ball.vertices, faces)
        back = mine.solid.copy()
        back[mine.turned] = back[mine.turned][:, ::-1]
        again = Topology(ball.vertices, back)
        assert not again.edges.conflicting.any()
        assert mine.area[mine.turned].sum() <= mine.area.sum() / 2 + 1e-9

    def test_loops_of_an_open_cylinder(self) -> None:
        tube = trimesh.creation.cylinder(1, 2, sections=32)
        side = np.abs(tube.face_normals[:, 2]) < 0.5
        mine = Topology(tube.vertices, tube.faces[side])
        assert mine.loops.count == 2
        ring = 32 * 2 * np.sin(np.pi / 32)
        np.testing.assert_allclose(mine.loops.length, ring, rtol=1e-6)
        assert loops(mine.vertices, mine.edges, mine.edges.open[:0]).count == 0

    def test_components(self) -> None:
        label, count = components(np.array([[0, 1], [3, 4], [4, 5]]), 7)
        assert count == 4
        assert label[0] == label[1]
        assert label[3] == label[4] == label[5]
        assert len({label[0], label[2], label[3], label[6]}) == 4


class TestFans:
    def brute(self, faces: np.ndarray, vertices: int) -> set[int]:
        """Vertices whose faces fall into more than one group joined by shared edges, the slow way."""
        every, count = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1), axis=0, return_counts=True)
        crowded = {int(v) for e, c in zip(every, count, strict=True) if c > 2 for v in e}
        found = set()
        for v in range(vertices):
            around = [set(map(int, f)) for f in faces if v in f]
            groups: list[set[int]] = []
            for face in around:
                rest = face - {v}
                touching = [g for g in groups if g & rest]
                groups = [g for g in groups if not g & rest] + [rest.union(*touching)]
            if len(groups) > 1 and v not in crowded:
                found.add(v)
        return found

    @pytest.mark.parametrize("seed", range(12))
    def test_soups_with_and_without_order(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        ball = trimesh.creation.icosphere(1)
        faces = ball.faces[random.random(len(ball.faces)) < 0.6]  # many touch in points only
        turned = random.random(len(faces)) < 0.3
        faces[turned] = faces[turned][:, ::-1]
        assert set(split_vertices(edges(faces), len(ball.vertices)).tolist()) == self.brute(faces, len(ball.vertices))

    def test_vertices_of_many_faces(self) -> None:
        cone = trimesh.creation.cone(1, 1, sections=200)
        assert len(split_vertices(edges(cone.faces), len(cone.vertices))) == 0
        # two cones tip to tip
        tip = int(np.argmax(cone.vertices[:, 2]))
        n = len(cone.vertices)
        other = cone.faces[:, ::-1] + n
        other[other == n + tip] = tip
        assert split_vertices(edges(np.vstack([cone.faces, other])), 2 * n).tolist() == [tip]

    def test_bodies_that_meet_in_a_point_with_and_without_handles(self) -> None:
        for shape in (trimesh.creation.icosphere(2), trimesh.creation.torus(1, 0.3)):
            whole = Topology(np.asarray(shape.vertices, np.float32), shape.faces)
            assert whole.split_vertices.tolist() == []
            far = int(np.argmax(shape.vertices[:, 0]))
            other = shape.vertices * [-1, 1, 1] + [2 * shape.vertices[far, 0], 0, 0]
            both = np.vstack([shape.vertices, other]).astype(np.float32)
            both[len(shape.vertices) + far] = both[far]
            touching = Topology(both, np.vstack([shape.faces, shape.faces[:, ::-1] + len(shape.vertices)]))
            assert touching.shells.count == 2
            assert touching.split_vertices.tolist() == [far]


def test_few_nodes_are_labelled_as_scipy_labels_them() -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from pipeline.mesh.shells import components

    random = np.random.default_rng(4)
    for _ in range(200):
        size, many = int(random.integers(1, 60)), int(random.integers(0, 60))
        pairs = random.integers(0, size, (many, 2))
        graph = coo_array((np.ones(many), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
        count, label = connected_components(graph, directed=False)
        mine, found = components(pairs, size)
        assert found == count
        assert np.array_equal(mine, label)


@pytest.mark.parametrize("shuffled", [False, True])
def test_counted_and_sorted_half_edges_are_the_same(shuffled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    module = import_module("pipeline.mesh.edges")  # the package exports the function of that name

    random = np.random.default_rng(2)
    faces = np.asarray(trimesh.creation.icosphere(3).faces, np.int32)
    faces = np.concatenate([faces, faces[random.integers(0, len(faces), 200)]])  # some edges have three and four faces
    if shuffled:
        faces = faces[random.permutation(len(faces))]
    counted, ordered = [], []
    for many, result in ((0, counted), (1 << 40, ordered)):
        monkeypatch.setattr(module, "_MANY", many)
        found = edges(faces)
        result += [found.half, found.start, found.count]
    assert all(np.array_equal(a, b) for a, b in zip(counted, ordered, strict=True))
