# SPDX-License-Identifier: Apache-2.0
"""Rays and what they meet: meshes and implicit shapes, in metres with Y up."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from pipeline.scenes.surface import cast, prim_triangles, scene_triangles


@pytest.fixture
def stage() -> Usd.Stage:
    made = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(made, "Z")
    UsdGeom.SetStageMetersPerUnit(made, 0.01)
    return made


def test_implicit_shapes_are_stood_on(stage: Usd.Stage) -> None:
    cube = UsdGeom.Cube.Define(stage, "/World/cube")
    cube.CreateSizeAttr(100)
    UsdGeom.Xformable(cube).AddTranslateOp().Set(Gf.Vec3d(0, -200, 50))
    sphere = UsdGeom.Sphere.Define(stage, "/World/ball")
    sphere.CreateRadiusAttr(30)
    origins = np.array([[0, 5, 2.0], [0, 5, 0.0], [9, 5, 9.0]])  # Z up: -200 along y is +2 m along z
    distance, normals = cast(*scene_triangles(stage), origins, np.array([0.0, -1.0, 0.0]))
    assert distance[:2] == pytest.approx([4.0, 4.7], abs=1e-5)
    assert np.isinf(distance[2])
    assert np.allclose(normals[0], (0, 1, 0), atol=1e-6)
    assert np.allclose(normals[2], 0)


def test_what_is_not_drawn_or_broken_is_not_met(stage: Usd.Stage) -> None:
    UsdGeom.Cube.Define(stage, "/World/guide").CreatePurposeAttr("guide")
    UsdGeom.Cube.Define(stage, "/World/hidden").CreateVisibilityAttr("invisible")
    UsdGeom.PointInstancer.Define(stage, "/World/many")
    UsdGeom.Cube.Define(stage, "/World/many/Prototypes/p0")
    broken = UsdGeom.Mesh.Define(stage, "/World/broken")
    broken.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    broken.CreateFaceVertexCountsAttr([3])
    broken.CreateFaceVertexIndicesAttr([0, 1, 7])
    points, faces = scene_triangles(stage)
    assert len(points) == len(faces) == 0


@pytest.mark.parametrize("mirror", [1.0, -1.0])
@pytest.mark.parametrize("hand", ["rightHanded", "leftHanded"])
def test_normals_look_outwards_however_it_was_wound(stage: Usd.Stage, mirror: float, hand: str) -> None:
    mesh = UsdGeom.Mesh.Define(stage, "/World/floor")
    ring = [0, 1, 2, 3] if hand == "rightHanded" else [3, 2, 1, 0]
    mesh.CreatePointsAttr([(0, 0, 0), (100, 0, 0), (100, 100, 0), (0, 100, 0)])
    mesh.CreateFaceVertexCountsAttr([4])
    mesh.CreateFaceVertexIndicesAttr(ring)
    mesh.CreateOrientationAttr(hand)
    UsdGeom.Xformable(mesh).AddScaleOp().Set(Gf.Vec3f(mirror, 1, 1))
    points, faces = prim_triangles(mesh.GetPrim())
    a, b, c = points[faces[0]]
    up = np.cross(b - a, c - a)[1]
    assert up > 0
