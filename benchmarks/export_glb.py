# SPDX-License-Identifier: Apache-2.0
"""GLB export against its floor (open the stage, fetch the arrays as numpy, write them raw) and against peers.

    python benchmarks/export_glb.py [CASE | STAGE…] [--no-peers]

Each figure is the least CPU time of five runs in a process of its own that has imported everything; peak is that
process's largest resident size, of which `base` is what the imports alone take. Reading back is not in it. A peer
runs once, in its own process: usd2gltf where it is installed, Blender where GATES_BLENDER_PYTHON names an
interpreter that has bpy. A goal of 0 is none: the floor of those is next to nothing.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

#: five_thousand are equal boxes, as kits are; five_thousand_different have each their own shape
GOALS = {"two_million": 3.0, "five_thousand": 2.5, "five_thousand_different": 2.5, "instances": 4.0,
         "point_instancer": 0.0, "character": 10.0}  # fmt: skip
RUNS = 5


def new(path: Path):
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, "Y")
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    return stage


def grid(stage, path: str, n: int, seed: int = 0):
    """n x n quads with UVs indexed like the faces, and normals."""
    from pxr import Sdf, UsdGeom, Vt

    v = n + 1
    j, i = np.mgrid[0:v, 0:v]
    points = np.stack([i / n, np.sin(i / 3 + seed) * np.cos(j / 4) / 9, j / n], -1).reshape(-1, 3).astype(np.float32)
    a = (np.arange(n)[:, None] * v + np.arange(n)[None]).reshape(-1)
    faces = np.stack([a, a + v, a + v + 1, a + 1], -1).reshape(-1).astype(np.int32)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(n * n, 4, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces))
    mesh.CreateSubdivisionSchemeAttr("none")
    uv = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    uv.Set(Vt.Vec2fArray.FromNumpy(points[:, [0, 2]].copy()))
    uv.SetIndices(Vt.IntArray.FromNumpy(faces))
    normals = np.zeros_like(points)
    normals[:, 1] = 1
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
    mesh.SetNormalsInterpolation("vertex")
    return mesh


def make(case: str, folder: Path) -> Path:
    from pxr import Gf, Sdf, UsdGeom, UsdSkel, Vt

    path = folder / f"{case}.usdc"
    stage = new(path)
    if case == "two_million":
        grid(stage, "/World/Terrain", 1000)
    elif case.startswith("five_thousand"):
        for k in range(5000):
            mesh = grid(stage, f"/World/G{k // 100}/M{k}", 4, k if case.endswith("different") else 0)
            UsdGeom.XformCommonAPI(mesh).SetTranslate((2 * (k % 70), 0, 2 * (k // 70)))
    elif case == "instances":
        prototype = UsdGeom.Xform.Define(stage, "/_p")
        prototype.GetPrim().SetSpecifier(Sdf.SpecifierClass)
        grid(stage, "/_p/M", 22)
        for k in range(1000):
            one = UsdGeom.Xform.Define(stage, f"/World/I{k}")
            one.GetPrim().GetReferences().AddInternalReference("/_p")
            one.GetPrim().SetInstanceable(True)
            UsdGeom.XformCommonAPI(one).SetTranslate((2 * (k % 40), 0, 2 * (k // 40)))
    elif case == "point_instancer":
        instancer = UsdGeom.PointInstancer.Define(stage, "/World/PI")
        grid(stage, "/World/PI/P", 22)
        instancer.CreatePrototypesRel().SetTargets(["/World/PI/P"])
        instancer.CreateProtoIndicesAttr([0] * 10_000)
        places = np.random.default_rng(0).random((10_000, 3)).astype(np.float32) * 100
        instancer.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(places))
    elif case == "character":
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(240)
        UsdSkel.Root.Define(stage, "/World/C")
        mesh = grid(stage, "/World/C/Body", 150)
        skeleton = UsdSkel.Skeleton.Define(stage, "/World/C/S")
        joints = ["/".join(f"j{i}" for i in range(k + 1)) for k in range(40)]
        step = Gf.Matrix4d().SetTranslate((0, 0.05, 0))
        skeleton.CreateJointsAttr(joints)
        skeleton.CreateRestTransformsAttr([step] * 40)
        skeleton.CreateBindTransformsAttr([Gf.Matrix4d().SetTranslate((0, 0.05 * (k + 1), 0)) for k in range(40)])
        animation = UsdSkel.Animation.Define(stage, "/World/C/A")
        animation.CreateJointsAttr(joints)
        for code in range(241):
            turn = Gf.Quatf(Gf.Rotation((0, 0, 1), 20 * float(np.sin(code / 20))).GetQuat())
            animation.CreateTranslationsAttr().Set([(0, 0.05, 0)] * 40, code)
            animation.CreateRotationsAttr().Set([turn] * 40, code)
            animation.CreateScalesAttr().Set([(1, 1, 1)] * 40, code)
        UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets(["/World/C/A"])
        binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
        binding.CreateSkeletonRel().SetTargets(["/World/C/S"])
        count = 151 * 151
        which = np.random.default_rng(0).integers(0, 40, count * 4).astype(np.int32)
        binding.CreateJointIndicesPrimvar(False, 4).Set(Vt.IntArray.FromNumpy(which))
        binding.CreateJointWeightsPrimvar(False, 4).Set(Vt.FloatArray([0.25] * (count * 4)))
    stage.GetRootLayer().Save()
    return path


def floor(path: Path, out: Path) -> None:
    """The least that any exporter must do."""
    from pxr import Usd

    stage = Usd.Stage.Open(str(path))
    with out.open("wb") as file:
        for prim in stage.TraverseAll():
            for name in prim.GetAuthoredPropertyNames():
                attribute = prim.GetAttribute(name)
                if not attribute:
                    continue
                for code in attribute.GetTimeSamples() or [None]:
                    value = attribute.Get() if code is None else attribute.Get(code)
                    array = np.asarray(value)
                    if array.dtype.kind in "fiu" and array.size:
                        file.write(np.ascontiguousarray(array).data)


def ours(path: Path, out: Path) -> None:
    from pipeline.exporters import gltf, load_target
    from pipeline.usd.scene import read_scene

    target = load_target(None)
    gltf.write(read_scene(path, **gltf.reading(target)), out, target)


def usd2gltf(path: Path, out: Path) -> None:
    from usd2gltf import converter

    factory = converter.Converter()
    factory.process(factory.load_usd(str(path)), str(out))


#: Blender's own Python runs this
BLENDER = """
import json, os, resource, sys, time
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
start = time.process_time()
bpy.ops.wm.usd_import(filepath=sys.argv[1])
bpy.ops.export_scene.gltf(filepath=sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
size = os.path.getsize(sys.argv[2])
print(json.dumps({"seconds": time.process_time() - start, "peak": peak, "base": 0, "bytes": size}))
"""


def child(what: str, path: Path, out: Path) -> None:
    """Measure in this process and print one line."""
    import pipeline.exporters.delivery
    import pipeline.exporters.gltf  # noqa: F401

    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    run = {"floor": floor, "ours": ours, "usd2gltf": usd2gltf}[what]
    best = 1e9
    for _ in range(RUNS if what != "usd2gltf" else 1):
        start = time.process_time()
        run(path, out)
        best = min(best, time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": best, "peak": peak, "base": base, "bytes": out.stat().st_size}))


def measured(what: str, path: Path, out: Path) -> dict[str, float] | None:
    command = [sys.executable, __file__, "--child", what]
    if what == "blender":
        command = [os.environ.get("GATES_BLENDER_PYTHON") or "no-blender", "-c", BLENDER]
    try:
        done = subprocess.run([*command, str(path), str(out)], capture_output=True, text=True, check=False)
    except OSError:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def main(cases: list[str]) -> int:
    worst = 0
    peers = [] if "--no-peers" in cases else ["usd2gltf", "blender"]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        print("case                      floor s   ours s  ratio  goal  peak MB   base  GLB MB")
        for case in [c for c in cases if c != "--no-peers"] or list(GOALS):
            path = Path(case)
            if case in GOALS:
                subprocess.run([sys.executable, __file__, "--make", case, work], check=True)
                path = folder / f"{case}.usdc"
            least = measured("floor", path, folder / "raw.bin")
            found = measured("ours", path, folder / "out.glb")
            assert least is not None and found is not None
            ratio, goal = found["seconds"] / least["seconds"], GOALS.get(case, 0.0)
            worst += ratio > goal > 0
            print(
                f"{path.stem:24} {least['seconds']:8.3f} {found['seconds']:8.3f} {ratio:6.2f} {goal:5.1f} "
                f"{found['peak']:8.0f} {found['base']:6.0f} {found['bytes'] / 1e6:7.1f}",
                flush=True,
            )
            for peer in peers:
                other = measured(peer, path, folder / "peer.glb")
                if other is None:
                    print(f"  {peer:22} {'':8} writes nothing, or is not installed", flush=True)
                    continue
                print(
                    f"  {peer:22} {'':8} {other['seconds']:8.3f} {other['seconds'] / least['seconds']:6.2f} {'':5} "
                    f"{other['peak']:8.0f} {other['base']:6.0f} {other['bytes'] / 1e6:7.1f}",
                    flush=True,
                )
    return int(worst > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    elif sys.argv[1:2] == ["--make"]:
        make(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.exit(main(sys.argv[1:]))
