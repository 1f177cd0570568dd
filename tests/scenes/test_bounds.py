# SPDX-License-Identifier: Apache-2.0
"""Bounds in metres, against boxes worked out by hand."""

from __future__ import annotations

import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.scenes.bounds import world_box


def character(stage: Usd.Stage, moved: float) -> Usd.Prim:
    """A unit square on one joint that an animation lifts; the stored extent is that of no pose at all."""
    UsdGeom.Xform.Define(stage, "/World/guard").AddTranslateOp().Set(Gf.Vec3d(100, 0, 0))
    root = UsdSkel.Root.Define(stage, "/World/guard/body")
    root.CreateExtentAttr([(-0.01, -0.01, -0.01), (0.01, 0.01, 0.01)])
    skeleton = UsdSkel.Skeleton.Define(stage, "/World/guard/body/skeleton")
    skeleton.CreateJointsAttr(["hip"])
    skeleton.CreateBindTransformsAttr([Gf.Matrix4d(1)])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d(1)])
    walk = UsdSkel.Animation.Define(stage, "/World/guard/body/walk")
    walk.CreateJointsAttr(["hip"])
    walk.CreateTranslationsAttr([(0, moved, 0)])
    walk.CreateRotationsAttr([Gf.Quatf(1)])
    walk.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)]))
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([walk.GetPath()])
    mesh = UsdGeom.Mesh.Define(stage, "/World/guard/body/skin")
    mesh.CreatePointsAttr([(0, 0, 0), (100, 0, 0), (100, 100, 0), (0, 100, 0)])
    mesh.CreateFaceVertexCountsAttr([4])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateJointIndicesPrimvar(False, 1).Set([0, 0, 0, 0])
    binding.CreateJointWeightsPrimvar(False, 1).Set([1.0, 1.0, 1.0, 1.0])
    return stage.GetPrimAtPath("/World/guard")


def test_a_character_counts_as_it_stands() -> None:
    stage = Usd.Stage.CreateInMemory()  # centimetres, Y up
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    UsdGeom.SetStageUpAxis(stage, "Y")
    box = world_box(character(stage, moved=250.0))
    assert box is not None
    np.testing.assert_allclose([box.low, box.high], [[1, 2.5, 0], [2, 3.5, 0]], atol=1e-5)


def test_z_up_centimetres_become_metres_with_y_up() -> None:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    UsdGeom.SetStageUpAxis(stage, "Z")
    cube = UsdGeom.Cube.Define(stage, "/crate")  # two units wide
    cube.AddTranslateOp().Set(Gf.Vec3d(10, 20, 30))
    box = world_box(cube.GetPrim())
    assert box is not None
    np.testing.assert_allclose([box.low, box.high], [[0.09, 0.29, -0.21], [0.11, 0.31, -0.19]], atol=1e-9)


def test_what_shows_nothing_has_no_box() -> None:
    stage = Usd.Stage.CreateInMemory()
    hidden = UsdGeom.Cube.Define(stage, "/set/crate")
    hidden.MakeInvisible()
    assert world_box(hidden.GetPrim()) is None
    assert world_box(stage.GetPrimAtPath("/set")) is None
