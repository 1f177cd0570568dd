# SPDX-License-Identifier: Apache-2.0
"""Context notes of an asset among ten thousand neighbours and a million triangles, against a floor.

    python benchmarks/context_notes.py [--places 10000] [--triangles 100] [--kind native] [--measures]

The floor is what nobody who measures by rays through a camera can leave out, in the same process and on the same
scene: the stage is read into arrays, one ray hierarchy is built over all of its triangles in the world, and one ray
is cast for each pixel of the measured picture. Prints CPU seconds (a shared machine's clock lies), the ratio and the
peak of memory.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from pxr import Gf, Usd, UsdGeom, UsdLux, Vt

from pipeline.mesh.rays import Rays
from pipeline.scenes.notes import Situation, View, load_measures, measure
from pipeline.scenes.notes.view import PICTURE
from pipeline.usd.scene import draws, read_scene

THING = "/World/Assets/thing"


def sphere(stage: Usd.Stage, path: str, triangles: int, radius: float = 0.4) -> None:
    """A bumpy ball of about so many triangles, standing on the ground."""
    columns = max(4, round(np.sqrt(triangles)))
    rows = max(3, triangles // (2 * columns) + 1)
    u, v = np.meshgrid(np.arange(columns) / columns * 2 * np.pi, np.linspace(0, np.pi, rows))
    r = radius * (1 + 0.05 * np.sin(7 * u) * np.sin(5 * v))
    points = np.stack([r * np.sin(v) * np.cos(u), radius + r * np.cos(v), r * np.sin(v) * np.sin(u)], -1)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    k = (j + 1) % columns
    quads = np.stack([i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j], -1)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points.reshape(-1, 3).astype(np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(quads.size // 4, 4, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(quads.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr("none")


def scene(places: int, triangles: int, kind: str) -> Usd.Stage:
    """A square of neighbours around one asset with a tenth of all triangles."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.Xform.Define(stage, "/World")
    Usd.ModelAPI(UsdGeom.Xform.Define(stage, THING)).SetKind("component")
    sphere(stage, f"{THING}/body", max(places * triangles // 10, 200))
    side = int(np.ceil(np.sqrt(places)))
    spots = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:places] - side / 2 + 0.5
    where = np.column_stack([spots[:, 0], np.zeros(places), spots[:, 1] - 1.0])
    if kind == "native":
        prototype = stage.CreateClassPrim("/prototype")
        Usd.ModelAPI(prototype).SetKind("component")
        sphere(stage, "/prototype/body", triangles)
        for n, at in enumerate(where.tolist()):
            prim = UsdGeom.Xform.Define(stage, f"/World/Set/n{n}")
            prim.GetPrim().GetReferences().AddInternalReference("/prototype")
            prim.GetPrim().SetInstanceable(True)
            prim.AddTranslateOp().Set(Gf.Vec3d(*at))
    else:
        instancer = UsdGeom.PointInstancer.Define(stage, "/World/Set/scatter")
        sphere(stage, "/World/Set/scatter/ball", triangles)
        instancer.CreatePrototypesRel().SetTargets(["/World/Set/scatter/ball"])
        instancer.CreateProtoIndicesAttr(Vt.IntArray.FromNumpy(np.zeros(places, np.int32)))
        instancer.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(where.astype(np.float32)))
    lens = UsdGeom.Camera.Define(stage, "/World/Cameras/front")
    lens.CreateFocalLengthAttr(0.35)
    lens.CreateHorizontalApertureAttr(0.36)
    lens.CreateVerticalApertureAttr(0.2025)
    lens.AddTranslateOp().Set(Gf.Vec3d(0, 1.7, 6))
    lens.AddRotateXOp().Set(-12.0)
    UsdLux.DistantLight.Define(stage, "/World/Lights/sun").CreateIntensityAttr(3.0)
    UsdLux.DomeLight.Define(stage, "/World/Lights/sky").CreateIntensityAttr(0.5)
    return stage


def floor(stage: Usd.Stage) -> int:
    """Read, one hierarchy over everything, one ray a pixel; returns the triangles."""
    read = read_scene(stage, clips=False)
    points, faces, start = [], [], 0
    for draw in draws(read):
        mesh = read.meshes[draw.mesh]
        count, size = len(draw.matrices), len(mesh.points)
        world = np.einsum("vi,kij->kvj", mesh.points, draw.matrices[:, :3, :3]) + draw.matrices[:, None, 3, :3]
        points.append(world.reshape(-1, 3))
        faces.append((mesh.triangle_vertices[None] + (np.arange(count) * size)[:, None, None] + start).reshape(-1, 3))
        start += count * size
    rays = Rays(np.concatenate(points), np.concatenate(faces))
    pixels = PICTURE * PICTURE * 9 // 16
    spread = np.random.default_rng(0).uniform(-0.5, 0.5, (pixels, 2))
    towards = np.column_stack([spread, np.full(pixels, -1.0)])
    rays.first(np.tile([0.0, 1.7, 6.0], (pixels, 1)), towards)
    return len(rays.faces)


def notes(stage: Usd.Stage) -> int:
    """Every kind of remark through the camera."""
    found = measure(Situation(stage, stage.GetPrimAtPath(THING), ("/World/Cameras/front",)))
    assert not found.failures, found.failures
    return len(found.notes)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--places", type=int, default=10_000)
    parser.add_argument("--triangles", type=int, default=100, help="of each neighbour")
    parser.add_argument("--kind", choices=("both", "native", "points"), default="both")
    parser.add_argument("--measures", action="store_true", help="seconds of each kind by itself")
    chosen = parser.parse_args()
    for kind in ("native", "points") if chosen.kind == "both" else (chosen.kind,):
        stage = scene(chosen.places, chosen.triangles, kind)
        begun = time.process_time()
        count = floor(stage)
        least = time.process_time() - begun
        begun = time.process_time()
        said = notes(stage)
        spent = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{kind:7} {chosen.places:,} places, {count:,} triangles: floor {least:.2f} s, notes {spent:.2f} s "
            f"({spent / least:.1f} x), {said} remarks, peak {peak:,.0f} MB"
        )
        if chosen.measures:
            situation = Situation(stage, stage.GetPrimAtPath(THING), ("/World/Cameras/front",))
            parts = {}
            for name in ("drawing", "pieces"):
                begun = time.process_time()
                getattr(situation, name)
                parts[name] = time.process_time() - begun
            begun = time.process_time()
            view = View(situation, "/World/Cameras/front")
            view.picture  # noqa: B018
            parts["picture"] = time.process_time() - begun
            for each in load_measures().measures.values():
                begun = time.process_time()
                list(each.run(situation, view))
                parts[each.kind] = time.process_time() - begun
            print("        " + ", ".join(f"{k} {v:.2f}" for k, v in parts.items()))


if __name__ == "__main__":
    main()
