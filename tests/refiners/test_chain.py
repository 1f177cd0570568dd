# SPDX-License-Identifier: Apache-2.0
"""Planted defects: what the safe fixers made of them passes inspection, and fixing that changes nothing more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from pxr import Usd, UsdGeom

from pipeline.checks import inspect
from pipeline.checks.fixing import fix_file

Arrays = tuple[np.ndarray, np.ndarray]


def _patch(ball: trimesh.Trimesh, count: int) -> np.ndarray:
    return np.argsort(np.linalg.norm(ball.triangles_center - ball.triangles_center[7], axis=1))[:count]


def _turned(ball: trimesh.Trimesh) -> Arrays:
    faces = ball.faces.copy()
    faces[_patch(ball, 20)] = faces[_patch(ball, 20)][:, ::-1]
    return ball.vertices, faces


def _fin(ball: trimesh.Trimesh) -> Arrays:
    edge = ball.faces[11, :2]
    tip = ball.vertices[edge].mean(axis=0) * 1.2
    return np.vstack([ball.vertices, tip]), np.vstack([ball.faces, [*edge, len(ball.vertices)]])


def _beside(ball: trimesh.Trimesh, points: np.ndarray, faces: np.ndarray) -> Arrays:
    return np.vstack([ball.vertices, points]), np.vstack([ball.faces, faces + len(ball.vertices)])


CRUMB = trimesh.creation.icosphere(subdivisions=1, radius=0.02)
PLANTS: dict[str, tuple[str, Callable[[trimesh.Trimesh], Arrays]]] = {
    "hole": ("geometry.holes", lambda b: (b.vertices, np.delete(b.faces, _patch(b, 12), 0))),
    "turned": ("geometry.inverted-normals", _turned),
    "inside-out": ("geometry.inverted-normals", lambda b: (b.vertices, b.faces[:, ::-1])),
    "twice": ("geometry.duplicate-faces", lambda b: (b.vertices, np.vstack([b.faces, b.faces[:9]]))),
    "flat": ("geometry.degenerate-faces", lambda b: (b.vertices, np.vstack([b.faces, b.faces[:5, [0, 1, 1]]]))),
    "fin": ("geometry.non-manifold-edges", _fin),
    "crumb": ("geometry.floaters", lambda b: _beside(b, CRUMB.vertices + np.array([2.4, 0, 0]), CRUMB.faces)),
    "inside": ("geometry.hidden", lambda b: _beside(b, b.vertices * 0.97, b.faces)),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_fixed_passes_and_fixed_again_is_the_same(plant: str, tmp_path: Path) -> None:
    rule, make = PLANTS[plant]
    points, faces = make(trimesh.creation.icosphere(subdivisions=3))
    source, once, twice = tmp_path / "bad.ply", tmp_path / "once.usda", tmp_path / "twice.usda"
    trimesh.Trimesh(points, faces, process=False).export(source)
    rules = ["geometry.*"]
    assert rule in {f.rule for f in inspect(source, rules=rules).findings}
    assert fix_file(source, once, rules=rules).operations
    assert not [f for f in inspect(once, rules=rules).findings if f.severity != "info"]
    assert fix_file(once, twice, rules=rules).operations == []
    first, second = (_meshes(path) for path in (once, twice))
    assert first.keys() == second.keys()
    for name, arrays in first.items():
        assert all(np.array_equal(a, b) for a, b in zip(arrays, second[name], strict=True))


def _meshes(path: Path) -> dict[str, Arrays]:
    stage = Usd.Stage.Open(str(path))
    meshes = {str(p.GetPath()): UsdGeom.Mesh(p) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)}
    return {
        n: (np.array(m.GetPointsAttr().Get()), np.array(m.GetFaceVertexIndicesAttr().Get())) for n, m in meshes.items()
    }
