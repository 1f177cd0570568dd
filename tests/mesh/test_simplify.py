# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MissingDependency
from pipeline.mesh import meshopt
from pipeline.mesh import simplify as module
from pipeline.mesh.deviation import deviation
from pipeline.mesh.nearest import closest_weights
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.rays import Rays
from pipeline.mesh.refit import refit
from pipeline.mesh.seams import split
from pipeline.mesh.shading import corner_normals
from pipeline.mesh.simplify import engine, simplify
from pipeline.mesh.unwrap import Layout, pack
from pipeline.mesh.views import look, look_through
from pipeline.mesh.weights import blended, limited

needs_meshopt = pytest.mark.skipif(not meshopt.available(), reason="meshoptimizer is not installed")


def _grid(steps: int, height: float = 0.0) -> PolygonMesh:
    x, y = np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1), indexing="ij")
    points = np.stack([x, y, height * np.sin(6 * x) * np.sin(6 * y)], axis=2).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(range(steps), range(steps), indexing="ij")
    a = (i * (steps + 1) + j).reshape(-1)
    quads = np.stack([a, a + steps + 1, a + steps + 2, a + 1], axis=1).astype(np.int32)
    return PolygonMesh(points, np.full(len(quads), 4, np.int32), quads.reshape(-1))


def _brute(p: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    s, t = np.meshgrid(np.linspace(0, 1, 201), np.linspace(0, 1, 201))
    ok = s + t <= 1
    places = a + s[ok][:, None] * (b - a) + t[ok][:, None] * (c - a)
    return float(np.linalg.norm(places - p, axis=1).min())


coordinate = st.floats(-2, 2, width=32)
point = st.tuples(coordinate, coordinate, coordinate).map(np.array)


@settings(max_examples=40, deadline=None)
@given(point, point, point, point)
def test_nearest_place_in_a_triangle_beats_a_fine_grid(p, a, b, c) -> None:  # type: ignore[no-untyped-def]
    weights = closest_weights(p[None], a[None], b[None], c[None])[0]
    assert weights.min() >= -1e-9
    assert weights.sum() == pytest.approx(1)
    distance = np.linalg.norm(weights @ np.stack([a, b, c]) - p)
    brute = _brute(p, a, b, c)
    assert distance <= brute + 1e-6
    assert distance >= brute - 0.05


def test_distance_between_parallel_sheets_is_their_gap() -> None:
    low, high = _grid(8), _grid(8)
    raised = high.points + np.array([0, 0, 0.25], np.float32)
    found = deviation(low.points, low.triangles, raised, high.triangles, 2000)
    assert found.mean == pytest.approx(0.25, rel=1e-5)
    assert found.maximum == pytest.approx(0.25, rel=1e-5)
    assert deviation(low.points, low.triangles, low.points, low.triangles, 500).maximum < 1e-6


def test_a_flat_sheet_becomes_two_triangles_without_error() -> None:
    found = simplify(_grid(20), 2)
    assert found.triangles == 2
    gap = deviation(_grid(20).points, _grid(20).triangles, found.mesh.points, found.mesh.triangles, 1000)
    assert gap.maximum < 5e-4  # the measure itself errs upward by its samples


@needs_meshopt
def test_the_fit_lowers_the_error() -> None:
    mesh = _grid(90, 0.1)
    plain, fitted = simplify(mesh, 300, fit=False), simplify(mesh, 300)
    assert 295 <= fitted.triangles <= plain.triangles <= 300
    gap = [deviation(mesh.points, mesh.triangles, m.mesh.points, m.mesh.triangles).mean for m in (plain, fitted)]
    assert gap[1] < 0.85 * gap[0]
    found = fitted.mesh.topology.edges
    border = fitted.mesh.points[np.unique(found.ends(found.open))]
    assert np.abs(border[:, :2] - 0.5).max(axis=1) == pytest.approx(0.5, abs=2e-3)
    assert border[:, 2] == pytest.approx(0.1 * np.sin(6 * border[:, 0]) * np.sin(6 * border[:, 1]), abs=2e-3)


def test_a_round_outline_stays_round() -> None:
    steps = np.linspace(-1, 1, 81)
    x, y = np.meshgrid(steps, steps, indexing="ij")
    shrink = np.maximum(np.abs(x), np.abs(y)) / np.maximum(np.hypot(x, y), 1e-9)
    disc = _grid(80)
    disc = replace(disc, points=np.stack([x * shrink, y * shrink, 0 * x], 2).reshape(-1, 3).astype(np.float32))
    found = simplify(disc, 120).mesh
    edges = found.topology.edges
    border = found.points[np.unique(edges.ends(edges.open))]
    # chords of a circle are off by their height; sides may differ in length
    height = 1 - np.cos(np.pi / len(border))
    assert np.hypot(border[:, 0], border[:, 1]) == pytest.approx(1, abs=6 * height)


@pytest.mark.parametrize("name", [pytest.param("meshoptimizer", marks=needs_meshopt), "opengl-decimate"])
def test_uvs_of_moved_vertices_are_those_of_the_surface_there(name: str) -> None:
    """Two islands whose UVs are the place itself, turned and shifted: known at every vertex."""
    mesh = _grid(60, 0.05)
    at = mesh.points[mesh.corners][:, :2]
    right = np.repeat(at.reshape(-1, 4, 2).mean(axis=1)[:, 0] > 0.5, 4)
    uv = np.where(right[:, None], 3 - at[:, ::-1], at).astype(np.float32)
    made = replace(mesh, primvars={"st": Primvar(uv, None, "faceVarying", "texCoord2f[]")})
    found = simplify(made, 400, use=name).mesh
    st_of = found.primvars["st"]
    values = st_of.values[found.corner_rows(st_of)].reshape(-1, 3, 2)
    there = found.points[found.triangles][:, :, :2]
    other = values.mean(axis=(1, 2)) > 1.5
    assert other.any()
    assert not other.all()
    # no triangle bridges the islands, and the seam is where it was
    assert np.all((values > 1.5).all(axis=(1, 2)) == other)
    gap = np.abs(values - np.where(other[:, None, None], 3 - there[:, :, ::-1], there)).max(axis=2)
    assert gap.max() < 0.01
    assert gap.mean() < 3e-4


@pytest.mark.parametrize("name", [pytest.param("meshoptimizer", marks=needs_meshopt), "opengl-decimate"])
def test_silhouettes_stay_from_every_side(name: str) -> None:
    """A twelfth of a lumpy ball's triangles: outlines of 13 views overlap the original's by 98 % and more."""
    ball = trimesh.creation.icosphere(subdivisions=5)
    lumps = 1 + 0.15 * np.sin(5 * ball.vertices[:, 0] + 1) * np.cos(4 * ball.vertices[:, 2])
    points = (ball.vertices * lumps[:, None]).astype(np.float32)
    faces = np.asarray(ball.faces, np.int32)
    found = simplify(PolygonMesh(points, np.full(len(faces), 3, np.int32), faces.reshape(-1)), 1700, use=name).mesh
    before, after = Rays(points, faces), Rays(found.points, found.triangles)
    sides = np.array([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) > (0, 0, 0)])
    for side in sides / np.linalg.norm(sides, axis=1, keepdims=True):
        seen = look(before, side, 128)
        now = look_through(after, seen.window)
        both, either = seen.silhouette & now.silhouette, seen.silhouette | now.silhouette
        assert both.sum() > 0.98 * either.sum()


