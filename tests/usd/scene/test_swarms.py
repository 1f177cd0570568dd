# SPDX-License-Identifier: Apache-2.0
"""Instances that move, and prims that come and go, hold what OpenUSD computes at any time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from pipeline.exporters.fbx.keys import sample_track
from pipeline.usd.scene import read_scene


def swarm(**changes: Any) -> Any:
    """Five cubes, the third hidden, that move and turn in a Z-up stage of centimetres."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, "Z")
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    stage.SetStartTimeCode(1)
    stage.SetEndTimeCode(25)
    many = UsdGeom.PointInstancer.Define(stage, "/W/Many")
    UsdGeom.XformCommonAPI(many).SetTranslate((1, 2, 3))
    UsdGeom.XformCommonAPI(UsdGeom.Cube.Define(stage, "/W/Many/P")).SetScale((1, 2, 3))
    many.CreatePrototypesRel().SetTargets(["/W/Many/P"])
    many.CreateProtoIndicesAttr([0] * 5)
    many.CreateIdsAttr([10, 11, 12, 13, 14])
    many.CreateInvisibleIdsAttr([12])
    for t in (1, 7, 25):
        many.GetPositionsAttr().Set([(10 * i + t, t * 0.5, i) for i in range(5)], t)
        turns = [Gf.Quath(math.cos((t + i) / 30), 0, 0, math.sin((t + i) / 30)) for i in range(5)]
        many.GetOrientationsAttr().Set(turns, t)
    if changes.get("velocities"):
        many.CreateVelocitiesAttr().Set([(0, 3, 0)] * 5, 1)
    if changes.get("changing"):
        many.GetProtoIndicesAttr().Set([0] * 5, 1)
        many.GetProtoIndicesAttr().Set([0] * 4, 7)
    return stage


@pytest.mark.parametrize("velocities", [False, True])
def test_moving_instances_become_nodes_that_move_as_composed(velocities: bool) -> None:
    stage = swarm(velocities=velocities)
    scene = read_scene(stage)
    assert not [x for x in scene.losses if "instances" in x.what]
    roots = [i for i, n in enumerate(scene.nodes) if n.path.startswith("/W/Many/P_")]
    names = [scene.nodes[i].name for i in roots if scene.nodes[i].mesh is None]
    assert names == ["P_10", "P_11", "P_13", "P_14"]
    instancer = UsdGeom.PointInstancer(stage.GetPrimAtPath("/W/Many"))
    turn = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    for code in (1.0, 4.0, 7.0, 16.5, 25.0):
        true = np.array(
            instancer.ComputeInstanceTransformsAtTime(code, code, UsdGeom.PointInstancer.ExcludeProtoXform)
        )  # without the hidden one
        for k, name in enumerate(names):
            number = next(i for i, n in enumerate(scene.nodes) if n.name == name)
            found = sample_track(scene.clips[0].transforms[number], np.array([(code - 1) / 24.0]))[0]
            assert np.allclose(found[3, :3], turn @ true[k][3, :3] * 0.01, atol=2e-4), (code, name)
            assert np.allclose(found[:3, :3], turn @ true[k][:3, :3] @ turn.T, atol=2e-3), (code, name)


def test_instances_that_come_and_go_stand_still_and_it_is_said() -> None:
    scene = read_scene(swarm(changing=True))
    assert ("/W/Many", "animated instances") in {(x.prim, x.what) for x in scene.losses}
    assert next(n for n in scene.nodes if n.path == "/W/Many").instances is not None


def test_visibility_is_followed_where_it_is_asked_for() -> None:
    stage = Usd.Stage.CreateInMemory()
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(48)
    for name, samples in {"Leaves": {0: True, 12: False, 40: True}, "Comes": {0: False, 12: True}}.items():
        shown = UsdGeom.Cube.Define(stage, f"/{name}").CreateVisibilityAttr()
        for time, on in samples.items():
            shown.Set("inherited" if on else "invisible", time)
    scene = read_scene(stage, follow=True)
    number = next(i for i, n in enumerate(scene.nodes) if n.path == "/Leaves")
    track = scene.clips[0].visibility[number]
    assert track.times.tolist() == [0.0, 0.5, 40 / 24]
    assert track.shown.tolist() == [True, False, True]
    assert [(x.prim, x.what) for x in scene.losses] == [("/Comes", "animated visibility")]
    assert {x.prim for x in read_scene(stage).losses} == {"/Comes", "/Leaves"}
