# SPDX-License-Identifier: Apache-2.0
"""Runs in Blender: a scene with a rig, a blend shape, two materials and a turned parent, in every format.

usage: python blender_scene.py FOLDER; truth.json says what Blender itself shows at frame 1 (Z-up, metres).
"""

import json
import sys
from pathlib import Path

import bpy

out = sys.argv[-1] + "/"
bpy.ops.wm.read_factory_settings(use_empty=True)

image = bpy.data.images.new("Farbe", 32, 32)
image.generated_type = "UV_GRID"
image.filepath_raw, image.file_format = out + "farbe.png", "PNG"
image.save()
materials = []
for name in ("Rot", "Textur"):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.3
    materials.append(material)
nodes, links = materials[1].node_tree.nodes, materials[1].node_tree.links
texture = nodes.new("ShaderNodeTexImage")
texture.image = bpy.data.images.load(out + "farbe.png")
links.new(texture.outputs["Color"], nodes["Principled BSDF"].inputs["Base Color"])

bpy.ops.mesh.primitive_monkey_add(size=1.0, location=(1, 2, 3), rotation=(0.1, 0.2, 0.3))
monkey = bpy.context.object
monkey.name, monkey.scale = "Äffchen", (1, 2, 0.5)
for material in materials:
    monkey.data.materials.append(material)
for i, polygon in enumerate(monkey.data.polygons):
    polygon.material_index = i % 2

bpy.ops.mesh.primitive_cylinder_add(vertices=12, location=(-2, 0, 1))
arm = bpy.context.object
arm.name = "Arm"
arm.data.materials.append(materials[1])
bpy.ops.object.armature_add(location=(-2, 0, 0))
rig = bpy.context.object
rig.name = "Rig"
bpy.ops.object.mode_set(mode="EDIT")
lower = rig.data.edit_bones[0]
upper = rig.data.edit_bones.new("Oben")
lower.name = "Unten"
upper.head, upper.tail, upper.parent = lower.tail, (0, 0, 2), lower
bpy.ops.object.mode_set(mode="OBJECT")
arm.select_set(True)
bpy.context.view_layer.objects.active = rig
bpy.ops.object.parent_set(type="ARMATURE_AUTO")
bone = rig.pose.bones["Oben"]
bone.rotation_mode = "XYZ"
for frame, angle in ((1, 0.0), (25, 1.0)):
    bone.rotation_euler = (angle, 0, 0)
    bone.keyframe_insert("rotation_euler", frame=frame)
bpy.context.scene.frame_end = 25

bpy.ops.mesh.primitive_cube_add(size=1, location=(0, -3, 0), rotation=(0, 0, 0.5))
parent = bpy.context.object
parent.name = "Eltern"
bpy.ops.mesh.primitive_cube_add(size=0.5, location=(0, 0, 2))
child = bpy.context.object
child.name, child.parent = "Kind", parent
child.shape_key_add(name="Basis")
for point in child.shape_key_add(name="Gross").data:
    point.co *= 1.5

bpy.context.scene.frame_set(1)
graph = bpy.context.evaluated_depsgraph_get()
points, triangles = [], 0
for thing in bpy.context.scene.objects:
    if thing.type == "MESH":
        evaluated = thing.evaluated_get(graph)
        mesh = evaluated.to_mesh()
        mesh.calc_loop_triangles()
        triangles += len(mesh.loop_triangles)
        points += [tuple(evaluated.matrix_world @ v.co) for v in mesh.vertices]
low, high = ([f(c) for c in zip(*points, strict=True)] for f in (min, max))
with Path(out, "truth.json").open("w") as f:
    json.dump({"low": low, "high": high, "triangles": triangles}, f)

bpy.ops.export_scene.gltf(filepath=out + "scene.glb")
bpy.ops.export_scene.gltf(filepath=out + "separate.gltf", export_format="GLTF_SEPARATE")
bpy.ops.export_scene.gltf(filepath=out + "draco.glb", export_draco_mesh_compression_enable=True)
bpy.ops.wm.obj_export(filepath=out + "scene.obj")
bpy.ops.wm.ply_export(filepath=out + "scene.ply", ascii_format=False)
bpy.ops.wm.ply_export(filepath=out + "text.ply", ascii_format=True)
bpy.ops.wm.stl_export(filepath=out + "scene.stl")
bpy.ops.wm.usd_export(filepath=out + "scene.usdc")
bpy.ops.wm.usd_export(filepath=out + "scene.usdz")
bpy.ops.export_scene.fbx(filepath=out + "scene.fbx", path_mode="COPY", embed_textures=True)
