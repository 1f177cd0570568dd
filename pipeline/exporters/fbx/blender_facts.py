# SPDX-License-Identifier: Apache-2.0
"""Facts of an FBX file as Blender's native importer finds them.

Run by a Python that has `bpy`, or by `blender --background --python`, in a process of its own; imports nothing of
this package. The last argument is the file; one line of JSON comes out.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import bpy
import numpy as np

MARK = "FBX-FACTS "


def corners(obj: Any) -> Any:
    """World positions `(n, 3)`, Y up, of the points that polygons use."""
    mesh = obj.data
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    used = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", used)
    points = points.reshape(-1, 3)[np.unique(used)]
    matrix = np.array(obj.matrix_world)
    world = points @ matrix[:3, :3].T + matrix[:3, 3]
    return world[:, [0, 2, 1]] * (1, 1, -1)


def is_hull(name: str) -> bool:
    """Whether a name is one that engines take for collision."""
    return name.startswith(("UCX_", "UBX_", "USP_")) or "-convcolonly" in name or "_collision_" in name


def is_coarse(obj: Any, groups: list[str]) -> bool:
    """Whether an object is a further level of detail: …LOD1 and on, of a mesh that has a group …_LODs.

    Skinned levels lose their group as their parent: the importer puts them beneath the armature.
    """
    of_group = any(obj.name.startswith(g) for g in groups)
    return of_group and re.search(r"LOD[1-9]\d*(\.\d+)?$", obj.name) is not None


def main() -> None:
    """Import, count, print."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.fbx_import(filepath=sys.argv[-1])
    scene = bpy.context.scene
    starts = [float(a.frame_range[0]) for a in bpy.data.actions]
    if starts:
        first = min(starts)
        scene.frame_set(int(first // 1), subframe=first % 1)
    graph = bpy.context.evaluated_depsgraph_get()
    meshes = [o for o in scene.objects if o.type == "MESH"]
    hulls = {o.name for o in meshes if is_hull(o.name)}
    groups = [re.sub(r"_LODs(\.\d+)?$", "", o.name) for o in scene.objects if re.search(r"_LODs(\.\d+)?$", o.name)]
    drawn = [o for o in meshes if o.name not in hulls and not is_coarse(o, groups)]
    triangles = 0
    boxes: list[Any] = []
    posed: list[Any] = []
    for obj in drawn:
        obj.data.calc_loop_triangles()
        triangles += len(obj.data.loop_triangles)
        for found, source in ((boxes, obj), (posed, obj.evaluated_get(graph))):
            world = corners(source)
            if len(world):
                found += [world.min(0), world.max(0)]
    distinct = {o.data.name: o.data for o in drawn}
    bones = [o for o in scene.objects if o.type == "ARMATURE"]
    shapes = sum(len(o.data.shape_keys.key_blocks) - 1 for o in drawn if o.data.shape_keys is not None)
    facts = {
        "version": bpy.app.version_string,
        "triangles": triangles,
        "meshes": len(distinct),
        "instances": len(drawn),
        "hulls": len(hulls),
        "materials": len({s.material.name for o in drawn for s in o.material_slots if s.material}),
        "textures": sum(i.type == "IMAGE" for i in bpy.data.images),
        "textures_loaded": sum(i.type == "IMAGE" and (i.has_data or bool(i.packed_file)) for i in bpy.data.images),
        "drawn_uv_sets": sum(len(o.data.uv_layers) for o in drawn),
        "joints": sum(len(o.data.bones) for o in bones),
        "skins": sum(any(m.type == "ARMATURE" for m in o.modifiers) for o in drawn),
        "drawn_blend_shapes": shapes,
        "clips": len(bpy.data.actions),
        "cameras": sum(o.type == "CAMERA" for o in scene.objects),
        "lights": sum(o.type == "LIGHT" for o in scene.objects),
        "bounds_m": box(boxes),
        "bounds_posed_m": box(posed),
    }
    sys.stdout.flush()
    print("\n" + MARK + json.dumps(facts), flush=True)


def box(extremes: list[Any]) -> Any:
    """Lowest and highest corner, None without any."""
    if not extremes:
        return None
    both = np.array(extremes, float)
    return [both.min(0).tolist(), both.max(0).tolist()]


main()
