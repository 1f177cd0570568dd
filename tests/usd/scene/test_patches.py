# SPDX-License-Identifier: Apache-2.0
"""Splines, patches and tetrahedra, against shapes whose points are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from pipeline.usd.scene import read_scene

HALF = np.sqrt(0.5)


def stage() -> Any:
    made = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(made, 1.0)
    return made


def test_a_rational_spline_is_a_circle() -> None:
    s = stage()
    curves = UsdGeom.NurbsCurves.Define(s, "/A")
    ring = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0)]
    curves.CreatePointsAttr([(x, y, 2) for x, y in ring])
    curves.CreateCurveVertexCountsAttr([9])
    curves.CreateOrderAttr([3])
    curves.CreateKnotsAttr([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4])
    curves.CreatePointWeightsAttr([1, HALF, 1, HALF, 1, HALF, 1, HALF, 1])
    mesh = read_scene(s, curves="lines").meshes[0]
    assert np.allclose(np.linalg.norm(mesh.points[:, :2], axis=1), 1.0)
    assert np.allclose(mesh.points[[0, -1]], (1, 0, 2), atol=1e-6)


def test_hermite_curves_pass_their_points_with_their_tangents() -> None:
    s = stage()
    curves = UsdGeom.HermiteCurves.Define(s, "/A")
    curves.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (5, 0, 0), (6, 1, 0), (7, 0, 0)])
    curves.CreateTangentsAttr([(0, 4, 0), (0, -4, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0)])
    curves.CreateCurveVertexCountsAttr([2, 3])
    mesh = read_scene(s, curves="lines").meshes[0]
    assert mesh.face_counts.tolist() == [9, 17]
    # half way: (p0 + p1) / 2 + (t0 - t1) / 8
    assert np.allclose(mesh.points[4], (0.5, 1.0, 0))
    assert np.allclose(mesh.points[[0, 8, 9, 17, 25]], [(0, 0, 0), (1, 0, 0), (5, 0, 0), (6, 1, 0), (7, 0, 0)])


def test_a_spline_that_does_not_fit_is_drawn_by_its_points() -> None:
    s = stage()
    curves = UsdGeom.NurbsCurves.Define(s, "/A")
    curves.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (1, 1, 0)])
    curves.CreateCurveVertexCountsAttr([3])
    curves.CreateOrderAttr([4])
    curves.CreateKnotsAttr([0, 0, 0, 1, 1, 1, 1])
    scene = read_scene(s, curves="lines")
    assert scene.meshes[0].points.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert ("/A", "NurbsCurves") in {(x.prim, x.what) for x in scene.losses}


@pytest.mark.parametrize("handed", ["rightHanded", "leftHanded"])
def test_a_rational_patch_is_a_cylinder(handed: str) -> None:
    s = stage()
    patch = UsdGeom.NurbsPatch.Define(s, "/A")
    arc = [(1, 0), (1, 1), (0, 1)]
    patch.CreatePointsAttr([(x, y, z) for z in (0, 3) for x, y in arc])
    patch.CreatePointWeightsAttr([1, HALF, 1] * 2)
    patch.CreateUVertexCountAttr(3)
    patch.CreateVVertexCountAttr(2)
    patch.CreateUOrderAttr(3)
    patch.CreateVOrderAttr(2)
    patch.CreateUKnotsAttr([0, 0, 0, 1, 1, 1])
    patch.CreateVKnotsAttr([0, 0, 1, 1])
    patch.CreateOrientationAttr(handed)
    scene = read_scene(s)
    mesh = scene.meshes[0]
    assert np.allclose(np.linalg.norm(mesh.points[:, :2], axis=1), 1.0)
    assert (mesh.points.min(0) > -1e-6).all()
    assert np.allclose(mesh.points.max(0), (1, 1, 3), atol=1e-6)
    first = mesh.points[mesh.face_vertices[:3]].astype(float)
    out = np.cross(first[1] - first[0], first[2] - first[0]) @ (first.mean(0) * (1, 1, 0))
    # du runs against the clock, dv upward: their product points outward
    assert (out > 0) == (handed == "rightHanded")
    assert [x.what for x in scene.losses] == ["NurbsPatch"]


def test_tetrahedra_become_their_surface() -> None:
    s = stage()
    tetrahedra = UsdGeom.TetMesh.Define(s, "/A")
    tetrahedra.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)])
    tetrahedra.CreateTetVertexIndicesAttr([(0, 1, 2, 3), (1, 2, 3, 4)])
    scene = read_scene(s)
    # two tetrahedra share one of their eight faces, which is not on the surface
    assert scene.meshes[0].triangle_count == 6
    shared = {1, 2, 3}
    assert shared not in [set(t) for t in scene.meshes[0].triangle_vertices.tolist()]


def test_a_patch_that_does_not_fit_is_named() -> None:
    s = stage()
    patch = UsdGeom.NurbsPatch.Define(s, "/A")
    patch.CreatePointsAttr([(0, 0, 0)] * 4)
    patch.CreateUVertexCountAttr(3)
    patch.CreateVVertexCountAttr(2)
    scene = read_scene(s)
    assert [(x.prim, x.what) for x in scene.losses] == [("/A", "NurbsPatch")]
