# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.exporters import export, load_target


def far(found: np.ndarray, truth: np.ndarray) -> float:
    """The largest difference of the two boxes, as a share of the largest side."""
    size = float(np.ptp(truth, axis=0).max())
    return max(np.abs(found.min(0) - truth.min(0)).max(), np.abs(found.max(0) - truth.max(0)).max()) / size


@pytest.mark.parametrize(("codes", "start", "end"), [(1.0, 0.0, 3.0), (23.976, 1001.0, 1049.0), (600.0, -60.0, 600.0)])
def test_moving_parts_within_a_thousandth(
    plot: Any, glb: Any, composed: Any, tmp_path: Path, codes: float, start: float, end: float
) -> None:
    p = plot("Z", 0.01, codes)
    p.stage.SetStartTimeCode(start)
    p.stage.SetEndTimeCode(end)
    arm = UsdGeom.Xform.Define(p.stage, "/World/Arm")
    turn = UsdGeom.Xformable(arm).AddRotateXYZOp()
    turn.Set((0, 0, 0), start)
    turn.Set((90, 180, 720), end)
    UsdGeom.Xformable(arm).AddScaleOp().Set((1, 1.5, 1))
    hand = UsdGeom.XformCommonAPI(p.cube("/World/Arm/Hand", 20))
    hand.SetPivot((10, 0, 5))
    hand.SetTranslate((50, 0, 0))
    loose = UsdGeom.Xformable(p.cube("/World/Loose", 10)).AddTranslateOp()
    for k in range(9):
        loose.Set((40 * np.sin(k), 40 * np.cos(2 * k), 10.0 * k), start + (end - start) * k / 8)
    export(p.save(), tmp_path / "a.glb")
    g = glb(tmp_path / "a.glb")
    for share in (0.0, 0.031, 0.25, 0.4999, 0.77, 1.0):
        code = start + share * (end - start)
        assert far(g.points((code - start) / codes), composed(p.stage, code)) < 1e-3


def test_only_what_moves_has_channels(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    p.stage.SetStartTimeCode(0)
    p.stage.SetEndTimeCode(48)
    move = UsdGeom.Xformable(p.cube("/World/C")).AddTranslateOp()
    for code in range(49):
        move.Set((code, 0, 0), code)
    p.cube("/World/Still")
    export(p.save(), tmp_path / "a.glb")
    animation = glb(tmp_path / "a.glb").json["animations"][0]
    assert [c["target"]["path"] for c in animation["channels"]] == ["translation"]
    # a straight line needs two keys
    assert glb(tmp_path / "a.glb").json["accessors"][animation["samplers"][0]["input"]]["count"] == 2


def test_moving_points_become_morph_targets(plot: Any, glb: Any, composed: Any, tmp_path: Path) -> None:
    p = plot(codes=25.0)
    p.stage.SetStartTimeCode(1)
    p.stage.SetEndTimeCode(26)
    mesh = p.cube("/World/C")
    rest = np.array(mesh.GetPointsAttr().Get())
    for code in range(1, 27):
        moved = rest * (1 + 0.3 * np.sin(code / 3))
        mesh.GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(moved.astype(np.float32)), code)
    export(p.save(), tmp_path / "p.glb")
    g = glb(tmp_path / "p.glb")
    for code in (1.0, 5.5, 13.2, 26.0):
        assert far(g.points((code - 1) / 25), composed(p.stage, code)) < 1e-3


def character(p: Any) -> None:
    """Two joints, blend shapes with an in-between, a weight that passes it."""
    stage = p.stage
    stage.SetStartTimeCode(1)
    stage.SetEndTimeCode(25)
    root = UsdSkel.Root.Define(stage, "/World/Char")
    mesh = p.cube("/World/Char/Body", 2.0)
    skeleton = UsdSkel.Skeleton.Define(stage, "/World/Char/Skel")
    bind = [Gf.Matrix4d(1), Gf.Matrix4d().SetTranslate((0, 1, 0))]
    skeleton.CreateJointsAttr(["a", "a/b"])
    skeleton.CreateBindTransformsAttr(bind)
    skeleton.CreateRestTransformsAttr(bind)
    animation = UsdSkel.Animation.Define(stage, "/World/Char/Anim")
    animation.CreateJointsAttr(["a", "a/b"])
    animation.CreateBlendShapesAttr(["frown", "smile"])
    for code, angle, weight in ((1, 0, 0.0), (13, 80, 1.0), (25, -40, 0.3)):
        turn = Gf.Quatf(Gf.Rotation((0, 0, 1), angle).GetQuat())
        animation.CreateTranslationsAttr().Set([(0, 0, angle / 50), (0, 1, 0)], code)
        animation.CreateRotationsAttr().Set([Gf.Quatf(1), turn], code)
        animation.CreateScalesAttr().Set([(1, 1, 1)] * 2, code)
        animation.CreateBlendShapeWeightsAttr().Set([0.0, weight], code)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    UsdSkel.BindingAPI.Apply(root.GetPrim()).CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateJointIndicesPrimvar(False, 2).Set(Vt.IntArray([0, 1] * 8))
    binding.CreateJointWeightsPrimvar(False, 2).Set(Vt.FloatArray([0.25, 0.75] * 8))
    binding.CreateBlendShapesAttr(["smile"])
    binding.CreateBlendShapeTargetsRel().SetTargets(["/World/Char/Body/smile"])
    shape = UsdSkel.BlendShape.Define(stage, "/World/Char/Body/smile")
    shape.CreatePointIndicesAttr([0, 1])
    shape.CreateOffsetsAttr([(-2, 0, 0)] * 2)
    between = shape.CreateInbetween("half")
    between.SetWeight(0.5)
    between.SetOffsets([(0, -3, 0)] * 2)


