# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from pipeline.errors import RefineError
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.topology import Topology
from pipeline.refiners import refine
from pipeline.refiners.core.geometry import read_mesh

from .conftest import cube, sphere


def _topology(mesh: UsdGeom.Mesh) -> Topology:
    found: Topology = read_mesh(mesh).topology
    return found


def _twice(stage: Usd.Stage, op: str, **settings: object):  # type: ignore[no-untyped-def]
    """Run an operation and check that doing it again changes nothing."""
    first = refine(stage, "/Asset", op, settings)
    text = stage.GetRootLayer().ExportToString()
    again = refine(stage, "/Asset", op, settings)
    assert not again.changed
    assert stage.GetRootLayer().ExportToString() == text
    return first


def _soup(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points[faces.reshape(-1)], np.arange(faces.size, dtype=np.int32).reshape(faces.shape)


def test_weld_joins_points_and_keeps_every_uv(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    uv = np.random.default_rng(1).random((24, 2))
    mesh = add("box", *_soup(points, faces), uv)
    result = _twice(stage, "weld")
    assert (result.before["points"], result.after["points"]) == (24, 8)
    back = read_mesh(mesh)
    st = back.primvars["st"]
    assert np.allclose(st.values[back.corner_rows(st)], uv)
    assert len(_topology(mesh).edges.open) == 0


def test_weld_turns_vertex_uvs_with_seams_into_corner_uvs(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    mesh = add("box", *_soup(points, faces))
    uv = np.random.default_rng(1).random((24, 2)).astype(np.float32)
    from pxr import Sdf, Vt

    st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
    st.Set(Vt.Vec2fArray.FromNumpy(uv))
    _twice(stage, "weld")
    back = read_mesh(mesh)
    assert len(back.points) == 8
    rows = back.corner_rows(back.primvars["st"])
    assert np.allclose(back.primvars["st"].values[rows], uv)


def test_weld_by_tolerance_drops_what_collapses(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [1.0005, 1, 0]])
    mesh = add("sheet", points, np.array([[0, 1, 2], [0, 2, 3], [1, 4, 2]], np.int32))
    result = _twice(stage, "weld", tolerance=0.001)
    assert len(read_mesh(mesh).points) == 4
    assert len(read_mesh(mesh).counts) == 2
    assert result.error is not None
    assert result.error["max_m"] < 0.001


def test_orient_turns_a_patch_and_an_inside_out_shell(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere()
    patch = faces.copy()
    patch[5:30] = patch[5:30, ::-1]
    one = add("patch", points, patch)
    two = add("inside_out", points + np.array([4, 0, 0]), faces[:, ::-1])
    result = _twice(stage, "orient")
    assert result.details["faces_turned"] == 25 + len(faces)
    exact = 4 / 3 * np.pi
    for mesh in (one, two):
        topology = _topology(mesh)
        assert not topology.turned.any()
        assert topology.shells.volume[0] == pytest.approx(exact, rel=0.05)


def test_orient_leaves_a_cavity_alone(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere()
    both = np.concatenate([points, points * 0.5])
    add("hollow", both, np.concatenate([faces, faces[:, ::-1] + len(points)]))
    assert not refine(stage, "/Asset", "orient").changed


def test_orient_of_quads_keeps_each_corners_uv(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    uv = np.arange(48, dtype=float).reshape(24, 2)
    mesh = add("box", points, faces[:, ::-1], uv)
    _twice(stage, "orient")
    back = read_mesh(mesh)
    st = back.primvars["st"]
    before = {(f, int(p)): tuple(v) for f, p, v in zip(np.repeat(range(6), 4), faces[:, ::-1].ravel(), uv, strict=True)}
    rows = st.values[back.corner_rows(st)]
    after = {(f, int(p)): tuple(v) for f, p, v in zip(np.repeat(range(6), 4), back.corners, rows, strict=True)}
    assert before == after
    assert _topology(mesh).shells.volume[0] == pytest.approx(1)


@pytest.mark.parametrize("many", [1, 4, 9])
def test_holes_are_closed_and_the_volume_returns(stage: Usd.Stage, add, many: int) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(16)
    full = Topology(points, faces).shells.volume[0]
    near = np.argsort(np.linalg.norm(points[faces].mean(axis=1) - [0.6, 0.5, 0.6], axis=1))[:many]
    mesh = add("ball", points, np.delete(faces, near, 0))
    result = _twice(stage, "fill-holes")
    topology = _topology(mesh)
    assert len(topology.edges.open) == 0
    assert not topology.edges.conflicting.any()
    assert topology.shells.volume[0] == pytest.approx(full, rel=0.01)
    assert result.details["holes_filled"] >= 1


def test_a_long_hole_stays_and_is_told(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(12)
    mesh = add("cup", points, faces[points[faces].mean(axis=1)[:, 1] < 0])
    result = refine(stage, "/Asset", "fill-holes")
    assert not result.changed
    assert result.details["holes_left"] == 1
    assert refine(stage, "/Asset", "fill-holes", {"longest": 3}).changed
    assert len(_topology(mesh).edges.open) == 0


def test_filled_corners_take_the_rims_uvs_and_subsets(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = cube()
    uv = points[faces.reshape(-1)][:, :2]
    mesh = add("box", points, faces[1:], uv[4:])
    UsdGeom.Subset.CreateGeomSubset(mesh, "paint", "face", [0, 1, 2, 3, 4])
    _twice(stage, "fill-holes", longest=3)
    back = read_mesh(mesh)
    assert back.subsets["paint"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    st = back.primvars["st"]
    assert np.allclose(st.values[back.corner_rows(st)], back.points[back.corners][:, :2])


def test_degenerate_and_duplicate_faces_go(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(8)
    broken = np.concatenate([faces, faces[:3], [[1, 2, 2], [3, 3, 3]], faces[7:9, ::-1]])
    mesh = add("ball", points, broken)
    assert _twice(stage, "remove-degenerate").details["faces_removed"] == 2
    assert _twice(stage, "remove-duplicates").details["faces_removed"] == 5
    assert len(read_mesh(mesh).counts) == len(faces)
    assert np.array_equal(read_mesh(mesh).corners.reshape(-1, 3), faces)


def test_floaters_go_and_what_touches_stays(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(16)
    crumb, crumb_faces = sphere(4, 0.02)
    add("ball", points, faces)
    add("crumb", crumb + np.array([2, 0, 0]), crumb_faces)
    add("button", crumb + np.array([1.01, 0, 0]), crumb_faces)
    result = _twice(stage, "remove-floaters")
    assert result.details["bodies_removed"] == 1
    assert not stage.GetPrimAtPath("/Asset/geo/crumb").IsActive()
    assert stage.GetPrimAtPath("/Asset/geo/button").IsActive()


def test_hidden_shells_go(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(16)
    mesh = add("ball", np.concatenate([points, points * 0.9]), np.concatenate([faces, faces + len(points)]))
    result = _twice(stage, "remove-hidden")
    assert result.details["shells_removed"] == 1
    back = read_mesh(mesh)
    assert len(back.counts) == len(faces)
    assert np.allclose(np.linalg.norm(back.points, axis=1), 1, atol=1e-5)


def test_fins_are_cut_and_touching_cubes_parted(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    points, faces = sphere(12)
    tip = len(points)
    fin = add("fin", np.vstack([points, [2, 0, 0]]), np.vstack([faces, [faces[20][0], faces[20][1], tip]]))
    a, quads = cube()
    both = np.concatenate([a, a + np.array([1, 1, 0])])  # they share an edge
    pair = add("pair", both, np.concatenate([quads, quads + 8]))
    corner = add("corner", np.concatenate([a, a + np.array([1, 1, 1])]), np.concatenate([quads, quads + 8]))
    assert len(_topology(pair).edges.crowded) == 1
    assert len(_topology(corner).split_vertices) == 1
    result = _twice(stage, "split-non-manifold")
    assert result.details["fins_removed"] == 1
    assert len(read_mesh(fin).counts) == len(faces)
    for mesh in (fin, pair, corner):
        assert len(_topology(mesh).edges.crowded) == 0
        assert len(_topology(mesh).split_vertices) == 0
        assert len(_topology(mesh).edges.open) == 0
    assert result.error is not None


def test_flipping_twice_is_nothing() -> None:
    points, faces = cube()
    mesh = PolygonMesh(points.astype(np.float32), np.full(6, 4, np.int32), faces.reshape(-1))
    turn = np.array([1, 0, 1, 0, 0, 1], bool)
    assert np.array_equal(mesh.flipped(turn).flipped(turn).corners, mesh.corners)


@pytest.mark.parametrize("op", ["weld", "orient", "remove-floaters", "fill-holes", "decimate", "unwrap", "collision"])
def test_broken_geometry_is_refused_in_words(stage: Usd.Stage, add, op: str) -> None:  # type: ignore[no-untyped-def]
    for name, points in (("huge", np.eye(3) * 1e30), ("nan", np.full((3, 3), np.nan)), ("none", np.zeros((0, 3)))):
        add(name, points, np.array([[0, 1, 2]], np.int32))
    with pytest.raises(RefineError, match="nothing to refine"):
        refine(stage, "/Asset", op)
    add("point", np.zeros((3, 3)), np.array([[0, 1, 2]], np.int32))
    with contextlib.suppress(RefineError):
        refine(stage, "/Asset", op)
