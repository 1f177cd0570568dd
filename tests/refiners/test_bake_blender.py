# SPDX-License-Identifier: Apache-2.0
"""The same two meshes baked by Cycles, selected to active, and here: texel by texel."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, Vt
from scipy.ndimage import binary_erosion

from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.looks import maps
from pipeline.refiners.core.subject import Subject

SIDE = 192
AO_RAYS = 32
INPUTS = {
    "normal": "normal", "ao": "occlusion", "albedo": "diffuseColor", "roughness": "roughness", "metallic": "metallic",
}  # fmt: skip

_BLENDER = """
import json, sys
import bpy, numpy as np
job = json.loads(sys.argv[1])
bpy.ops.wm.read_factory_settings(use_empty=True)
def load(file):
    before = set(bpy.data.objects)
    bpy.ops.wm.usd_import(filepath=file, apply_unit_conversion_scale=False, import_textures_mode="IMPORT_NONE")
    found = [o for o in bpy.data.objects if o not in before and o.type == "MESH"]
    for o in found:
        o.modifiers.clear()
    return found
def select(objects):
    bpy.ops.object.select_all(action="DESELECT")
    for o in objects:
        o.select_set(True)
    bpy.context.view_layer.objects.active = objects[0]
high, low = load(job["high"]), load(job["low"])
select(low)
if len(low) > 1:
    bpy.ops.object.join()
low = bpy.context.view_layer.objects.active
low.modifiers.new("t", "TRIANGULATE")
bpy.ops.object.modifier_apply(modifier="t")
scene = bpy.context.scene
scene.render.engine, scene.cycles.use_denoising = "CYCLES", False
b = scene.render.bake
b.use_selected_to_active, b.use_cage, b.cage_extrusion, b.max_ray_distance = True, True, job["cage"], 2 * job["cage"]
b.margin = 0
scene.world = bpy.data.worlds.new("w")
scene.world.light_settings.distance = job["reach"]
low.data.materials.clear()
target = bpy.data.materials.new("target")
target.use_nodes = True
low.data.materials.append(target)
low.data.polygons.foreach_set("material_index", np.zeros(len(low.data.polygons), np.int32))
node = target.node_tree.nodes.new("ShaderNodeTexImage")
target.node_tree.nodes.active = node
def emit(name):
    for m in {m for o in high for m in o.data.materials}:
        t = m.node_tree
        out = next(n for n in t.nodes if n.type == "OUTPUT_MATERIAL")
        surface = next(n for n in t.nodes if n.type == "BSDF_PRINCIPLED")
        if name is None:
            t.links.new(surface.outputs[0], out.inputs[0])
            continue
        e = t.nodes.new("ShaderNodeEmission")
        t.links.new(e.outputs[0], out.inputs[0])
        if name == "mask":
            e.inputs[0].default_value = (1, 1, 1, 1)
            continue
        socket = surface.inputs[name]
        if socket.is_linked:
            t.links.new(socket.links[0].from_socket, e.inputs[0])
        else:
            value = socket.default_value
            e.inputs[0].default_value = value if socket.type == "RGBA" else (value,) * 3 + (1,)
select([low, *high])
names = {"mask": "mask", "albedo": "Base Color", "roughness": "Roughness", "metallic": "Metallic"}
for name in ("mask", "normal", "ao", "albedo", "roughness", "metallic"):
    node.image = bpy.data.images.new(name, job["side"], job["side"], float_buffer=True)
    node.image.colorspace_settings.name = "Non-Color"
    scene.cycles.samples = job["ao_rays"] if name == "ao" else 1
    emit(names.get(name))
    bpy.ops.object.bake(type="EMIT" if name in names else name.upper())
    pixels = np.empty(job["side"] ** 2 * 4, np.float32)
    node.image.pixels.foreach_get(pixels)
    np.save(job["out"] + "/" + name + ".npy", pixels.reshape(job["side"], job["side"], 4))