def truth(stage: Any, code: float) -> np.ndarray:
    """UsdSkel's own blend shapes and skinning."""
    root = UsdSkel.Root.Get(stage, "/World/Char")
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    binding = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)[0]
    query = binding.GetSkinningTargets()[0]
    skeleton = cache.GetSkelQuery(binding.GetSkeleton())
    points = np.array(UsdGeom.Mesh(query.GetPrim()).GetPointsAttr().Get(), np.float32)
    weight = skeleton.GetAnimQuery().ComputeBlendShapeWeights(code)[1]
    shapes = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(query.GetPrim()))
    weights, _, subs = shapes.ComputeSubShapeWeights(Vt.FloatArray([weight]))
    offsets = shapes.ComputeSubShapePointOffsets()
    for w, s in zip(weights, subs, strict=True):
        points[[0, 1]] += w * np.array(offsets[s])
    moved = Vt.Vec3fArray.FromNumpy(points)
    assert query.ComputeSkinnedPoints(skeleton.ComputeSkinningTransforms(code), moved, code)
    return np.array(moved)


@pytest.mark.parametrize("compression", ["none", "quantize"])
def test_a_character_moves_as_usd_moves_it(plot: Any, glb: Any, tmp_path: Path, compression: str) -> None:
    p = plot()
    character(p)
    result = export(p.save(), tmp_path / "c.glb", load_target(None, geometry={"compression": compression}))
    assert (result.stats.joints, result.stats.clips) == (2, 1)
    g = glb(tmp_path / "c.glb")
    assert g.json["meshes"][0]["extras"]["targetNames"] == ["smile_50", "smile"]
    for code in (1.0, 4.7, 7.0, 13.0, 18.3, 25.0):
        assert far(g.points((code - 1) / 24), truth(p.stage, code)) < 1e-3
    skinned = [k for k, n in enumerate(g.json["nodes"]) if "skin" in n]
    assert all(k in g.json["scenes"][0]["nodes"] for k in skinned)


def test_more_influences_than_the_target_takes_are_reported(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    character(p)
    joints = [f"a/k{k}" for k in range(7)]
    skeleton = UsdSkel.Skeleton.Get(p.stage, "/World/Char/Skel")
    skeleton.CreateJointsAttr(["a", *joints])
    for make in (skeleton.CreateBindTransformsAttr, skeleton.CreateRestTransformsAttr):
        make([Gf.Matrix4d(1)] * 8)
    binding = UsdSkel.BindingAPI(p.stage.GetPrimAtPath("/World/Char/Body"))
    binding.CreateJointIndicesPrimvar(False, 8).Set(Vt.IntArray(list(range(8)) * 8))
    binding.CreateJointWeightsPrimvar(False, 8).Set(Vt.FloatArray([0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05] * 8))
    p.save()
    wide = export(p.path, tmp_path / "w.glb")
    assert not any(x.what == "skin influences" for x in wide.losses)
    assert "JOINTS_1" in glb(tmp_path / "w.glb").primitive()["attributes"]
    narrow = export(p.path, tmp_path / "n.glb", load_target(None, geometry={"max_influences": 4}))
    (loss,) = [x for x in narrow.losses if x.what == "skin influences"]
    assert loss.prim == "/World/Char/Body" and "30.0%" in loss.why
    weights = glb(tmp_path / "n.glb").attribute("WEIGHTS_0")
    assert np.allclose(weights.sum(1), 1, atol=1e-6)
    assert np.allclose(sorted(weights[0], reverse=True), np.array([0.3, 0.2, 0.1, 0.1]) / 0.7, atol=1e-5)
