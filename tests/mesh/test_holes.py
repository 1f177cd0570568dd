# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mesh.curving import curved
from pipeline.mesh.edges import edges
from pipeline.mesh.inlay import inlaid
from pipeline.mesh.patches import Patches, patches
from pipeline.mesh.piercing import piercing
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.rings import rings
from pipeline.mesh.topology import Topology


def _ball(level: int = 3) -> tuple[np.ndarray, np.ndarray]:
    made = trimesh.creation.icosphere(subdivisions=level)
    return np.asarray(made.vertices), np.asarray(made.faces, np.int32)


def _closed(points: np.ndarray, faces: np.ndarray, curve: bool = True) -> tuple[Topology, Patches]:
    topology = Topology(points, faces)
    flat = patches(topology.vertices, topology.edges, rings(topology.edges, topology.edges.open))
    return topology, curved(topology.vertices, topology.edges, flat) if curve else flat


def _mesh(points: np.ndarray, faces: np.ndarray, **primvars: Primvar) -> PolygonMesh:
    counts = np.full(len(faces), faces.shape[1], np.int32)
    return PolygonMesh(np.asarray(points, np.float32), counts, faces.reshape(-1).astype(np.int32), primvars)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.02, 0.9))
def test_rings_are_simple_closed_and_nobody_is_lost(seed: int, share: float) -> None:
    _, faces = _ball(2)
    found = edges(faces[np.random.default_rng(seed).random(len(faces)) > share].reshape(-1, 3))
    made = rings(found, found.open)
    assert made.left == 0  # consistently wound: every border closes
    assert np.array_equal(np.sort(made.half), np.sort(found.open))
    for start, size in zip(made.start, made.size, strict=True):
        ends = found.ends(made.half[start : start + size])
        assert np.array_equal(np.roll(ends[:, 0], -1), ends[:, 1])
        assert len(set(ends[:, 0].tolist())) == size


def test_two_holes_that_touch_in_a_corner_are_two() -> None:
    faces = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [0, 5, 1], [1, 5, 2], [2, 5, 3], [3, 5, 0]])
    found = edges(np.delete(faces, [0, 2], 0))
    assert rings(found, found.open).size.tolist() == [3, 3]


def test_a_patch_goes_on_as_the_ball_does() -> None:
    points, faces = _ball(4)
    cap = points[faces].mean(axis=1)[:, 2] > 0.93
    topology, round_one = _closed(points, faces[~cap])
    _, flat = _closed(points, faces[~cap], curve=False)
    assert len(flat.points) == 0
    # 1 is the ball's radius; a flat lid lies at the height of the rim
    assert np.abs(np.linalg.norm(round_one.points, axis=1) - 1).max() < 0.01
    rim = topology.vertices[topology.edges.ends(topology.edges.open)[:, 0]]
    assert rim[:, 2].max() < 0.95
    assert round_one.points[:, 2].max() > 0.99
    whole = edges(np.concatenate([topology.solid, round_one.faces]).astype(np.int32))
    assert len(whole.open) == len(whole.crowded) == 0
    # as dense as what was there: within a third of the faces that were cut out
    assert len(round_one.faces) == pytest.approx(int(cap.sum()), rel=1 / 3)


def test_no_edge_gets_a_third_face() -> None:
    # two tetrahedra on one edge, a face of each away: the ring's short chord is that edge
    points = np.array([[0, 0, 0], [0, 0.1, 0], [1, 0, 0.4], [1, 0, -0.4], [-1, 0, 0.4], [-1, 0, -0.4]], float)
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 0, 4], [0, 1, 5], [0, 5, 4]])
    found = edges(faces)
    made = patches(points, found, rings(found, found.open))
    whole = edges(np.concatenate([faces, made.faces]).astype(np.int32))
    assert whole.count.max() <= found.count.max()


def test_cards_and_loose_triangles_have_no_hole() -> None:
    card = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [5, 0, 0], [6, 0, 0], [5, 1, 0]], float)
    topology, made = _closed(card, np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6]], np.int32))
    assert len(made.faces) == 0
    assert made.sheets == 1
    assert not piercing(topology, made).any()


