# SPDX-License-Identifier: Apache-2.0
# mypy: ignore-errors
"""Run by a Python that has `bpy`, in a process of its own: builds a scene from arrays, then draws on demand.

Arguments: the folder with scene.json and arrays.npz. Each line on stdin is a camera; each answer begins with GATES.
Blender is Z-up; the scene stays Y-up as it came, which a renderer does not notice.
"""

import json
import math
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix


def answer(**words):
    print("GATES " + json.dumps(words), flush=True)


def material(number, surface, folder):
    made = bpy.data.materials.new(f"surface{number}")
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    principled = nodes["Principled BSDF"]
    values = surface["values"]

    def feed(name, socket):
        held = surface["maps"].get(name)
        target = principled.inputs[socket]
        if held is None:
            if name == "diffuseColor" and surface["tinted"]:
                node = nodes.new("ShaderNodeVertexColor")
                node.layer_name = "displayColor"
                links.new(node.outputs["Color"], target)
                return
            value = values[name]
            target.default_value = (*value, 1.0) if len(value) == 3 else value[0]
            return
        links.new(texture(held), target)

    def texture(held):
        node = nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.load(str(folder / held["file"]), check_existing=True)
        node.image.colorspace_settings.name = "Non-Color"
        node.extension = {"repeat": "REPEAT", "mirror": "MIRROR", "clamp": "EXTEND", "black": "CLIP"}[held["wrap"][0]]
        uv = nodes.new("ShaderNodeUVMap")
        uv.uv_map = held["uv"]
        (a, b), (c, d), (e, f) = held["affine"]
        rows = []
        for x, y, z in ((a, c, e), (b, d, f)):
            dot = nodes.new("ShaderNodeVectorMath")
            dot.operation = "DOT_PRODUCT"
            dot.inputs[1].default_value = (x, y, 0)
            links.new(uv.outputs["UV"], dot.inputs[0])
            add = nodes.new("ShaderNodeMath")
            add.operation = "ADD"
            add.inputs[1].default_value = z
            links.new(dot.outputs["Value"], add.inputs[0])
            rows.append(add)
        joined = nodes.new("ShaderNodeCombineXYZ")
        links.new(rows[0].outputs[0], joined.inputs[0])
        links.new(rows[1].outputs[0], joined.inputs[1])
        links.new(joined.outputs[0], node.inputs["Vector"])
        return node.outputs["Color"]

    feed("diffuseColor", "Base Color")
    feed("metallic", "Metallic")
    feed("roughness", "Roughness")
    feed("opacity", "Alpha")
    feed("emissiveColor", "Emission Color")
    principled.inputs["Emission Strength"].default_value = 1.0
    principled.inputs["IOR"].default_value = values["ior"][0]
    feed("clearcoat", "Coat Weight")
    feed("clearcoatRoughness", "Coat Roughness")
    if "normal" in surface["maps"]:
        # the picture holds vectors, Blender's node wants them packed into 0..1
        pack = nodes.new("ShaderNodeVectorMath")
        pack.operation = "MULTIPLY_ADD"
        pack.inputs[1].default_value = pack.inputs[2].default_value = (0.5, 0.5, 0.5)
        links.new(texture(surface["maps"]["normal"]), pack.inputs[0])
        node = nodes.new("ShaderNodeNormalMap")
        node.uv_map = surface["maps"]["normal"]["uv"]
        links.new(pack.outputs["Vector"], node.inputs["Color"])
        links.new(node.outputs["Normal"], principled.inputs["Normal"])
    return made


def mesh(name, points, triangles, uvs, colour, normals):
    made = bpy.data.meshes.new(name)
    made.vertices.add(len(points))
    made.vertices.foreach_set("co", points.ravel())
    made.loops.add(triangles.size)
    made.loops.foreach_set("vertex_index", triangles.ravel())
    made.polygons.add(len(triangles))
    made.polygons.foreach_set("loop_start", np.arange(0, triangles.size, 3, dtype=np.int32))
    made.update()
    for key, uv in uvs.items():
        made.uv_layers.new(name=key).data.foreach_set("uv", uv[triangles.ravel()].ravel())
    if colour is not None:
        layer = made.color_attributes.new("displayColor", "FLOAT_COLOR", "POINT")
        layer.data.foreach_set("color", np.concatenate([colour, np.ones((len(colour), 1))], axis=1).ravel())
    made.polygons.foreach_set("use_smooth", np.full(len(triangles), normals is not None))
    made.update()
    if normals is not None:
        made.normals_split_custom_set_from_vertices(normals)
    return made


def put(name, data, matrix):
    made = bpy.data.objects.new(name, data)
    made.matrix_world = Matrix([list(map(float, row)) for row in matrix])
    bpy.context.scene.collection.objects.link(made)
    return made


def light(number, lamp):
    kind = lamp["kind"]
    types = {"rect": "AREA", "disk": "AREA", "sphere": "POINT", "cylinder": "POINT", "distant": "SUN"}
    data = bpy.data.lights.new(f"lamp{number}", types[kind])
    strength = max(*lamp["radiance"], 1e-9)
    data.color = [v / strength for v in lamp["radiance"]]
    if kind == "distant":
        data.energy, data.angle = strength, lamp["size"][0]
    elif kind in {"rect", "disk"}:
        # Blender's watts of an area light spread over pi times its area
        data.energy = strength * lamp["area"] * math.pi
        data.shape = "RECTANGLE" if kind == "rect" else "DISK"
        data.size = lamp["size"][0] if kind == "rect" else 2 * lamp["size"][0]
        if kind == "rect":
            data.size_y = lamp["size"][1]
    else:
        data.energy = strength * lamp["area"] * math.pi
        data.shadow_soft_size = lamp["size"][0]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = lamp["axes"], lamp["position"]
    made = put(data.name, data, matrix)
    made.visible_camera = False


