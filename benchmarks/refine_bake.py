# SPDX-License-Identifier: Apache-2.0
"""Baking five maps from a dense mesh: CPU seconds and memory against a floor and against Blender.

usage: python benchmarks/refine_bake.py [--triangles 500000] [--target 4000] [--side 1024] [--blender PYTHON]

The floor is what no baker can leave out: the raster of the atlas, the hierarchy over the dense mesh, and as many rays
as the bake sends, in one batch each (one a texel, and `--ao-rays` a texel for occlusion), by the same Embree. Blender
(an interpreter that has bpy; a process of its own) bakes the same five maps of the same two meshes selected to active
with Cycles, with one ray a texel as here. `tilt` is the mean angle between the normals of both sides that the normal
map makes good. CPU seconds of all threads; memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pxr import Sdf, Usd, UsdGeom, UsdShade, Vt
from refine_decimate import bumpy

from pipeline.mesh.bake import gathered, texels
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.rays import Rays
from pipeline.mesh.shading import corner_normals
from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.low import Low
from pipeline.refiners.core.subject import Subject

MAPS = ("normal", "ao", "albedo", "roughness", "metallic")
CAGE = 0.05

BLENDER = """
import json, resource, sys, time
import bpy
job = json.loads(sys.argv[1])
bpy.ops.wm.read_factory_settings(use_empty=True)
def load(file):
    before = set(bpy.data.objects)
    bpy.ops.wm.usd_import(filepath=file, apply_unit_conversion_scale=False)
    return [o for o in bpy.data.objects if o not in before and o.type == "MESH"][0]
high, low = load(job["file"]), load(job["low"])
for o in (high, low):
    o.modifiers.clear()
scene = bpy.context.scene
scene.render.engine, scene.cycles.use_denoising = "CYCLES", False
b = scene.render.bake
b.use_selected_to_active, b.use_cage, b.cage_extrusion, b.max_ray_distance = True, True, job["cage"], 2 * job["cage"]
b.margin, b.margin_type = 16, "EXTEND"
scene.world = bpy.data.worlds.new("w")
scene.world.light_settings.distance = job["reach"]
low.data.materials.clear()
target = bpy.data.materials.new("target")
target.use_nodes = True
low.data.materials.append(target)
node = target.node_tree.nodes.new("ShaderNodeTexImage")
target.node_tree.nodes.active = node
tree = high.data.materials[0].node_tree
emit = tree.nodes.new("ShaderNodeEmission")
out = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
surface = next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED")
bpy.ops.object.select_all(action="DESELECT")
high.select_set(True)
low.select_set(True)
bpy.context.view_layer.objects.active = low
began = time.process_time()
for name in job["maps"]:
    node.image = bpy.data.images.new(name, job["side"], job["side"], float_buffer=True)
    scene.cycles.samples = job["ao_rays"] if name == "ao" else 1
    if name in ("normal", "ao"):
        tree.links.new(surface.outputs[0], out.inputs[0])
        bpy.ops.object.bake(type=name.upper())
        continue
    socket = surface.inputs[{"albedo": "Base Color", "roughness": "Roughness", "metallic": "Metallic"}[name]]
    tree.links.new(socket.links[0].from_socket, emit.inputs[0])
    tree.links.new(emit.outputs[0], out.inputs[0])
    bpy.ops.object.bake(type="EMIT")
print("BAKED", time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def define(stage: Usd.Stage, path: str, mesh: PolygonMesh, normals: np.ndarray) -> UsdGeom.Mesh:
    """A mesh with UVs by its x and y and normals by corner."""
    made = UsdGeom.Mesh.Define(stage, path)
    made.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(mesh.points.astype(np.float32)))
    made.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(mesh.counts.astype(np.int32)))
    made.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.corners.astype(np.int32)))
    made.CreateSubdivisionSchemeAttr("none")
    api = UsdGeom.PrimvarsAPI(made)
    st = api.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
    st.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.points[:, :2], np.float32)))
    normal = api.CreatePrimvar("normals", Sdf.ValueTypeNames.Normal3fArray, "faceVarying")
    normal.Set(Vt.Vec3fArray.FromNumpy(normals.reshape(-1, 3).astype(np.float32)))
    return made


def paint(stage: Usd.Stage, mesh: UsdGeom.Mesh, folder: Path) -> None:
    """A material whose albedo, roughness and metallic are pictures of 1024 pixels."""
    from PIL import Image

    material = UsdShade.Material.Define(stage, "/Asset/paint")
    surface = UsdShade.Shader.Define(stage, "/Asset/paint/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    reader = UsdShade.Shader.Define(stage, "/Asset/paint/uv")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    u = np.linspace(0, 1, 1024)
    wave = 0.5 + 0.25 * np.sin(40 * u)[None] + 0.25 * np.cos(30 * u)[:, None]
    for name, kind in (("diffuseColor", "Color3f"), ("roughness", "Float"), ("metallic", "Float")):
        pixels = np.stack([wave, wave.T, 1 - wave], 2) if kind == "Color3f" else wave
        Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"{name}.png")
        texture = UsdShade.Shader.Define(stage, f"/Asset/paint/{name}")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(str(folder / f"{name}.png"))
        texture.CreateInput("wrapS", Sdf.ValueTypeNames.Token).Set("repeat")
        texture.CreateInput("wrapT", Sdf.ValueTypeNames.Token).Set("repeat")
        texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
        output = "rgb" if kind == "Color3f" else "r"
        texture.CreateOutput(output, Sdf.ValueTypeNames.Float3 if output == "rgb" else Sdf.ValueTypeNames.Float)
        given = surface.CreateInput(name, getattr(Sdf.ValueTypeNames, kind))
        given.ConnectToSource(texture.ConnectableAPI(), output)
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