"""


def _stage(path: Path) -> Usd.Stage:
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    return stage


def _mesh(stage: Usd.Stage, name: str, points: np.ndarray, faces: np.ndarray, normals=None, uv=None) -> UsdGeom.Mesh:  # type: ignore[no-untyped-def]
    mesh = UsdGeom.Mesh.Define(stage, f"/Asset/{name}")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.asarray(points, np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray([faces.shape[1]] * len(faces)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.asarray(faces, np.int32).reshape(-1)))
    mesh.CreateSubdivisionSchemeAttr("none")
    api = UsdGeom.PrimvarsAPI(mesh)
    if normals is not None:
        value = Vt.Vec3fArray.FromNumpy(np.asarray(normals, np.float32).reshape(-1, 3))
        api.CreatePrimvar("normals", Sdf.ValueTypeNames.Normal3fArray, "faceVarying").Set(value)
    if uv is not None:
        value = Vt.Vec2fArray.FromNumpy(np.asarray(uv, np.float32).reshape(-1, 2))
        api.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying").Set(value)
    return mesh


def _paint(mesh: UsdGeom.Mesh, values: dict[str, object]) -> None:
    """A material with a constant or a picture for each input."""
    stage = mesh.GetPrim().GetStage()
    path = f"/Asset/paint_{mesh.GetPrim().GetName()}"
    material = UsdShade.Material.Define(stage, path)
    surface = UsdShade.Shader.Define(stage, f"{path}/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    reader = UsdShade.Shader.Define(stage, f"{path}/uv")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    for name, value in values.items():
        colour = name == "diffuseColor"
        given = surface.CreateInput(name, Sdf.ValueTypeNames.Color3f if colour else Sdf.ValueTypeNames.Float)
        if not isinstance(value, Path):
            given.Set(Gf.Vec3f(*value) if colour else value)  # type: ignore[misc]
            continue
        texture = UsdShade.Shader.Define(stage, f"{path}/{name}")
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(str(value))
        texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set("sRGB" if colour else "raw")
        for wrap in ("wrapS", "wrapT"):
            texture.CreateInput(wrap, Sdf.ValueTypeNames.Token).Set("repeat")
        texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
        texture.CreateOutput(
            "rgb" if colour else "r", Sdf.ValueTypeNames.Float3 if colour else Sdf.ValueTypeNames.Float
        )
        given.ConnectToSource(texture.ConnectableAPI(), "rgb" if colour else "r")
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


def _box(folder: Path) -> float:
    """A rounded box with a raised band for a plain one: hard edges, six islands, every second one mirrored."""
    fine = trimesh.creation.box((2, 1, 1.4))
    for _ in range(5):
        fine = fine.subdivide()
    half, radius = np.array([1, 0.5, 0.7]), 0.05
    core = np.clip(fine.vertices, radius - half, half - radius)
    outward = fine.vertices - core
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    band = 0.02 * np.exp(-(((np.abs(core[:, 0]) - 0.4) / 0.06) ** 2))
    points = core + outward * (radius + band[:, None])
    smooth = trimesh.Trimesh(points, fine.faces, process=False).vertex_normals
    high = _stage(folder / "high.usda")
    uv = points[:, :2] * 0.4 + 0.5 + points[:, 2:] * 0.2
    mesh = _mesh(high, "high", points, fine.faces, smooth[fine.faces], uv[fine.faces])
    wave = 0.5 + 0.5 * np.sin(np.linspace(0, 12 * np.pi, 512))
    pictures = {}
    for name, value in (
        ("diffuseColor", np.stack(np.broadcast_arrays(wave[None], wave[:, None], 0.25), 2)),
        ("roughness", np.broadcast_to(wave[:, None], (512, 512))),
        ("metallic", np.broadcast_to(wave[None], (512, 512))),
    ):
        pictures[name] = folder / f"{name}.png"
        Image.fromarray((255 * value).astype(np.uint8)).save(pictures[name])
    _paint(mesh, pictures)
    high.Save()
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * half
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    uvs = []
    for i in range(6):
        u, v, w, h = (i % 3) / 3 + 0.02, (i // 3) / 2 + 0.02, 1 / 3 - 0.04, 0.46
        square = np.array([[u, v], [u + w, v], [u + w, v + h], [u, v + h]])
        uvs.append(square[::-1] if i % 2 else square)
    normals = [s * np.eye(3)[a] for a in range(3) for s in (-1, 1)]
    low = _stage(folder / "low.usda")
    _mesh(low, "low", corners, quads, np.repeat(normals, 4, axis=0), np.array(uvs))
    low.Save()
    return 0.08


def _kit(folder: Path) -> float:
    """Three parts with three materials, decimated to a twentieth, in one atlas."""
    high, low = _stage(folder / "high.usda"), _stage(folder / "low.usda")
    colours = ((0.8, 0.2, 0.1), (0.05, 0.1, 0.7), (0.4, 0.4, 0.4))
    shapes = (
        trimesh.creation.torus(0.6, 0.2, 96, 64), trimesh.creation.icosphere(5, 0.4),
        trimesh.creation.capsule(0.8, 0.25, count=[64, 64]),
    )  # fmt: skip
    for number, shape in enumerate(shapes):
        points = shape.vertices + np.array([1.6, 0, 0.1]) * number
        mesh = _mesh(high, f"part_{number}", points, shape.faces, shape.vertex_normals[shape.faces])
        look = {"diffuseColor": colours[number], "roughness": 0.2 + 0.3 * number, "metallic": float(number % 2)}
        _paint(mesh, look)
        _mesh(low, f"part_{number}", points, shape.faces)
    high.Save()
    triangles = sum(len(s.faces) for s in shapes) // 20
    refine(low, "/Asset", "decimate", {"triangles": triangles})
    refine(low, "/Asset", "unwrap", {"side": SIDE, "padding": 4})
    low.Save()
    return 0.06


@pytest.mark.blender
@pytest.mark.long
@pytest.mark.parametrize("pair", [_box, _kit])
def test_the_texels_are_those_of_cycles(pair: Callable[[Path], float], blender_python: Path, tmp_path: Path) -> None:
    cage = pair(tmp_path)
    stage = Usd.Stage.Open(str(tmp_path / "low.usda"))
    settings = {
        "source": str(tmp_path / "high.usda"), "side": SIDE, "cage": cage, "supersample": 1, "normal_bits": 16,
        "ao_rays": AO_RAYS, "maps": ",".join(INPUTS),
    }  # fmt: skip
    told = refine(stage, "/Asset", "bake", settings, store=FolderStore(tmp_path / "baked"))
    stage.Export(str(tmp_path / "baked.usda"))
    job = {
        "high": str(tmp_path / "high.usda"), "low": str(tmp_path / "baked.usda"), "cage": cage, "side": SIDE,
        "reach": 0.3 * Subject(stage.GetDefaultPrim()).size, "ao_rays": AO_RAYS, "out": str(tmp_path),
    }  # fmt: skip
    subprocess.run([str(blender_python), "-c", _BLENDER, json.dumps(job)], check=True, capture_output=True, timeout=200)
    read = {m.input: m for m in maps(UsdShade.Material(stage.GetPrimAtPath("/Asset/mtl/baked")))}
    used = np.load(tmp_path / "mask.npy")[:, :, 0] > 0.5
    assert told.details["texels"] == pytest.approx(used.sum(), rel=0.02)  # middles that lie on a border
    inside = binary_erosion(used, iterations=2)
    for name, input_ in INPUTS.items():
        theirs = np.load(tmp_path / f"{name}.npy")[inside][:, :3]
        if input_ in read:
            ours = read[input_].whole()[::-1][inside]
        else:
            ours = np.tile(told.details["constants"][input_], (len(theirs), 1))
        if name == "normal":
            theirs = theirs * 2 - 1
            cosine = np.einsum("ij,ij->i", ours, theirs)
            cosine /= np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
            angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
            assert np.median(angle) < 0.03
            assert np.percentile(angle, 99) < 0.1
            assert (angle > 2).mean() < 1e-3
            continue
        gap = np.abs(ours - theirs[:, : ours.shape[1]])
        if name == "ao":
            assert gap.mean() < 0.035  # the noise of 32 rays on both sides
            assert abs((ours - theirs[:, :1]).mean()) < 0.008
        else:
            assert gap.mean() < 0.003  # half a step of 8 bits, and their filter in the encoded values
            assert np.percentile(gap, 99) < 0.01
