# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pxr import Gf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.usd.scene import posed_points, read_scene, shape_weights
from pipeline.usd.scene.model import BlendShape, Shape

JOINTS = ["hip", "hip/spine", "hip/spine/head"]


def character(b: Any) -> Any:
    """A cube on three joints; the mesh has its own joint order, the animation another and not all."""
    root = UsdSkel.Root.Define(b.stage, "/World/Char")
    UsdGeom.XformCommonAPI(root).SetTranslate((1, 2, 3))
    UsdGeom.XformCommonAPI(root).SetRotate((0, 0, 35))
    mesh = b.cube("/World/Char/Body", 4.0)
    UsdGeom.XformCommonAPI(mesh).SetTranslate((9, 9, 9))
    skeleton = UsdSkel.Skeleton.Define(b.stage, "/World/Char/Skel")
    UsdGeom.XformCommonAPI(skeleton).SetScale((1.2, 1.2, 1.2))
    bind = [Gf.Matrix4d().SetTranslate((0, 2.0 * k, 0)) for k in range(3)]
    skeleton.CreateJointsAttr(JOINTS)
    skeleton.CreateBindTransformsAttr(bind)
    skeleton.CreateRestTransformsAttr([bind[0], bind[1], bind[1]])
    animation = UsdSkel.Animation.Define(b.stage, "/World/Char/Anim")
    animation.CreateJointsAttr(["hip/spine", "hip"])
    b.stage.SetStartTimeCode(1)
    b.stage.SetEndTimeCode(31)
    for time, angle in ((1, 20), (16, 70), (31, -30)):
        turns = [
            Gf.Quatf(Gf.Rotation((1, 0, 0), angle).GetQuat()),
            Gf.Quatf(Gf.Rotation((0, 0, 1), 2 * angle).GetQuat()),
        ]
        animation.CreateTranslationsAttr().Set([(0, 2, 0), (angle * 0.01, 0, 0)], time)
        animation.CreateRotationsAttr().Set(turns, time)
        animation.CreateScalesAttr().Set([(1, 1, 1), (1, 1 + angle * 0.002, 1)], time)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    UsdSkel.BindingAPI.Apply(root.GetPrim()).CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateJointsAttr(list(reversed(JOINTS)))
    binding.CreateJointIndicesPrimvar(False, 2).Set(Vt.IntArray([0, 1, 2, 1] * 4))
    binding.CreateJointWeightsPrimvar(False, 2).Set(Vt.FloatArray([0.7, 0.3, 0.5, 0.5] * 4))
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d().SetTranslate((0, 2, 0)))
    return mesh


def truth(stage: Any, code: float) -> np.ndarray:
    """World positions by UsdSkel's own skinning."""
    root = UsdSkel.Root.Get(stage, "/World/Char")
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    binding = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)[0]
    query = binding.GetSkinningTargets()[0]
    points = Vt.Vec3fArray(UsdGeom.Mesh(query.GetPrim()).GetPointsAttr().Get())
    joints = cache.GetSkelQuery(binding.GetSkeleton()).ComputeSkinningTransforms(code)
    assert query.ComputeSkinnedPoints(joints, points, code)
    world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(binding.GetSkeleton().GetPrim()))
    return np.array(points) @ world[:3, :3] + world[3, :3]


@pytest.mark.parametrize("code", [1.0, 7.3, 16.0, 25.5])
def test_posed_points_are_usds_own(bed: Any, code: float) -> None:
    b = bed()
    character(b)
    scene = read_scene(b.stage, time=code)
    number, node = next((i, n) for i, n in enumerate(scene.nodes) if n.mesh is not None)
    found = posed_points(scene, node, number)
    assert found is not None and np.allclose(found, truth(b.stage, code), atol=1e-4)


def test_a_z_up_character_stands_in_metres(bed: Any) -> None:
    b = bed("Z", 0.01)
    character(b)
    scene = read_scene(b.stage)
    number, node = next((i, n) for i, n in enumerate(scene.nodes) if n.mesh is not None)
    found = posed_points(scene, node, number)
    t = truth(b.stage, 1.0) * 0.01
    assert found is not None and np.allclose(found, np.stack([t[:, 0], t[:, 2], -t[:, 1]], -1), atol=1e-6)


@given(st.floats(-0.5, 1.5), st.lists(st.sampled_from([-0.4, 0.2, 0.25, 0.5, 0.75, 1.3]), unique=True, max_size=3))
def test_in_betweens_mix_as_usd_mixes_them(weight: float, stops: list[float]) -> None:
    stage = Usd.Stage.CreateInMemory()
    mesh = UsdGeom.Mesh.Define(stage, "/M")
    shape = UsdSkel.BlendShape.Define(stage, "/M/s")
    shape.CreateOffsetsAttr([(1, 0, 0)])
    for k, stop in enumerate(stops):
        between = shape.CreateInbetween(f"i{k}")
        between.SetWeight(stop)
        between.SetOffsets([(10.0 * (k + 1), 0, 0)])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateBlendShapesAttr(["s"])
    binding.CreateBlendShapeTargetsRel().SetTargets(["/M/s"])
    query = UsdSkel.BlendShapeQuery(binding)
    weights, _, subs = query.ComputeSubShapeWeights(Vt.FloatArray([weight]))
    offsets = query.ComputeSubShapePointOffsets()
    expected = sum(w * offsets[s][0][0] for w, s in zip(weights, subs, strict=True))
    ours = BlendShape("s", "/M/s", tuple(
        Shape(w, None, np.array([[x, 0, 0]], np.float32))
        for w, x in sorted([(1.0, 1.0), *((s, 10.0 * (k + 1)) for k, s in enumerate(stops))])
    ))  # fmt: skip
    factors = shape_weights(ours, np.array([weight], np.float32))[0]
    found = sum(f * s.offsets[0, 0] for f, s in zip(factors, ours.shapes, strict=True))
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_skeleton_without_joints_leaves_the_mesh(bed: Any) -> None:
    b = bed()
    mesh = character(b)
    UsdSkel.Skeleton.Get(b.stage, "/World/Char/Skel").CreateJointsAttr([])
    scene = read_scene(b.stage)
    assert ("/World/Char/Skel", "skeleton") in {(x.prim, x.what) for x in scene.losses}
    assert any(n.path == str(mesh.GetPath()) and n.mesh is not None for n in scene.nodes)


def test_influences_that_name_no_joint_are_reported(bed: Any) -> None:
    b = bed()
    mesh = character(b)
    UsdSkel.BindingAPI(mesh.GetPrim()).CreateJointIndicesPrimvar(False, 2).Set(Vt.IntArray([0, 9] * 8))
    scene = read_scene(b.stage)
    assert any(x.what == "skin weights" for x in scene.losses)
    skin = next(m.skin for m in scene.meshes)
    assert skin is not None and np.allclose(skin.weights.sum(1), 1)