def floor(stage: Usd.Stage, dense: PolygonMesh, side: int, ao_rays: int, reach: float) -> dict[str, float]:
    """CPU seconds of the raster, the hierarchy and the rays alone."""
    subject = Subject(stage.GetPrimAtPath("/Asset"))
    low = Low.of(subject, subject.parts())
    took = {}
    began = time.process_time()
    grid = texels(low.layout.uv, low.layout.corners, side)
    took["raster"] = time.process_time() - began
    outward = gathered(low.directions.astype(np.float32), grid)
    start = gathered(low.points[low.faces].astype(np.float32), grid) + CAGE * outward
    began = time.process_time()
    rays = Rays(dense.points, dense.triangles)
    rays.first(start[:1], -outward[:1])
    took["hierarchy"] = time.process_time() - began
    began = time.process_time()
    _, distance = rays.first(start, -outward, 2 * CAGE)
    took["rays"] = time.process_time() - began
    origin = start - (distance - 1e-3)[:, None] * outward
    random = np.random.default_rng(1)
    spent = 0.0
    for _ in range(ao_rays):
        way = random.normal(size=outward.shape).astype(np.float32)
        way = way / np.linalg.norm(way, axis=1, keepdims=True) + outward  # cosine-weighted about the normal
        began = time.process_time()
        rays.blocked(origin, way, reach)
        spent += time.process_time() - began
    took["occlusion rays"] = spent
    return took


def main() -> None:
    """Bake, time the floor, ask Blender."""
    options = argparse.ArgumentParser()
    options.add_argument("--triangles", type=int, default=500_000)
    options.add_argument("--target", type=int, default=4000)
    options.add_argument("--side", type=int, default=1024)
    options.add_argument("--ao-rays", type=int, default=32)
    options.add_argument("--blender", default=os.environ.get("GATES_BLENDER_PYTHON", ""))
    given = options.parse_args()
    dense = bumpy(given.triangles)
    dense = PolygonMesh(dense.points, dense.counts, dense.corners)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        high = Usd.Stage.CreateNew(str(folder / "high.usdc"))
        paint(high, define(high, "/Asset/high", dense, corner_normals(dense)), folder)
        high.SetDefaultPrim(high.GetPrimAtPath("/Asset"))
        high.Save()
        stage = Usd.Stage.CreateInMemory()
        UsdGeom.Xform.Define(stage, "/Asset")
        UsdGeom.SetStageMetersPerUnit(stage, UsdGeom.GetStageMetersPerUnit(high))
        define(stage, "/Asset/low", dense, corner_normals(dense))
        refine(stage, "/Asset", "decimate", {"triangles": given.target})
        refine(stage, "/Asset", "unwrap", {"side": given.side, "padding": 8})
        stage.Export(str(folder / "low.usdc"))
        metres = UsdGeom.GetStageMetersPerUnit(stage)
        size = Subject(stage.GetPrimAtPath("/Asset")).size
        least = floor(stage, dense, given.side, given.ao_rays, 0.3 * size)
        began = time.process_time()
        told = refine(
            stage, "/Asset", "bake", store=FolderStore(folder / "baked"), settings={
                "source": str(folder / "high.usdc"), "side": given.side, "cage": CAGE * metres, "supersample": 1,
                "ao_rays": given.ao_rays, "maps": ",".join(MAPS),
            },
        )  # fmt: skip
        ours = time.process_time() - began
        total = sum(least.values())
        print("  ".join(f"{label} {seconds:.2f}" for label, seconds in least.items()))
        print(f"{'floor':12} {total:7.2f} CPU s")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{'ours':12} {ours:7.2f} CPU s   {ours / total:.2f} x the floor   peak {peak:.2f} GB")
        print(
            f"texels {told.details['texels']}, missed {told.details['missed']:.4%}, tilt {told.details['tilt_deg']} deg"
        )
        if not given.blender:
            print("no Blender: name an interpreter that has bpy with --blender")
            return
        job = {
            "file": str(folder / "high.usdc"), "low": str(folder / "low.usdc"), "cage": CAGE, "side": given.side,
            "reach": 0.3 * size, "ao_rays": given.ao_rays, "maps": MAPS,
        }  # fmt: skip
        answer = subprocess.run(
            [given.blender, "-c", BLENDER, json.dumps(job)], capture_output=True, text=True, check=False
        )
        line = next((x for x in answer.stdout.splitlines() if x.startswith("BAKED")), None)
        if line is None:
            sys.exit(answer.stdout[-500:] + answer.stderr[-1000:])
        seconds, memory = (float(x) for x in line.split()[1:])
        print(f"{'Blender':12} {seconds:7.2f} CPU s   ours takes {ours / seconds:.2f} of it   peak {memory:.2f} GB")


if __name__ == "__main__":
    main()
