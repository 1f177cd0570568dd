# SPDX-License-Identifier: Apache-2.0
"""Rig preparation, judged by USD's own skinning before and after."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, UsdValidation, Vt

from pipeline.errors import RefineError, UsageError
from pipeline.refiners import RefineResult, refine
from pipeline.refiners.rigs.frames import local

from .people import MIXAMO, baked, bones, gap_mm, human

TIMES = [0.0, 3.0, 6.0, 7.0, 12.0, 20.0, 24.0]


def _prep(stage: Usd.Stage, **settings: object) -> RefineResult:
    first = refine(stage, "/Asset", "rig-prep", settings)
    text = stage.GetRootLayer().ExportToString()
    assert not refine(stage, "/Asset", "rig-prep", settings).changed
    assert stage.GetRootLayer().ExportToString() == text
    return first


def _joints(skeleton: UsdSkel.Skeleton) -> list[str]:
    return [str(j) for j in skeleton.GetJointsAttr().Get()]


def _bind(skeleton: UsdSkel.Skeleton) -> np.ndarray:
    return np.array(skeleton.GetBindTransformsAttr().Get(), float).reshape(-1, 4, 4)


def _parents(skeleton: UsdSkel.Skeleton) -> np.ndarray:
    return np.array(UsdSkel.Topology(skeleton.GetJointsAttr().Get()).GetParentIndices())


def _rows(mesh: UsdGeom.Mesh) -> tuple[np.ndarray, np.ndarray]:
    api = UsdSkel.BindingAPI(mesh.GetPrim())
    width = api.GetJointIndicesPrimvar().GetElementSize()
    return (
        np.array(api.GetJointIndicesPrimvar().Get()).reshape(-1, width),
        np.array(api.GetJointWeightsPrimvar().Get(), float).reshape(-1, width),
    )


def _dense(mesh: UsdGeom.Mesh, count: int) -> np.ndarray:
    index, weight = _rows(mesh)
    dense = np.zeros((len(index), count))
    np.add.at(dense, (np.arange(len(index))[:, None], index), weight)
    return dense


# what the makers of these targets document, typed in by hand
EXPECTED = {
    "unreal": {"LeftArm": "upperarm_l", "RightForeArm": "lowerarm_r", "Spine1": "spine_02", "RightToeBase": "ball_r"},
    "unity": {
        "LeftArm": "LeftUpperArm",
        "RightForeArm": "RightLowerArm",
        "Spine1": "Chest",
        "LeftUpLeg": "LeftUpperLeg",
    },
    "vrm": {"LeftArm": "leftUpperArm", "RightForeArm": "rightLowerArm", "Hips": "hips", "RightToeBase": "rightToes"},
}


@pytest.mark.parametrize("target", EXPECTED)
def test_names_of_a_target_are_given_and_recorded(stage: Usd.Stage, target: str) -> None:
    skeleton, _ = human(stage, MIXAMO)
    before = baked(stage, TIMES)
    result = _prep(stage, names=target)
    assert EXPECTED[target].items() <= result.details["names"].items()
    assert EXPECTED[target].items() <= dict(skeleton.GetPrim().GetCustomDataByKey("gates:jointNames")).items()
    leaves = {j.rsplit("/", 1)[-1] for j in _joints(skeleton)}
    assert set(EXPECTED[target].values()) <= leaves
    assert not leaves & set(EXPECTED[target])
    # clips name the new joints, so they play the same
    assert gap_mm(before, baked(stage, TIMES)) < 1e-4


DIALECTS = {
    "Bip01": {"hips": "Pelvis", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head",
              "Shoulder": "Clavicle",
              "UpperArm": "UpperArm", "LowerArm": "Forearm", "Hand": "Hand", "UpperLeg": "Thigh", "LowerLeg": "Calf",
              "Foot": "Foot", "Toes": "Toe0", "form": "Bip01 {s} {n}", "s": "LR"},
    "CC": {"hips": "Hip", "spine": "Waist", "chest": "Spine01", "neck": "NeckTwist01", "head": "Head",
           "Shoulder": "Clavicle", "UpperArm": "Upperarm", "LowerArm": "Forearm", "Hand": "Hand", "UpperLeg": "Thigh",
           "LowerLeg": "Calf", "Foot": "Foot", "Toes": "ToeBase", "form": "CC_Base_{s}_{n}", "s": "LR"},
    "VRoid": {"hips": "Hips", "spine": "Spine", "chest": "Chest", "neck": "Neck", "head": "Head",
              "Shoulder": "Shoulder", "UpperArm": "UpperArm", "LowerArm": "LowerArm", "Hand": "Hand",
              "UpperLeg": "UpperLeg", "LowerLeg": "LowerLeg", "Foot": "Foot", "Toes": "ToeBase",
              "form": "J_Bip_{s}_{n}", "s": "LRC"},
    "Armature": {"hips": "Hips", "spine": "Spine", "chest": "Chest", "neck": "Neck", "head": "Head",
                 "Shoulder": "Shoulder", "UpperArm": "UpperArm", "LowerArm": "LowerArm", "Hand": "Hand",
                 "UpperLeg": "UpperLeg", "LowerLeg": "LowerLeg", "Foot": "Foot", "Toes": "Toes",
                 "form": "Armature|{n}.{s}", "s": "LR"},
    "SMPL": {"hips": "Pelvis", "spine": "Spine1", "chest": "Spine3", "neck": "Neck", "head": "Head",
             "Shoulder": "Collar",
             "UpperArm": "Shoulder", "LowerArm": "Elbow", "Hand": "Wrist", "UpperLeg": "Hip", "LowerLeg": "Knee",
             "Foot": "Ankle", "Toes": "Foot", "form": "{s}_{n}", "s": "LR"},
    "Rigify": {"hips": "spine", "spine": "spine.001", "chest": "spine.003", "neck": "neck", "head": "head",
               "Shoulder": "shoulder", "UpperArm": "upper_arm", "LowerArm": "forearm", "Hand": "hand",
               "UpperLeg": "thigh", "LowerLeg": "shin", "Foot": "foot", "Toes": "toe",
               "form": "DEF-{n}.{s}", "s": "LR"},
}  # fmt: skip


def _dialect(name: str, bone: str) -> str:
    words = DIALECTS[name]
    side, bare = (
        ("left", bone[4:])
        if bone.startswith("left")
        else ("right", bone[5:])
        if bone.startswith("right")
        else ("", bone)
    )
    letter = words["s"][0] if side == "left" else words["s"][1] if side else words["s"][2:]
    said = words["form"].format(s=letter, n=words[bare])
    return said.replace("  ", " ").replace("__", "_").removeprefix("_").removesuffix(".")


@pytest.mark.parametrize("name", DIALECTS)
def test_the_bones_are_found_under_any_tools_names(stage: Usd.Stage, name: str) -> None:
    from pipeline.refiners.rigs import bones as recognised

    body = bones()
    order = list(body)
    parents = [order.index(p) if p else -1 for p, _ in body.values()]
    found = recognised([_dialect(name, b) for b in order], parents)
    assert {b: order[j] for b, j in found.items()} == {b: b for b in order}


def test_foreign_names_are_mended_so_that_usd_reads_the_hierarchy(stage: Usd.Stage) -> None:
    sound = Usd.Stage.CreateInMemory()
    UsdGeom.Xform.Define(sound, "/Asset")
    human(sound, MIXAMO)
    skeleton, _ = human(stage, lambda b: f"mixamorig:{MIXAMO[b]}")
    _prep(stage, names="clean")
    assert (_parents(skeleton) >= 0).sum() == len(bones()) - 1
    assert gap_mm(baked(sound, TIMES), baked(stage, TIMES)) < 1e-4


def test_names_nobody_knows(stage: Usd.Stage) -> None:
    human(stage, lambda b: f"bone_{list(bones()).index(b)}")
    assert "no human" in _prep(stage, names="unreal").notes[0]
    with pytest.raises(UsageError, match="unity"):
        refine(stage, "/Asset", "rig-prep", {"names": "maya"})


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_turned_joints_point_to_their_children_and_everything_plays_the_same(stage: Usd.Stage, axis: str) -> None:
    skeleton, _ = human(stage)
    before = baked(stage, TIMES)
    result = _prep(stage, orient=axis)
    assert gap_mm(before, baked(stage, TIMES)) < 0.01  # float32 of quaternions over a chain of six joints
    bind, names = _bind(skeleton), [j.rsplit("/", 1)[-1] for j in _joints(skeleton)]
    for bone, child in (("leftUpperArm", "leftLowerArm"), ("rightLowerLeg", "rightFoot"), ("hips", "spine")):
        way = bind[names.index(child), 3, :3] - bind[names.index(bone), 3, :3]
        assert bind[names.index(bone), "xyz".index(axis), :3] == pytest.approx(way / np.linalg.norm(way), abs=1e-6)
    assert np.allclose(bind[:, :3, :3] @ np.swapaxes(bind[:, :3, :3], 1, 2), np.eye(3), atol=1e-9)
    assert np.linalg.det(bind[:, :3, :3]) == pytest.approx(1)
    assert result.details["deformation"]["clips_max_m"] < 1e-5


def test_a_clip_of_some_joints_and_axes_of_one_scale(stage: Usd.Stage) -> None:
    """The other joints rest; the arm grows while it turns."""
    skeleton, _ = human(stage)
    clip = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip"))
    keep = [3, 6, 7, 8, 15]
    clip.GetJointsAttr().Set([_joints(skeleton)[i] for i in keep])
    for attribute in (clip.GetTranslationsAttr(), clip.GetRotationsAttr()):
        for time in attribute.GetTimeSamples():
            attribute.Set(type(attribute.Get(time))([attribute.Get(time)[i] for i in keep]), time)
    clip.GetScalesAttr().Clear()
    for time, size in ((0.0, 1.0), (24.0, 1.5)):
        clip.GetScalesAttr().Set(Vt.Vec3hArray([Gf.Vec3h(1)] * 4 + [Gf.Vec3h(size)]), time)
    before = baked(stage, TIMES)
    _prep(stage, orient="y")
    assert gap_mm(before, baked(stage, TIMES)) < 0.01


def test_weights_are_limited_and_normalised(stage: Usd.Stage) -> None:
    _, mesh = human(stage, influences=12)
    _, weight = _rows(mesh)
    before = baked(stage, TIMES)
    weight[::3] *= 1.7
    UsdSkel.BindingAPI(mesh.GetPrim()).GetJointWeightsPrimvar().Set(Vt.FloatArray(weight.reshape(-1).tolist()))
    wanted = _dense(mesh, 21)
    wanted[np.arange(len(wanted))[:, None], np.argsort(-wanted, axis=1, kind="stable")[:, 8:]] = 0
    wanted /= wanted.sum(axis=1, keepdims=True)
    result = _prep(stage, influences=8)
    assert _dense(mesh, 21) == pytest.approx(wanted, abs=1e-6)
    assert result.before["influences"] == 12
    assert result.after == {"joints": 21, "influences": 8, "weights_off": pytest.approx(0, abs=1e-6)}
    # joints far away have little weight
    assert 0 < result.details["weight_dropped_max"] < 0.02
    assert gap_mm(before, baked(stage, TIMES)) < 5


def test_points_that_nothing_moves_follow_their_neighbours(stage: Usd.Stage) -> None:
    _, mesh = human(stage)
    before = baked(stage, TIMES)
    index, weight = _rows(mesh)
    lost = np.arange(100, 103)
    whole = weight.copy()
    weight[lost] = [[0, 0, 0, 0], [np.nan, 0, 0, 0], [-1, 0, 0, 0]]
    index[200, 3] = 77  # no such joint, as little weight as it had
    api = UsdSkel.BindingAPI(mesh.GetPrim())
    api.GetJointWeightsPrimvar().Set(Vt.FloatArray(weight.reshape(-1).tolist()))
    api.GetJointIndicesPrimvar().Set(Vt.IntArray(index.reshape(-1).tolist()))
    result = _prep(stage)
    assert result.details["points_bound_to_neighbours"] == 3
    after = baked(stage, TIMES)["/Asset/geo/body"]
    moved = np.linalg.norm(after - before["/Asset/geo/body"], axis=2).max(axis=0)
    same = np.ones(len(moved), bool)
    same[[*lost, 200]] = False
    assert moved[same].max() < 1e-6
    # a point of the same ring lies 4 cm away; bound to the hips it would stay half a metre behind
    assert moved[lost].max() < 0.04
    assert whole[200, 3] < 0.1
    assert moved[200] < 0.1


@pytest.mark.parametrize("fault", ["order", "twice", "scaled", "sheared", "mirrored", "no bind", "no rest"])
def test_a_broken_skeleton_is_mended_without_being_asked(stage: Usd.Stage, fault: str) -> None:
    clip = 0 if fault in ("twice", "sheared") else 3
    skeleton, mesh = human(stage, keys=clip, influences=4)
    times = TIMES if clip else [0.0]
    sound = baked(stage, times)
    joints, bind, parents = _joints(skeleton), _bind(skeleton), _parents(skeleton)
    rest = np.array(skeleton.GetRestTransformsAttr().Get(), float).reshape(-1, 4, 4)
    matrices = Vt.Matrix4dArray.FromNumpy
    if fault == "order":
        order = np.random.default_rng(0).permutation(len(joints))
        skeleton.GetJointsAttr().Set([joints[i] for i in order])
        skeleton.GetBindTransformsAttr().Set(matrices(bind[order].copy()))
        skeleton.GetRestTransformsAttr().Set(matrices(rest[order].copy()))
        index, _ = _rows(mesh)
        UsdSkel.BindingAPI(mesh.GetPrim()).GetJointIndicesPrimvar().Set(
            Vt.IntArray(np.argsort(order)[index].reshape(-1).tolist())
        )
    elif fault == "twice":
        names = [*joints, joints[4]]
        skeleton.GetJointsAttr().Set(names)
        skeleton.GetBindTransformsAttr().Set(matrices(bind[[*range(21), 4]].copy()))
        skeleton.GetRestTransformsAttr().Set(matrices(rest[[*range(21), 4]].copy()))
    elif fault == "no bind":
        skeleton.GetBindTransformsAttr().Clear()
    elif fault == "no rest":
        skeleton.GetRestTransformsAttr().Clear()
    else:
        if fault == "scaled":
            bind[:, :3, :3] *= 100
            clip_prim = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip"))
            # the same motion said in frames a hundred times as large: the root is scaled, the rest counts in its unit
            clip_prim.GetScalesAttr().Set(Vt.Vec3hArray([Gf.Vec3h(100)] + [Gf.Vec3h(1)] * 20), 0.0)
            for time in clip_prim.GetTranslationsAttr().GetTimeSamples():
                move = np.array(clip_prim.GetTranslationsAttr().Get(time))
                move[1:] /= 100
                clip_prim.GetTranslationsAttr().Set(Vt.Vec3fArray.FromNumpy(move), time)
        elif fault == "sheared":
            bind[3:5, :3, :3] = [[1, 0.3, 0], [0, 1, 0], [0, 0.2, 1.5]]
        else:
            bind[5, :3, :3] *= -1
            clip_prim = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip"))
            size = np.ones((21, 3), np.float16)
            size[[5, *np.flatnonzero(parents == 5)]] = -1
            clip_prim.GetScalesAttr().Set(Vt.Vec3hArray.FromNumpy(size), 0.0)
            for time in clip_prim.GetTranslationsAttr().GetTimeSamples():
                move = np.array(clip_prim.GetTranslationsAttr().Get(time))
                move[parents == 5] *= -1
                clip_prim.GetTranslationsAttr().Set(Vt.Vec3fArray.FromNumpy(move), time)
        skeleton.GetBindTransformsAttr().Set(matrices(bind))
        skeleton.GetRestTransformsAttr().Set(matrices(local(bind, parents)))
        assert gap_mm(sound, baked(stage, times)) < 0.01  # the fault itself changes nothing that is seen
    _prep(stage, rest="keep" if clip else "bind")
    assert gap_mm(sound, baked(stage, times)) < 0.01
    assert UsdSkel.Topology(skeleton.GetJointsAttr().Get()).Validate()[0]
    assert len(set(_joints(skeleton))) == len(_joints(skeleton))
    assert np.linalg.det(_bind(skeleton)[:, :3, :3]) == pytest.approx(1, abs=1e-6)
    errors = [
        e
        for v in UsdValidation.ValidationRegistry().GetOrLoadValidatorsByName(
            ["usdSkelValidators:SkelBindingApiValidator"]
        )
        for e in v.Validate(mesh.GetPrim())
    ]
    assert not errors


def test_symmetry_of_joints_and_weights(stage: Usd.Stage) -> None:
    """The right arm hangs 4 degrees lower, and its weights are not those of the left."""
    skeleton, mesh = human(stage, droop_right=4)
    points = np.array(mesh.GetPointsAttr().Get(), float)
    even = Usd.Stage.CreateInMemory()
    UsdGeom.Xform.Define(even, "/Asset")
    _, other = human(even)
    mesh.GetPointsAttr().Set(other.GetPointsAttr().Get())  # the shape is even, the rig in it is not
    before = baked(stage, TIMES)
    result = _prep(stage, symmetry=True)
    assert np.abs(points - np.array(other.GetPointsAttr().Get())).max() > 0.02
    names, bind = [j.rsplit("/", 1)[-1] for j in _joints(skeleton)], _bind(skeleton)
    for bone in ("UpperArm", "LowerArm", "Hand", "Foot"):
        left, right = bind[names.index(f"left{bone}")], bind[names.index(f"right{bone}")]
        assert left[3, :3] * [-1, 1, 1] == pytest.approx(right[3, :3], abs=1e-9)
        # one frame is the other's mirror image, some axes the other way round
        assert np.abs(left[:3, :3] * [-1, 1, 1]) == pytest.approx(np.abs(right[:3, :3]), abs=1e-9)
    assert bind[names.index("head"), 3, 0] == pytest.approx(0, abs=1e-12)
    # halfway between 0 and 4 degrees
    arm = bind[names.index("leftHand"), 3, :3] - bind[names.index("leftUpperArm"), 3, :3]
    assert np.degrees(np.arctan2(-arm[1], arm[0])) == pytest.approx(2, abs=0.05)
    place = np.array(mesh.GetPointsAttr().Get(), float)
    pair = [names.index(n.replace("left", "~").replace("right", "left").replace("~", "right")) for n in names]
    dense = _dense(mesh, len(names))
    gap = np.linalg.norm(place[None] * [-1, 1, 1] - place[:, None], axis=2)
    single = (gap < 1e-4).sum(axis=1) == 1  # seams of the tubes hold several points in one place
    assert dense[single] == pytest.approx(dense[gap.argmin(axis=1)][:, pair][single], abs=1e-5)
    assert result.details["points_unmatched"] == 0
    # what the weights changed is told as USD's own baking has it at the clip's keys
    after = baked(stage, TIMES)
    keys = [TIMES.index(t) for t in (0.0, 12.0, 24.0)]
    path = "/Asset/geo/body"
    told = result.details["deformation"]["clips_max_m"] * 1000
    assert told >= gap_mm({path: before[path][keys]}, {path: after[path][keys]}) - 0.01
    assert told <= gap_mm(before, after) + 0.5


def test_moved_joints_alone_do_not_change_what_is_seen(stage: Usd.Stage) -> None:
    from pipeline.refiners.core.subject import Subject
    from pipeline.refiners.rigs.rig import Rig

    skeleton, _ = human(stage)
    before = baked(stage, TIMES)
    rig = Rig.read(Subject(stage.GetPrimAtPath("/Asset")), skeleton, [], True)
    rig.rebind(_shifted(rig.bind))
    rig.write()
    # the paths of joints swing now: keys every five degrees keep them within a tenth of a millimetre
    assert gap_mm(before, baked(stage, TIMES)) < 0.1


def _shifted(bind: np.ndarray) -> np.ndarray:
    moved = bind.copy()
    moved[:, 3, :3] += np.random.default_rng(1).normal(size=(len(bind), 3)) * 0.02
    return moved


@pytest.mark.parametrize(("rest", "droop", "degrees"), [("t-pose", 30, 0), ("a-pose", 5, 45), ("a-pose", 85, 45)])
def test_arms_are_posed_with_their_skin(stage: Usd.Stage, rest: str, droop: float, degrees: float) -> None:
    skeleton, mesh = human(stage, droop=droop)
    before = baked(stage, TIMES)
    straight = Usd.Stage.CreateInMemory()
    UsdGeom.Xform.Define(straight, "/Asset")
    _, wanted = human(straight, droop=degrees)
    result = _prep(stage, rest=rest)
    bind, names = _bind(skeleton), [j.rsplit("/", 1)[-1] for j in _joints(skeleton)]
    for side, sign in (("left", 1), ("right", -1)):
        arm = bind[names.index(f"{side}LowerArm"), 3, :3] - bind[names.index(f"{side}UpperArm"), 3, :3]
        assert np.degrees(np.arcsin(-arm[1] / np.linalg.norm(arm))) == pytest.approx(degrees, abs=0.06)
        assert arm[0] * sign > 0
    # the forearm's skin, which one bone moves almost alone, is where a character built in that pose has it
    points, goal = np.array(mesh.GetPointsAttr().Get()), np.array(wanted.GetPointsAttr().Get())
    index, weight = _rows(mesh)
    hand = (weight[:, 0] > 0.95) & np.isin(index[:, 0], [names.index("leftLowerArm"), names.index("rightLowerArm")])
    assert hand.sum() > 8
    assert np.linalg.norm(points[hand] - goal[hand], axis=1).max() < 0.02  # the elbow lies 1 cm behind the arm
    rest_now = UsdSkel.Cache().GetSkelQuery(skeleton)
    assert np.array(rest_now.ComputeJointSkelTransforms(Usd.TimeCode.Default(), True)) == pytest.approx(bind, abs=1e-6)
    # clips play on: only points between two bones differ, and how far is told
    after = baked(stage, TIMES)
    gap = gap_mm(before, after)
    assert gap < (15 if droop < 80 else 80)  # arms that hang against the hips share skin with them
    assert 1000 * np.linalg.norm(after["/Asset/geo/body"] - before["/Asset/geo/body"], axis=-1).mean() < 1.5
    assert result.details["deformation"]["clips_max_m"] * 1000 <= gap + 0.01


def test_blend_shapes_turn_with_the_arm(stage: Usd.Stage) -> None:
    skeleton, mesh = human(stage, droop=0, keys=0)
    names = [j.rsplit("/", 1)[-1] for j in _joints(skeleton)]
    index, weight = _rows(mesh)
    point = int(np.flatnonzero((index[:, 0] == names.index("leftLowerArm")) & (weight[:, 0] > 0.95))[0])
    shape = UsdSkel.BlendShape.Define(stage, "/Asset/geo/body/bulge")
    shape.CreateOffsetsAttr([(0, 0.1, 0)])
    shape.CreatePointIndicesAttr([point])
    api = UsdSkel.BindingAPI(mesh.GetPrim())
    api.CreateBlendShapesAttr(["bulge"])
    api.CreateBlendShapeTargetsRel().SetTargets([shape.GetPath()])
    _prep(stage, rest="a-pose", angle=90)
    # straight up before the arm goes down from x to -y is outward, x, then
    assert tuple(shape.GetOffsetsAttr().Get()[0]) == pytest.approx((0.1, 0, 0), abs=0.01)


def test_rest_as_bound_leaves_clips_of_some_joints_alone(stage: Usd.Stage) -> None:
    skeleton, _ = human(stage)
    rest = np.array(skeleton.GetRestTransformsAttr().Get(), float).reshape(-1, 4, 4)
    rest[9, 3, :3] += 0.3
    skeleton.GetRestTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(rest))
    clip = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip"))
    clip.GetJointsAttr().Set(_joints(skeleton)[:5])
    for attribute in (clip.GetTranslationsAttr(), clip.GetRotationsAttr(), clip.GetScalesAttr()):
        for time in attribute.GetTimeSamples():
            attribute.Set(attribute.Get(time)[:5], time)
    before = baked(stage, TIMES)
    assert _prep(stage, rest="bind").details["rest_transforms_set"] == 21
    assert gap_mm(before, baked(stage, TIMES)) < 0.01


def test_spare_joints_go(stage: Usd.Stage) -> None:
    """Five ends without weight, ten of fingers with some: removed, merged up to the budget, bones of the body kept."""
    skeleton, mesh = human(stage)
    before = baked(stage, TIMES)
    joints, bind = _joints(skeleton), _bind(skeleton)
    hand = joints.index(next(j for j in joints if j.endswith("leftHand")))
    more = [f"{joints[hand]}/leftIndex{i}" for i in (1,)] + [f"{joints[hand]}/end_{i}" for i in range(5)]
    skeleton.GetJointsAttr().Set([*joints, *more])
    skeleton.GetBindTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(bind[[*range(21), *[hand] * 6]].copy()))
    rest = np.array(skeleton.GetRestTransformsAttr().Get(), float).reshape(-1, 4, 4)
    skeleton.GetRestTransformsAttr().Set(
        Vt.Matrix4dArray.FromNumpy(np.concatenate([rest, np.tile(np.eye(4), (6, 1, 1))]))
    )
    index, _ = _rows(mesh)
    index[index == hand] = 21  # all that the hand moved, the finger moves now, which rests in it
    UsdSkel.BindingAPI(mesh.GetPrim()).GetJointIndicesPrimvar().Set(Vt.IntArray(index.reshape(-1).tolist()))
    assert gap_mm(before, baked(stage, TIMES)) < 0.01
    assert _prep(stage, unused="remove").details["joints_removed"] == 5
    assert _prep(stage, joints=21).details["joints_removed"] == 1
    assert _joints(skeleton) == joints
    assert gap_mm(before, baked(stage, TIMES)) < 0.01
    # the body itself is not given up
    assert any("21 joints are left" in n for n in refine(stage, "/Asset", "rig-prep", {"joints": 10}).notes)


def test_several_meshes_with_joints_of_their_own(stage: Usd.Stage) -> None:
    """A hat that names two joints in its own order and is bound in a place of its own."""
    skeleton, _ = human(stage, MIXAMO)
    joints = _joints(skeleton)
    head = next(j for j in joints if j.endswith("/Head"))
    hat = UsdGeom.Mesh.Define(stage, "/Asset/geo/hat")
    hat.CreatePointsAttr([(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)])
    hat.CreateFaceVertexCountsAttr([3, 3])
    hat.CreateFaceVertexIndicesAttr([0, 1, 2, 0, 2, 3])
    api = UsdSkel.BindingAPI.Apply(hat.GetPrim())
    api.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    api.CreateJointsAttr([head, joints[0]])
    api.CreateGeomBindTransformAttr(Gf.Matrix4d().SetTranslate((0, 1.7, 0)))
    api.CreateJointIndicesPrimvar(False, 1).Set([0, 0, 1, 0])
    api.CreateJointWeightsPrimvar(False, 1).Set([1, 1, 1, 1])
    before = baked(stage, TIMES)
    _prep(stage, names="unreal", orient="x", unused="remove")
    assert gap_mm(before, baked(stage, TIMES)) < 0.01


def test_what_cannot_be_done_is_said(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RefineError, match="no mesh"):
        refine(stage, "/Asset", "rig-prep")
    _, mesh = human(stage)
    clip = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip"))
    clip.GetScalesAttr().Set(Vt.Vec3hArray([Gf.Vec3h(1, 2, 1)] * 21), 0.0)
    text = stage.GetRootLayer().ExportToString()
    with pytest.raises(RefineError, match="shear"):
        refine(stage, "/Asset", "rig-prep", {"orient": "x"})
    assert stage.GetRootLayer().ExportToString() == text
    UsdSkel.BindingAPI(mesh.GetPrim()).GetJointWeightsPrimvar().Set([1.0])
    with pytest.raises(RefineError, match="bind it again"):
        refine(stage, "/Asset", "rig-prep")
    stage.RemovePrim(mesh.GetPath())
    human(stage)[0].GetJointsAttr().Set([])
    with pytest.raises(RefineError, match="no joints"):
        refine(stage, "/Asset", "rig-prep")
    assert Sdf.Path("/Asset")


def test_joints_know_their_other_side_by_name() -> None:
    from pipeline.refiners.rigs import mirrored

    names = ["Hips", "Hips/LeftArm", "Hips/RightArm", "Hips/leg_L", "Hips/leg_R", "Hips/tail", "Hips/Bip01 L Toe0"]
    assert mirrored(names).tolist() == [0, 2, 1, 4, 3, 5, 6]
