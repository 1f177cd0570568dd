# SPDX-License-Identifier: Apache-2.0
"""Readers that are not ours."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.exporters.fbx import read_back
from pipeline.exporters.fbx.readback import read_fbx

Stage = Callable[..., Path]

MOVING = """def Xform "World"
{{
  double3 xformOp:translate = (2, 0, 0)
  uniform token[] xformOpOrder = ["xformOp:translate"]
  def Mesh "Arm"
  {{ {cube}
    double3 xformOp:translate.timeSamples = {{ 5: (0, 0, 0), 35: (0, 4, 0) }}
    float3 xformOp:translate:pivot = (1, 0, 0)
    float3 xformOp:rotateZYX.timeSamples = {{ 5: (0, 0, 0), 20: (40, 170, 10), 35: (-80, 350, 30) }}
    uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:translate:pivot", "xformOp:rotateZYX",
      "!invert!xformOp:translate:pivot"]
  }}
  def Camera "Cam"
  {{ }}
}}
"""

RIG = """def Xform "World"
{
  float3 xformOp:scale = (-2, 2, 2)
  double3 xformOp:translate.timeSamples = { 10: (0,0,0), 30: (300, 0, 50) }
  float xformOp:rotateZ.timeSamples = { 10: 0, 30: 160 }
  uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:rotateZ", "xformOp:scale"]
  def SkelRoot "Char"
  {
  def Skeleton "Skel" (prepend apiSchemas = ["SkelBindingAPI"])
  {
    uniform token[] joints = ["root", "root/tip"]
    uniform matrix4d[] bindTransforms = [
      ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,0,0,1)), ((0,1,0,0),(-1,0,0,0),(0,0,1,0),(0,100,0,1))]
    uniform matrix4d[] restTransforms = [
      ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,0,0,1)), ((1,0,0,0),(0,1,0,0),(0,0,1,0),(0,100,0,1))]
    rel skel:animationSource = </World/Char/Skel/Anim>
    def SkelAnimation "Anim"
    {
      uniform token[] joints = ["root", "root/tip"]
      float3[] translations = [(0,0,0), (0,100,0)]
      half3[] scales = [(1,1,1), (1,1,1)]
      quatf[] rotations.timeSamples = {
        10: [(1,0,0,0), (1,0,0,0)], 30: [(0.9,0.3,0.3,0.1), (0.5,0.5,0.5,0.5)] }
    }
  }
  def Mesh "Body" (prepend apiSchemas = ["SkelBindingAPI"])
  {
    point3f[] points = [(0,0,0), (10,0,20), (10,200,0), (0,200,10)]
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0,1,2,3]
    uniform token subdivisionScheme = "none"
    rel skel:skeleton = </World/Char/Skel>
    matrix4d primvars:skel:geomBindTransform = ((1,0,0,0),(0,0,1,0),(0,-1,0,0),(3,0,0,1))
    int[] primvars:skel:jointIndices = [0,1, 0,1, 0,1, 0,1] (
      interpolation = "vertex"
      elementSize = 2)
    float[] primvars:skel:jointWeights = [1,0, 0.5,0.5, 0.25,0.75, 0,1] (
      interpolation = "vertex"
      elementSize = 2)
  }
  }
}
"""

BLENDER = """
import bpy, json, sys
import numpy as np
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.fbx_import(filepath=sys.argv[1], anim_offset=0.0)
scene = bpy.context.scene
out = []
rate = scene.render.fps / scene.render.fps_base
for seconds in json.loads(sys.argv[2]):
    frame = seconds * rate
    scene.frame_set(int(frame // 1), subframe=frame % 1)
    obj = scene.objects[sys.argv[3]].evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrix = np.array(obj.matrix_world)
    points = np.array([v.co for v in obj.data.vertices]) @ matrix[:3, :3].T + matrix[:3, 3]
    out.append((points[:, [0, 2, 1]] * (1, 1, -1)).tolist())
print("\\nPOSES " + json.dumps(out))
"""


def poses(blender_python: Path, path: Path, seconds: np.ndarray, name: str) -> np.ndarray:
    """World points of a mesh at several times as Blender evaluates them, Y up."""
    done = subprocess.run(
        [str(blender_python), "-c", BLENDER, str(path), json.dumps(seconds.tolist()), name],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    line = next(x for x in done.stdout.splitlines() if x.startswith("POSES "))
    return np.array(json.loads(line[6:]))


@pytest.mark.blender
@pytest.mark.long
def test_a_mirrored_scaled_moving_character_is_skinned_as_composed(
    stage: Stage, export: Callable, blender_python: Path
) -> None:
    from pxr import Usd, UsdGeom, UsdSkel, Vt

    more = "  startTimeCode = 10\n  endTimeCode = 30\n  timeCodesPerSecond = 20\n"
    path = stage(RIG, up="Z", unit=0.01, more=more)
    codes = np.linspace(10, 30, 11)
    found = poses(blender_python, export(path).path, codes / 20, "Body")
    opened = Usd.Stage.Open(str(path))
    cache = UsdSkel.Cache()
    root = UsdSkel.Root(opened.GetPrimAtPath("/World/Char"))
    cache.Populate(root, Usd.PrimDefaultPredicate)
    binding = cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate)[0]
    body = UsdGeom.Mesh(opened.GetPrimAtPath("/World/Char/Body"))
    for code, ours in zip(codes, found, strict=True):
        moved = Vt.Vec3fArray(body.GetPointsAttr().Get())
        joints = cache.GetSkelQuery(binding.GetSkeleton()).ComputeSkinningTransforms(code)
        assert binding.GetSkinningTargets()[0].ComputeSkinnedPoints(joints, moved, code)
        world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(binding.GetSkeleton().GetPrim()))
        truth = np.array(moved, float) @ world[:3, :3] + world[3, :3]
        truth = 0.01 * truth[:, [0, 2, 1]] * (1, 1, -1)
        assert np.abs(ours - truth).max() < 1e-3 * 4, code  # four metres tall


@pytest.mark.blender
@pytest.mark.long
@pytest.mark.parametrize("rate", [24, 30, 17])
def test_pivots_and_any_euler_order_move_as_composed(
    stage: Stage, export: Callable, cube: str, blender_python: Path, rate: int
) -> None:
    from pxr import Usd, UsdGeom

    more = f"  startTimeCode = 5\n  endTimeCode = 35\n  timeCodesPerSecond = {rate}\n"
    path = stage(MOVING.format(cube=cube), more=more)
    made = export(path)
    codes = np.linspace(5, 35, 23)
    found = poses(blender_python, made.path, codes / rate, "Arm")
    opened = Usd.Stage.Open(str(path))
    mesh = UsdGeom.Mesh(opened.GetPrimAtPath("/World/Arm"))
    points = np.array(mesh.GetPointsAttr().Get(), float)
    for code, ours in zip(codes, found, strict=True):
        world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(mesh.GetPrim()))
        truth = points @ world[:3, :3] + world[3, :3]
        assert np.abs(ours - truth).max() < 1e-3 * 4 * math.sqrt(3), code


WAVE = """def Xform "World"
{
  double3 xformOp:translate = (2, 0, 0)
  uniform token[] xformOpOrder = ["xformOp:translate"]
  def Mesh "Sheet"
  {
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    point3f[] points.timeSamples = {
      3: [(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)],
      7: [(0, 1, 0), (1, 0, 0), (1, 0.5, 1), (0, 0, 1)],
      20: [(0, -1, 0), (1, 0, 0), (1, 0, 1), (0, 2, 1)] }
    uniform token subdivisionScheme = "none"
  }
}
"""


@pytest.mark.blender
@pytest.mark.long
def test_moving_points_move_as_composed(stage: Stage, export: Callable, blender_python: Path) -> None:
    from pxr import Usd, UsdGeom

    path = stage(WAVE, more="  startTimeCode = 3\n  endTimeCode = 20\n  timeCodesPerSecond = 17\n")
    codes = np.array([3, 4, 6.5, 7, 9, 15, 20])
    found = poses(blender_python, export(path).path, codes / 17, "Sheet")
    opened = Usd.Stage.Open(str(path))
    points = UsdGeom.Mesh(opened.GetPrimAtPath("/World/Sheet")).GetPointsAttr()
    place = np.array([2.0, 0, 0])
    for code, ours in zip(codes, found, strict=True):
        assert np.abs(ours - (np.array(points.Get(code)) + place)).max() < 3e-3, code


@pytest.mark.blender
@pytest.mark.long
def test_blender_finds_what_the_stage_has(
    stage: Stage, export: Callable, cube: str, blender_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATES_BLENDER_PYTHON", str(blender_python))
    made = export(stage(MOVING.format(cube=cube), up="Z", unit=0.01))
    reading = read_back(made.path)
    assert reading.reader.startswith("Blender")
    assert reading.problems == []
    assert reading.facts["triangles"] == 12
    told = {k: reading.facts[k] for k in ("cameras", "lights", "clips", "joints", "drawn_uv_sets")}
    assert told == {"cameras": 1, "lights": 0, "clips": 1, "joints": 0, "drawn_uv_sets": 0}


def test_no_reader_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATES_BLENDER_PYTHON", raising=False)
    monkeypatch.delenv("GATES_BLENDER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = read_fbx(tmp_path / "x.fbx")
    assert (reading.reader, reading.facts, reading.problems) == ("", {}, [])
    assert len(reading.unavailable) == 2


@pytest.mark.skipif(shutil.which("assimp") is None, reason="assimp is not installed")
def test_assimp_reads_the_nodes(stage: Stage, export: Callable, cube: str) -> None:
    made = export(stage(MOVING.format(cube=cube)))
    told = subprocess.run(["assimp", "info", str(made.path)], capture_output=True, text=True, check=False).stdout
    assert "Arm" in told
    assert "Cam" in told
    broken = made.path.with_name("broken.fbx")
    broken.write_bytes(made.path.read_bytes()[:2000])
    reading = read_fbx(broken)
    assert any("assimp cannot read it" in p for p in reading.problems)