def test_influences_of_a_mixture_are_its_mean() -> None:
    joints = np.array([[[0, 1], [1, 2], [0, 0]]])
    weights = np.array([[[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]])
    index, value = blended(joints, weights, np.array([[0.5, 0.25, 0.25]]))
    # joint 0: 0.25 + 0.25, joint 1: 0.25 + 0.25
    assert sorted(index[0].tolist()) == [0, 1]
    assert value[0] == pytest.approx([0.5, 0.5])


@needs_meshopt
def test_attributes_and_locks_reach_the_library() -> None:
    mesh = _grid(30)
    locked = np.zeros(len(mesh.points), bool)
    locked[[100, 333, 500]] = True
    faces, _ = meshopt.simplify(mesh.points, mesh.triangles, 20, locked=locked)
    assert {100, 333, 500} <= set(faces.reshape(-1).tolist())
    # a step in an attribute on a flat sheet must keep an edge along it
    step = (mesh.points[:, :1] > 0.51).astype(np.float32)
    faces, error = meshopt.simplify(mesh.points, mesh.triangles, 60, step, np.ones(1))
    corner = step[faces][:, :, 0]
    x = mesh.points[faces][:, :, 0]
    mixed = corner.min(axis=1) != corner.max(axis=1)
    assert np.ptp(x[mixed], axis=1).max() < 0.12
    assert error >= 0


def test_without_any_engine_the_line_to_type_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshopt, "_library", lambda: None)
    assert engine() == "opengl-decimate"
    monkeypatch.setattr(module, "is_there", lambda: False)
    with pytest.raises(MissingDependency, match="pip install"):
        engine()
    with pytest.raises(MissingDependency, match="pip install"):
        meshopt.simplify(np.zeros((3, 3)), np.array([[0, 1, 2]]), 1)


def test_a_library_that_is_none_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "libnothing.so").write_bytes(b"no library")
    monkeypatch.setenv("GATES_MESHOPT", str(tmp_path / "libnothing.so"))
    meshopt._library.cache_clear()
    try:
        found = meshopt._library()
        assert found is None or isinstance(found, ctypes.CDLL)
    finally:
        meshopt._library.cache_clear()


def test_a_soup_of_loose_triangles_is_welded_before_it_is_reduced() -> None:
    mesh = _grid(40, 0.1)
    soup = PolygonMesh(
        mesh.points[mesh.triangles.reshape(-1)], np.full(len(mesh.triangles), 3, np.int32),
        np.arange(mesh.triangles.size, dtype=np.int32),
    )  # fmt: skip
    assert simplify(soup, 300).triangles <= 300


