# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pipeline.exporters import stl
from pipeline.exporters.targets import load_target
from pipeline.usd.scene import Mesh, Node, Scene


def scene_of(mesh: trimesh.Trimesh, matrix: np.ndarray | None = None) -> Scene:
    made = Mesh(
        "Body", "/Body", mesh.vertices.astype(np.float32), np.full(len(mesh.faces), 3, np.int32),
        mesh.faces.reshape(-1).astype(np.int32),
    )  # fmt: skip
    return Scene("s", "s", (Node("Body", "/Body", mesh=0, matrix=matrix, materials=(-1,)),), (made,), ())


def test_print_is_z_up_millimetres(tmp_path: Path) -> None:
    box = trimesh.creation.box((0.01, 0.02, 0.03))
    box.apply_translation((0, 0.01, 0))
    out = tmp_path / "box.stl"
    for target in (None, "print"):
        assert stl.write(scene_of(box), out, load_target(target)) == []
        data = out.read_bytes()
        assert len(data) == 84 + 50 * 12
        assert int.from_bytes(data[80:84], "little") == 12
        found = trimesh.load(out)
        assert found.bounds == pytest.approx(np.array([[-5, -15, 0], [5, 15, 20]]), abs=1e-4)
        assert found.is_watertight
        assert found.volume == pytest.approx(10 * 20 * 30, rel=1e-5)  # positive: faces look outward


def test_a_mirrored_body_still_looks_outward(tmp_path: Path) -> None:
    out = tmp_path / "box.stl"
    stl.write(scene_of(trimesh.creation.box((1, 1, 1)), np.diag([-1.0, 1, 1, 1])), out, load_target("print"))
    assert trimesh.load(out).volume == pytest.approx(1e9, rel=1e-5)


def test_facet_normals_are_those_of_the_corners(tmp_path: Path) -> None:
    out = tmp_path / "ball.stl"
    stl.write(scene_of(trimesh.creation.icosphere(2)), out, load_target(None))
    facets = np.frombuffer(out.read_bytes()[84:], np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")]))
    a, b, c = np.moveaxis(facets["v"].astype(float), 1, 0)
    cross = np.cross(b - a, c - a)
    cross /= np.linalg.norm(cross, axis=1, keepdims=True)
    assert np.allclose(facets["n"], cross, atol=1e-5)


def test_an_open_body_is_reported_for_print_only(tmp_path: Path) -> None:
    box = trimesh.creation.box((1, 1, 1))
    open_box = trimesh.Trimesh(box.vertices, box.faces[:-1])
    out = tmp_path / "box.stl"
    losses = stl.write(scene_of(open_box), out, load_target("print"))
    assert [(x.prim, x.what) for x in losses] == [("/Body", "watertight")]
    assert "3 open edges" in losses[0].why
    assert stl.write(scene_of(open_box), out, load_target(None)) == []


def test_points_at_one_place_are_one_corner() -> None:
    box = trimesh.creation.box((1, 1, 1))
    apart = box.triangles.reshape(-1, 3)
    assert stl.open_edges(apart, np.arange(36).reshape(-1, 3)) == (0, 0)
    doubled = np.concatenate([apart, apart])
    assert stl.open_edges(doubled, np.arange(72).reshape(-1, 3)) == (0, 18)


def test_read_back_is_in_metres(tmp_path: Path) -> None:
    out = tmp_path / "box.stl"
    stl.write(scene_of(trimesh.creation.box((1, 2, 3))), out, load_target("print"))
    reading = stl.read_back(out)
    assert np.allclose(reading.facts["bounds_m"], [[-0.5, -1, -1.5], [0.5, 1, 1.5]])
    assert reading.facts["triangles"] == 12
    assert reading.facts["watertight"] is True
    out.write_bytes(out.read_bytes()[:100])
    assert stl.read_back(out).problems
