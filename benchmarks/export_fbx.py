# SPDX-License-Identifier: Apache-2.0
"""FBX against the floor and Blender's exporter: seconds of processor time, as ratios, and peak memory.

    python benchmarks/export_fbx.py [--blender PYTHON_WITH_BPY] [--runs 3] [STAGE…]

The floor opens the stage, fetches every mesh's arrays as numpy and writes their bytes. Without STAGE: a terrain
of two million triangles, five thousand meshes, and a thousand instances of a mesh of a thousand triangles. Each
row runs in a process of its own; imports are not counted. What is counted of Blender is reading the stage and
its exporter's run, in its own process too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FLOOR = """
import numpy as np, sys, resource, json, time
from pxr import Usd, UsdGeom
def run():
    stage = Usd.Stage.Open(sys.argv[1])
    with open(sys.argv[2], "wb") as out:
        for prim in stage.Traverse(Usd.TraverseInstanceProxies()):
            if prim.IsA(UsdGeom.Mesh):
                mesh = UsdGeom.Mesh(prim)
                arrays = [mesh.GetPointsAttr().Get(), mesh.GetFaceVertexCountsAttr().Get(),
                          mesh.GetFaceVertexIndicesAttr().Get(), mesh.GetNormalsAttr().Get()]
                for primvar in UsdGeom.PrimvarsAPI(prim).GetPrimvarsWithValues():
                    arrays += [primvar.Get(), primvar.GetIndices()]
                UsdGeom.Xformable(prim).GetLocalTransformation()
                for a in arrays:
                    if a is not None and not isinstance(a, (str, float, int)):
                        out.write(np.asarray(a).tobytes())
"""
OURS = """
import sys, resource, json, time
from pipeline.usd.scene import read_scene
from pipeline.exporters.fbx import write_fbx
def run():
    write_fbx(read_scene(sys.argv[1]), sys.argv[2])
"""
PEER = """
import sys, resource, json, time, bpy
def run():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=sys.argv[1])
    bpy.ops.export_scene.fbx(filepath=sys.argv[2])
"""
CLOCK = """
cpu, wall = time.process_time(), time.perf_counter()
run()
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("\\nROW " + json.dumps([cpu, wall, peak]))
"""


def once(python: str, code: str, stage: Path, out: Path) -> list[float] | None:
    """Processor seconds, seconds, peak MB of one run; None where it fails."""
    done = subprocess.run(
        [python, "-c", code + CLOCK, str(stage), str(out)], capture_output=True, text=True, check=False
    )
    line = next((x for x in done.stdout.splitlines() if x.startswith("ROW ")), None)
    return json.loads(line[4:]) if line else None


def make(folder: Path) -> list[Path]:
    """The three stages."""
    import numpy as np
    from pxr import Gf, Sdf, Usd, UsdGeom, Vt

    def grid(stage: Usd.Stage, path: str, n: int) -> None:
        v = n + 1
        j, i = np.mgrid[0:v, 0:v]
        points = np.stack([i / n * 10, np.sin(i / 30) * np.cos(j / 40), j / n * 10], -1).reshape(-1, 3)
        first = (np.arange(n)[:, None] * v + np.arange(n)).reshape(-1)
        faces = np.stack([first, first + v, first + v + 1, first + 1], -1).reshape(-1).astype(np.int32)
        mesh = UsdGeom.Mesh.Define(stage, path)
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points.astype(np.float32)))
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(n * n, 4, np.int32)))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces))
        mesh.CreateSubdivisionSchemeAttr("none")
        normals = np.zeros((v * v, 3), np.float32)
        normals[:, 1] = 1
        mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
        mesh.SetNormalsInterpolation("vertex")
        st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
        st.Set(Vt.Vec2fArray.FromNumpy(np.stack([i / n, j / n], -1).reshape(-1, 2).astype(np.float32)))

    made = []
    for name in ("terrain_2M", "meshes_5000", "instances_1000"):
        path = folder / f"{name}.usdc"
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(stage, "Y")
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
        if name == "terrain_2M":
            grid(stage, "/World/Terrain", 1000)
        elif name == "meshes_5000":
            for k in range(5000):
                grid(stage, f"/World/G{k // 100}/M{k}", 2)
                UsdGeom.XformCommonAPI(stage.GetPrimAtPath(f"/World/G{k // 100}/M{k}")).SetTranslate(
                    (k % 70, 0, k // 70)
                )
        else:
            stage.CreateClassPrim("/Proto")
            grid(stage, "/Proto/Mesh", 22)
            for k in range(1000):
                prim = UsdGeom.Xform.Define(stage, f"/World/I{k}").GetPrim()
                prim.GetReferences().AddInternalReference("/Proto")
                prim.SetInstanceable(True)
                UsdGeom.XformCommonAPI(prim).SetTranslate(Gf.Vec3d(k % 40 * 11, 0, k // 40 * 11))
        stage.Save()
        made.append(path)
    return made


def main() -> None:
    """Print one row a stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blender", default=os.environ.get("GATES_BLENDER_PYTHON", ""))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("stage", nargs="*", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stages = chosen.stage or make(Path(folder))
        out = Path(folder) / "out.fbx"
        print(f"{'stage':24} {'floor s':>8} {'ours s':>8} {'/floor':>7} {'MB':>6}", end=" ")
        print(f"{'wall s':>7} {'Blender s':>10} {'/ours':>7} {'MB':>6}")
        for stage in stages:
            rows = {}
            for who, python, code, runs in (
                ("floor", sys.executable, FLOOR, chosen.runs),
                ("ours", sys.executable, OURS, chosen.runs),
                ("peer", chosen.blender, PEER, 1),
            ):
                found = [once(python, code, stage, out) for _ in range(runs)] if python else []
                rows[who] = min((r for r in found if r is not None), default=None)
            floor, ours, peer = rows["floor"], rows["ours"], rows["peer"]
            if floor is None or ours is None:
                print(f"{stage.stem:24} failed", flush=True)
                continue
            ratio = ours[0] / floor[0]
            line = f"{stage.stem:24} {floor[0]:8.3f} {ours[0]:8.3f} {ratio:7.2f} {ours[2]:6.0f} {ours[1]:7.3f}"
            if peer is not None:
                line += f" {peer[0]:10.2f} {peer[0] / ours[0]:7.1f} {peer[2]:6.0f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