def test_seams_split_where_values_differ_and_nowhere_else() -> None:
    mesh = _grid(2)
    uv = mesh.points[mesh.corners][:, :2].copy()
    uv[:4] += 5  # the first face is an island of its own
    with_uv = PolygonMesh(
        mesh.points, mesh.counts, mesh.corners, {"st": Primvar(uv, None, "faceVarying", "texCoord2f[]")}
    )
    found = split(with_uv)
    assert len(found.corner) == 9 + 3  # its three shared corners, and the one that is its own, moved
    assert np.array_equal(found.points, mesh.points[found.position])
    st_values = found.values(with_uv.primvars["st"])
    assert np.allclose(st_values[found.faces[:2]] - 5, found.points[found.faces[:2]][:, :, :2])


def test_creases_are_hard_and_curves_soft() -> None:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float32)
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32)
    mesh = PolygonMesh(corners, np.full(6, 4, np.int32), quads.reshape(-1))
    hard = corner_normals(mesh, 60)
    assert np.abs(hard).max(axis=2) == pytest.approx(1)  # along an axis each
    soft = corner_normals(mesh, 120)
    outward = (corners - 0.5) / np.linalg.norm(corners[0] - 0.5)
    assert soft == pytest.approx(outward[mesh.triangles], abs=1e-6)  # three right angles at each corner


def test_a_fit_of_a_surface_to_itself_moves_nothing() -> None:
    mesh = _grid(20, 0.1)
    moved = refit(mesh.points, mesh.triangles, mesh.points, mesh.triangles).points
    assert np.abs(moved - mesh.points).max() < 1e-5


def test_packing_equalises_and_keeps_every_triangle() -> None:
    mesh = _grid(4)
    uv = mesh.points[mesh.corners][:, :2].astype(np.float32)
    layout = Layout(uv, mesh.triangle_corners.astype(np.int32))
    far = mesh.points + np.array([3, 0, 0], np.float32)
    small = Layout(uv * 0.1, layout.corners)
    [one, two], facts = pack([(mesh.points, mesh.triangles, layout), (far, mesh.triangles, small)], 256, 2)
    sizes = [np.ptp(x.uv, axis=0).max() for x in (one, two)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert facts["charts"] == 2
    for found in (one, two):
        assert found.uv.min() >= 0
        assert found.uv.max() <= 1


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_limited_weights_sum_to_one_and_limiting_again_is_nothing(width: int, most: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    joints, weights = random.integers(0, 4, (20, width)), random.random((20, width)) - 0.2
    index, value = limited(joints, weights, most)
    assert value.shape[1] == min(width, most)
    assert value.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert np.all(np.diff(value, axis=1) <= 1e-7)
    again, same = limited(index, value, most)
    assert same == pytest.approx(value, abs=1e-6)
    assert np.array_equal(np.where(same > 0, again, 0), np.where(value > 0, index, 0)) or len(np.unique(value)) < 20


def test_the_largest_distance_is_the_true_one() -> None:
    """Against all triangles one by one, where the nearest of a few candidates would be too far."""
    fine = trimesh.creation.icosphere(subdivisions=4)
    long = trimesh.creation.cylinder(radius=1.0, height=2.0, sections=9)  # few, long triangles
    told = deviation(fine.vertices, fine.faces, long.vertices, long.faces, count=500, seed=3)
    corner = long.vertices[long.faces]
    places = np.repeat(fine.vertices, len(corner), axis=0)
    weights = closest_weights(places, *np.tile(corner, (len(fine.vertices), 1, 1)).transpose(1, 0, 2))
    at = np.einsum("ki,kij->kj", weights, np.tile(corner, (len(fine.vertices), 1, 1)))
    exact = np.linalg.norm(places - at, axis=1).reshape(len(fine.vertices), -1).min(axis=1).max()
    # the rims of the cylinder stick out farthest: sqrt(2) - 1 from the ball
    assert told.maximum == pytest.approx(max(exact, np.sqrt(2) - 1), rel=0.02)


def test_what_is_missed_most_gets_a_vertex() -> None:
    """The budget is kept, and the largest error falls against spending all of it on the collapse."""
    ball = trimesh.creation.icosphere(subdivisions=5)
    points = ball.vertices * (1 + 0.05 * np.sin(9 * ball.vertices[:, :1]) * np.cos(7 * ball.vertices[:, 1:2]))
    mesh = PolygonMesh(
        points.astype(np.float32), np.full(len(ball.faces), 3, np.int32), ball.faces.reshape(-1).astype(np.int32)
    )
    found = simplify(mesh, 1000).mesh
    assert 980 <= len(found.triangles) <= 1000
    assert len(found.topology.edges.open) == len(found.topology.edges.crowded) == 0
    assert np.abs(found.topology.shells.volume[0] / mesh.topology.shells.volume[0] - 1) < 2e-3
