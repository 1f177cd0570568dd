# SPDX-License-Identifier: Apache-2.0
"""Draco data says what the mesh says, to readers that are not ours: trimesh, the Khronos validator, Blender."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Sdf, UsdGeom, UsdSkel, Vt

from pipeline.exporters import export, load_target

_BLENDER = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[-1])
rows = []
for thing in bpy.data.objects:
    if thing.type != "MESH" or thing.parent is None and not thing.vertex_groups: continue
    mesh = thing.data
    names = {g.index: g.name for g in thing.vertex_groups}
    colors = mesh.color_attributes
    for loop in mesh.loops:
        vertex = mesh.vertices[loop.vertex_index]
        weights = {names[g.group]: round(g.weight, 4) for g in vertex.groups}
        rows.append([*vertex.co, *(x for u in mesh.uv_layers for x in u.data[loop.index].uv),
                     weights.get("a", 0.0), weights.get("b", 0.0)])
print("FACTS" + json.dumps([rows, [c.name for c in colors], [u.name for u in mesh.uv_layers]]))
"""


def _sheet(p: Any, n: int = 12) -> Any:
    """A wavy sheet with two UV sets, colours at corners, two subsets and a skin of two joints."""
    v = n + 1
    j, i = np.mgrid[0:v, 0:v]
    points = np.stack([i / n, np.sin(i / 3) / 4, j / n], -1).reshape(-1, 3).astype(np.float32)
    a = (np.arange(n)[:, None] * v + np.arange(n)[None]).reshape(-1)
    faces = np.stack([a, a + v, a + v + 1, a + 1], -1).reshape(-1).astype(np.int32)
    root = UsdSkel.Root.Define(p.stage, "/World/R")
    mesh = UsdGeom.Mesh.Define(p.stage, "/World/R/Sheet")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr([4] * (n * n))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces))
    primvars = UsdGeom.PrimvarsAPI(mesh)
    for name, scale in (("st", 0.9), ("lightmap", 0.4)):
        uv = primvars.CreatePrimvar(name, Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
        uv.Set(Vt.Vec2fArray.FromNumpy((points[:, [0, 2]] * scale).astype(np.float32)))
    mesh.CreateDisplayColorPrimvar("vertex").Set(Vt.Vec3fArray.FromNumpy(np.abs(points)))
    half = UsdGeom.Subset.CreateGeomSubset(mesh, "half", "face", Vt.IntArray(range(n * n // 2)), "materialBind")
    p.bind(half, p.material("/World/Red", diffuseColor=(1, 0, 0)))
    skeleton = UsdSkel.Skeleton.Define(p.stage, "/World/R/Skel")
    skeleton.CreateJointsAttr(["a", "a/b"])
    skeleton.CreateBindTransformsAttr([Gf.Matrix4d(1), Gf.Matrix4d().SetTranslate((0.5, 0, 0))])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d(1), Gf.Matrix4d().SetTranslate((0.5, 0, 0))])
    UsdSkel.BindingAPI.Apply(root.GetPrim()).CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    weights = np.stack([1 - points[:, 0], points[:, 0]], -1).astype(np.float32)
    binding.CreateJointIndicesPrimvar(False, 2).Set(Vt.IntArray([0, 1] * len(points)))
    binding.CreateJointWeightsPrimvar(False, 2).Set(Vt.FloatArray.FromNumpy(weights.reshape(-1)))
    return points


def test_a_reader_with_draco_finds_the_mesh(plot: Any, tmp_path: Path) -> None:
    p = plot()
    points = _sheet(p)
    plain = export(p.save(), tmp_path / "plain.glb")
    small = export(p.path, tmp_path / "small.glb", load_target(None, geometry={"compression": "draco"}))
    assert small.readback.ok and small.bytes < plain.bytes
    import trimesh

    scene: Any = trimesh.load(tmp_path / "small.glb", force="scene", process=False)
    found = np.concatenate([g.vertices for g in scene.geometry.values()])
    assert sum(len(g.faces) for g in scene.geometry.values()) == 2 * 144
    # every point is there, within a step of 14 bits
    gaps = np.linalg.norm(points[:, None] - found[None], axis=2).min(axis=1)
    assert gaps.max() < 2 / 2**14


def test_what_draco_cannot_hold_is_stored_as_it_is(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    mesh = p.cube("/World/C")
    rest = np.array(mesh.GetPointsAttr().Get(), np.float32)
    for code in (1, 5):
        mesh.GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(rest * code), code)
    p.stage.SetStartTimeCode(1)
    p.stage.SetEndTimeCode(5)
    result = export(p.save(), tmp_path / "c.glb", load_target(None, geometry={"compression": "draco"}))
    assert [(x.prim, x.what) for x in result.losses] == [("/World/C", "Draco compression")]
    assert "KHR_draco_mesh_compression" not in glb(tmp_path / "c.glb").json.get("extensionsUsed", ())


def test_triangles_without_area_stay(plot: Any, tmp_path: Path) -> None:
    p = plot()
    mesh = p.cube("/World/C")
    mesh.GetFaceVertexIndicesAttr().Set([0, 0, 0, 0, *list(mesh.GetFaceVertexIndicesAttr().Get())[4:]])
    result = export(p.save(), tmp_path / "c.glb", load_target(None, geometry={"compression": "draco"}))
    assert result.stats.triangles == 12 and result.readback.ok


@pytest.mark.blender
@pytest.mark.long
def test_blender_unpacks_every_attribute(plot: Any, tmp_path: Path, blender_python: Path) -> None:
    p = plot()
    _sheet(p)
    p.save()
    rows = {}
    for compression in ("none", "draco"):
        out = tmp_path / f"{compression}.glb"
        export(p.path, out, load_target(None, geometry={"compression": compression}))
        done = subprocess.run(
            [str(blender_python), "-c", _BLENDER, str(out)], capture_output=True, text=True, timeout=200, check=True
        )
        line = next(x for x in done.stdout.splitlines() if x.startswith("FACTS"))
        found, colors, sets = json.loads(line[5:])
        assert (len(colors), len(sets)) == (1, 2)
        rows[compression] = np.unique(np.round(np.array(found), 2), axis=0)
    assert rows["none"].shape[1] == 9 and len(rows["none"]) > 100
    # each corner of the one has a corner of the other with the same place, UVs and weights
    gaps = np.abs(rows["none"][:, None] - rows["draco"][None]).max(axis=2)
    assert gaps.min(axis=0).max() < 0.011 and gaps.min(axis=1).max() < 0.011
