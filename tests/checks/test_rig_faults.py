# SPDX-License-Identifier: Apache-2.0
"""Planted faults of rigs: each is found by its rule, the fixer mends it, and what was sound is not accused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.checks import inspect
from pipeline.checks.fixing import fix_file
from pipeline.settings.jobs import Brief, Budgets, Job, Needs
from tests.refiners.people import human

RULES = ["rig", "animation.invalid"]
JOB = Brief(
    job=Job(
        name="person", title="Person", gates=["inspection"], formats=["usd"],
        budgets=Budgets(max_joints=30, max_influences=4), needs=Needs(rig=True, pose="a-pose"),
    )
)  # fmt: skip


def _person(path: Path, droop: float = 45.0, **more: object) -> tuple[Usd.Stage, UsdSkel.Skeleton, UsdGeom.Mesh]:
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    return (stage, *human(stage, droop=droop, **more))  # type: ignore[arg-type]


def _found(path: Path) -> dict[str, str]:
    return {f.rule: f.message for f in inspect(path, JOB, rules=RULES).findings}


def _twelve(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    stage.RemovePrim(mesh.GetPath())
    human(stage, droop=45, influences=12)


def _unnormalised(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    primvar = UsdSkel.BindingAPI(mesh.GetPrim()).GetJointWeightsPrimvar()
    primvar.Set(Vt.FloatArray.FromNumpy(np.array(primvar.Get()) * np.float32(1.5)))


def _nothing_moves(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    primvar = UsdSkel.BindingAPI(mesh.GetPrim()).GetJointWeightsPrimvar()
    weights = np.array(primvar.Get())
    weights[40:48] = 0
    primvar.Set(Vt.FloatArray.FromNumpy(weights))


def _out_of_order(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    for attribute in (skeleton.GetJointsAttr(), skeleton.GetBindTransformsAttr(), skeleton.GetRestTransformsAttr()):
        value = list(attribute.Get())
        value[3], value[4] = value[4], value[3]
        attribute.Set(value)


def _foreign_names(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    stage.RemovePrim("/Asset/geo")
    human(stage, lambda bone: f"mixamorig:{bone}", droop=45)


def _scaled(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    bind = np.array(skeleton.GetBindTransformsAttr().Get(), float).reshape(-1, 4, 4)
    bind[5, :3, :3] *= 10
    skeleton.GetBindTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(bind))


def _singular(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    bind = list(skeleton.GetBindTransformsAttr().Get())
    bind[7] = Gf.Matrix4d(0)
    skeleton.GetBindTransformsAttr().Set(bind)


def _no_rest(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    skeleton.GetRestTransformsAttr().Clear()


def _stretched_arms(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    stage.RemovePrim("/Asset/geo")
    human(stage, droop=10)


def _many_ends(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    joints = [str(j) for j in skeleton.GetJointsAttr().Get()]
    head = joints.index(next(j for j in joints if j.endswith("head")))
    skeleton.GetJointsAttr().Set([*joints, *(f"{joints[head]}/hair_{i}" for i in range(20))])
    for attribute, more in (
        (skeleton.GetBindTransformsAttr(), skeleton.GetBindTransformsAttr().Get()[head]),
        (skeleton.GetRestTransformsAttr(), Gf.Matrix4d(1)),
    ):
        attribute.Set([*attribute.Get(), *[more] * 20])


def _no_numbers(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    moves = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip")).GetTranslationsAttr()
    row = np.array(moves.Get(12.0))
    row[2] = np.nan
    moves.Set(Vt.Vec3fArray.FromNumpy(row), 12.0)


def _long_quaternions(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, mesh: UsdGeom.Mesh) -> None:
    turns = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip")).GetRotationsAttr()
    turns.Set(Vt.QuatfArray.FromNumpy(np.array(turns.Get(12.0)) * np.float32(3)), 12.0)


Fault = Callable[[Usd.Stage, UsdSkel.Skeleton, UsdGeom.Mesh], None]
FAULTS: dict[str, tuple[Fault, str, str]] = {
    "twelve influences": (_twelve, "rig.influences", "12 joints"),
    "weights of 1.5": (_unnormalised, "rig.weights", "off by 0.5"),
    "points without weight": (_nothing_moves, "rig.weights", "2 of 800"),
    "joints out of order": (_out_of_order, "rig.skeleton", "before their parents"),
    "names that are no paths": (_foreign_names, "rig.skeleton", "mixamorig:"),
    "a scaled joint": (_scaled, "rig.skeleton", "scaled by up to 10"),
    "a bind transform of zeros": (_singular, "rig.skeleton", "cannot be inverted"),
    "no rest transforms": (_no_rest, "rig.skeleton", "0 rest transforms for 21"),
    "arms stretched out": (_stretched_arms, "rig.rest-pose", "10 degrees"),
    "too many joints": (_many_ends, "rig.joints", "41 joints"),
    "a key that is no number": (_no_numbers, "animation.invalid", "no numbers"),
    "quaternions of length three": (_long_quaternions, "animation.invalid", "unit length"),
}


def test_a_sound_person_is_not_accused(tmp_path: Path) -> None:
    stage, *_ = _person(tmp_path / "person.usda")
    stage.Save()
    assert _found(tmp_path / "person.usda") == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_mended(tmp_path: Path, fault: str) -> None:
    plant, rule, words = FAULTS[fault]
    stage, skeleton, mesh = _person(tmp_path / "person.usda")
    plant(stage, skeleton, mesh)
    stage.Save()
    found = _found(tmp_path / "person.usda")
    assert words in found[rule]
    fixed = fix_file(tmp_path / "person.usda", tmp_path / "fixed.usda", JOB, rules=RULES)
    assert "rig-prep" in fixed.operations, fixed.failed
    assert _found(tmp_path / "fixed.usda") == {}
    again = fix_file(tmp_path / "fixed.usda", tmp_path / "again.usda", JOB, rules=RULES)
    assert again.operations == []


def test_a_body_that_lies_down(tmp_path: Path) -> None:
    stage, *_ = _person(tmp_path / "person.usda")
    # the head is 2 cm before the hips over 60 cm: 2 degrees more than the quarter turn
    UsdGeom.Xformable(stage.GetPrimAtPath("/Asset")).AddRotateXOp().Set(90.0)
    stage.Save()
    assert "leans 92 degrees" in _found(tmp_path / "person.usda")["rig.rest-pose"]


def test_an_armature_turned_by_its_tool_stands_upright(tmp_path: Path) -> None:
    """Joints bound with z up, beneath a node that turns z to y: what Blender and many FBX files hold."""
    stage, skeleton, mesh = _person(tmp_path / "person.usda", keys=0)
    turn = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], float)  # y to z
    bind = np.array(skeleton.GetBindTransformsAttr().Get(), float).reshape(-1, 4, 4) @ turn
    rest = np.array(skeleton.GetRestTransformsAttr().Get(), float).reshape(-1, 4, 4)
    rest[0] = rest[0] @ turn
    skeleton.GetBindTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(bind))
    skeleton.GetRestTransformsAttr().Set(Vt.Matrix4dArray.FromNumpy(rest))
    mesh.GetPointsAttr().Set(
        Vt.Vec3fArray.FromNumpy((np.array(mesh.GetPointsAttr().Get()) @ turn[:3, :3]).astype("f4"))
    )
    UsdGeom.Xformable(stage.GetPrimAtPath("/Asset/geo")).AddTransformOp().Set(Gf.Matrix4d(*np.linalg.inv(turn).ravel()))
    stage.Save()
    assert _found(tmp_path / "person.usda") == {}


@pytest.mark.parametrize(("degrees", "told"), [(60, False), (100, True)])
def test_a_joint_that_jumps(tmp_path: Path, degrees: float, told: bool) -> None:
    stage, *_ = _person(tmp_path / "person.usda")
    turns = UsdSkel.Animation(stage.GetPrimAtPath("/Asset/geo/clip")).GetRotationsAttr()
    rows = list(turns.Get(0.0))
    for time in range(25):
        now = list(rows)
        if time >= 10:
            now[4] = rows[4] * Gf.Quatf(Gf.Rotation(Gf.Vec3d(1, 0, 0), degrees).GetQuat())
        turns.Set(now, float(time))
    stage.Save()
    assert ("jumps" in _found(tmp_path / "person.usda").get("animation.invalid", "")) is told


def test_a_clip_that_is_called_a_loop_where_it_is_authored(tmp_path: Path) -> None:
    stage, skeleton, _ = _person(tmp_path / "person.usda")
    layer = stage.GetRootLayer()
    layer.GetPrimAtPath("/Asset/geo/clip").name = "walk_loop"
    UsdSkel.BindingAPI(skeleton.GetPrim()).GetAnimationSourceRel().SetTargets(["/Asset/geo/walk_loop"])
    stage.Save()
    assert "named as a loop" in _found(tmp_path / "person.usda")["animation.invalid"]