def world(lamps, folder):
    made = bpy.data.worlds.new("world")
    bpy.context.scene.world = made
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    background = nodes["Background"]
    background.inputs["Color"].default_value = (0, 0, 0, 1)
    for lamp in lamps:
        if lamp["picture"] is None:
            background.inputs["Color"].default_value = (*lamp["radiance"], 1)
            continue
        node = nodes.new("ShaderNodeTexEnvironment")
        node.image = bpy.data.images.load(str(folder / lamp["picture"]))
        node.image.colorspace_settings.name = "Non-Color"
        # Blender's middle column is -y in a Z-up world; the dome's is +z in a Y-up one
        geometry = nodes.new("ShaderNodeTexCoord")
        split, join = nodes.new("ShaderNodeSeparateXYZ"), nodes.new("ShaderNodeCombineXYZ")
        flip = nodes.new("ShaderNodeMath")
        flip.operation = "MULTIPLY"
        flip.inputs[1].default_value = -1
        links.new(geometry.outputs["Generated"], split.inputs[0])
        links.new(split.outputs["Z"], flip.inputs[0])
        links.new(flip.outputs[0], join.inputs["X"])
        links.new(split.outputs["X"], join.inputs["Y"])
        links.new(split.outputs["Y"], join.inputs["Z"])
        links.new(join.outputs[0], node.inputs["Vector"])
        links.new(node.outputs["Color"], background.inputs["Color"])


def build(folder):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    told = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    arrays = np.load(folder / "arrays.npz")
    materials = [material(i, s, folder) for i, s in enumerate(told["surfaces"])]
    for i, shape in enumerate(told["shapes"]):
        uvs = {name: arrays[f"u{i}_{name}"] for name in shape["uvs"]}
        colour = arrays[f"c{i}"] if shape["colour"] else None
        normals = arrays.get(f"n{i}")
        data = mesh(f"shape{i}", arrays[f"p{i}"], arrays[f"t{i}"], uvs, colour, normals)
        data.materials.append(materials[shape["surface"]])
        for k, matrix in enumerate(arrays[f"m{i}"]):
            put(f"shape{i}_{k}", data, matrix)
    for i, lamp in enumerate(told["lamps"]):
        if lamp["kind"] != "dome":
            light(i, lamp)
    world([lamp for lamp in told["lamps"] if lamp["kind"] == "dome"], folder)
    if told["floor"]:
        radius = told["floor"]["radius"]
        corners = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], np.float32) * radius
        uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
        data = mesh("floor", corners, np.array([[0, 2, 1], [0, 3, 2]], np.int32), {"st": uv}, None, None)
        values = {name: [0] for name in ("metallic", "clearcoat", "clearcoatRoughness")}
        values |= {"roughness": [1], "opacity": [1], "ior": [1.0], "diffuseColor": [0.5] * 3, "emissiveColor": [0] * 3}
        held = {"file": told["floor"]["albedo"], "uv": "st", "affine": [[1, 0], [0, 1], [0, 0]], "wrap": ["clamp"] * 2}
        data.materials.append(
            material("floor", {"values": values, "maps": {"diffuseColor": held}, "tinted": False}, folder)
        )
        place = np.eye(4)
        place[:3, 3] = told["floor"]["centre"]
        put("floor", data, place)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = told["samples"]
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.max_bounces = 6
    scene.render.film_transparent = told["film"]
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.color_depth = "32"
    scene.view_settings.view_transform = "Raw"
    scene.camera = put("camera", bpy.data.cameras.new("camera"), np.eye(4))


def draw(told):
    scene = bpy.context.scene
    left, right, bottom, top = told["window"]
    data = scene.camera.data
    width, height = right - left, top - bottom
    data.clip_start, data.clip_end = told["near"], told["far"]
    data.sensor_fit = "HORIZONTAL"
    data.sensor_width = 36.0
    if told["orthographic"]:
        data.type, data.ortho_scale = "ORTHO", max(width, height)
    else:
        data.type, data.lens = "PERSP", 36.0 / width
    larger = max(width, height)
    data.shift_x, data.shift_y = (left + right) / 2 / larger, (bottom + top) / 2 / larger
    data.dof.use_dof = told["lens_radius"] > 0
    if data.dof.use_dof:
        data.dof.focus_distance = told["focus"]
        data.dof.aperture_fstop = data.lens / 1000 / (2 * told["lens_radius"])
    scene.camera.matrix_world = Matrix(told["matrix"])
    scene.render.resolution_x, scene.render.resolution_y = told["width"], told["height"]
    scene.render.resolution_percentage = 100
    scene.render.filepath = told["out"]
    bpy.ops.render.render(write_still=True)


build(Path(sys.argv[1]))
answer(version=bpy.app.version_string)
for line in sys.stdin:
    draw(json.loads(line))
    answer(done=True)