def test_a_long_rim_is_closed_whole() -> None:
    count = 5000
    turn = np.arange(count) * 2 * np.pi / count
    ring = np.stack([np.cos(turn), 0.05 * np.sin(5 * turn), np.sin(turn)], axis=1)
    points = np.concatenate([ring, [[0, -2, 0]]])
    here = np.arange(count)
    faces = np.stack([here, (here + 1) % count, np.full(count, count)], axis=1).astype(np.int32)
    topology, made = _closed(points, faces, curve=False)
    whole = edges(np.concatenate([topology.solid, made.faces]).astype(np.int32))
    assert len(whole.open) == len(whole.crowded) == 0
    area = trimesh.Trimesh(np.asarray(points), made.faces, process=False).area
    assert area == pytest.approx(np.pi, rel=0.05)  # a disc, hardly bent


def _sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0), indexing="ij")
    points = np.stack([x, 0 * x, y], axis=-1).reshape(-1, 3)
    i, j = (k.reshape(-1) for k in np.meshgrid(np.arange(side), np.arange(side), indexing="ij"))
    a = i * (side + 1) + j
    return points, np.stack([a, a + 1, a + side + 2, a + side + 1], axis=1)


def test_a_patch_across_a_seam_stays_on_its_sides() -> None:
    """A flat sheet in two islands, each an exact map of the plane: whatever is laid over obeys one of the maps."""
    points, quads = _sheet(12)
    middle = points[quads].mean(axis=1)
    left = middle[:, 0] < 6
    uv = np.where(left[:, None, None], points[quads][..., [0, 2]] / 30, 0.5 + points[quads][..., [2, 0]] / 30)
    hole = np.abs(middle - [6.5, 0, 6]).max(axis=1) < 2.6  # not symmetric to the seam
    st_ = Primvar(uv[~hole].reshape(-1, 2).astype(np.float32), None, "faceVarying", "texCoord2f[]")
    up = Primvar(np.tile(np.float32([0, 1, 0]), (4 * int((~hole).sum()), 1)), None, "faceVarying", "normal3f[]")
    shade = Primvar((points[:, :1] * [1, 2, 3]).astype(np.float32), None, "vertex", "color3f[]")
    mesh = _mesh(points, quads[~hole], st=st_, normals=up, shade=shade)
    mesh = PolygonMesh(
        mesh.points, mesh.counts, mesh.corners, mesh.primvars, {"left": np.flatnonzero(left[~hole]).astype(np.int32)}
    )
    topology = mesh.topology
    found = rings(topology.edges, topology.edges.open)
    made = patches(topology.vertices, topology.edges, found.chosen(found.size < 40))
    whole = inlaid(mesh, curved(topology.vertices, topology.edges, made))
    old = len(mesh.counts)
    assert np.array_equal(whole.corners[: len(mesh.corners)], mesh.corners)
    new = np.arange(len(mesh.corners), len(whole.corners))
    at = whole.points[whole.corners[new]]
    assert len(whole.points) > len(mesh.points)
    on_left = np.isin(whole.face_of_corner[new], whole.subsets["left"])
    assert 0 < on_left.sum() < len(new)
    rows = whole.corner_rows(whole.primvars["st"])
    told = whole.primvars["st"].values[rows][new]
    assert told[on_left] == pytest.approx(at[on_left][:, [0, 2]] / 30, abs=1e-5)
    assert told[~on_left] == pytest.approx(0.5 + at[~on_left][:, [2, 0]] / 30, abs=1e-5)
    normals = whole.primvars["normals"].values[whole.corner_rows(whole.primvars["normals"])]
    assert np.allclose(normals, [0, 1, 0], atol=1e-5)
    area = np.abs(trimesh.Trimesh(whole.points, whole.triangles[-(len(whole.counts) - old) :], process=False).area)
    assert area == pytest.approx(5 * 6, rel=1e-4)
    assert whole.primvars["shade"].values[:, 0] == pytest.approx(whole.points[:, 0], abs=0.3)
