# SPDX-License-Identifier: Apache-2.0
"""A shot as Blender reads it: the camera's way and lens, the instances, the frames, a set piece."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pxr import Usd, UsdGeom

from pipeline.gates.dressing import add_blockout
from pipeline.gates.filming import add_lights, move_camera
from pipeline.gates.scattering import add_scatter
from pipeline.gates.scenes import new_scene, view
from pipeline.project import Project
from pipeline.scenes import CameraSpec
from pipeline.scenes.motion import MotionSpec
from pipeline.scenes.scatter import ScatterSpec

READER = """
import json, sys
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.wm.usd_import(filepath=sys.argv[1], set_frame_range=True)
scene = bpy.context.scene
camera = next(o for o in bpy.data.objects if o.type == "CAMERA")
places = []
for frame in (1001, 1006, 1012):
    scene.frame_set(frame)
    places.append([*camera.matrix_world.translation, *(-camera.matrix_world.to_3x3().col[2])])
pieces = [o for o in bpy.data.objects if o.type == "MESH" and o.parent and o.parent.name == "Set"]
crate = min(pieces, key=lambda o: o.dimensions.x)  # the floor is the other one
corners = [list(crate.matrix_world @ v.co) for v in crate.data.vertices]
graph = bpy.context.evaluated_depsgraph_get()
print("READ " + json.dumps(dict(
    places=places, lens=camera.data.lens, sensor=camera.data.sensor_width, fstop=camera.data.dof.aperture_fstop,
    frames=[scene.frame_start, scene.frame_end], instances=sum(i.is_instance for i in graph.object_instances),
    low=[min(c[i] for c in corners) for i in range(3)], high=[max(c[i] for c in corners) for i in range(3)])))
"""


@pytest.mark.blender
@pytest.mark.long
def test_blender_sees_the_shot_that_was_made(project: Project, blender_python: Path) -> None:
    new_scene(project, "market", frames=(1001, 1012))
    new_scene(project, "market/sh010")
    add_blockout(project, "floor", "floor", (12, 0.2, 12), scene="market")
    add_blockout(project, "crate", "box", (0.6, 0.5, 0.4), scene="market", at=(1, 3, 2), ground=True)
    add_scatter(
        project, "rocks", ["crate"], ScatterSpec(count=40, scale=(0.1, 0.2)), on=["floor"], scene="market/sh010"
    )
    add_lights(project, "sun_and_sky", scene="market")
    spec, move = CameraSpec(lens_mm=50, sensor_mm=36, fstop=2.8), MotionSpec(move="orbit", amount=60)
    move_camera(project, "orbit", "crate", spec, move, scene="market/sh010")
    path = project.root / "scenes/market/sh010/sh010.usda"
    done = subprocess.run(
        [str(blender_python), "-c", READER, str(path)], capture_output=True, text=True, timeout=240, check=False
    )
    line = next((row for row in done.stdout.splitlines() if row.startswith("READ ")), None)
    assert line, done.stderr[-2000:]
    read = json.loads(line[5:])
    stage = view(project, "market/sh010")
    camera = stage.GetPrimAtPath("/World/Cameras/orbit")
    for time, row in zip((1001, 1006, 1012), read["places"], strict=True):
        matrix = np.array(UsdGeom.XformCache(Usd.TimeCode(time)).GetLocalToWorldTransform(camera))
        eye, ahead = matrix[3, :3], -matrix[2, :3]
        expected = [eye[0], -eye[2], eye[1], ahead[0], -ahead[2], ahead[1]]  # Blender has Z up
        assert np.allclose(row, expected, atol=1e-3)
    assert (read["lens"], read["sensor"]) == (50, 36)
    assert read["fstop"] == pytest.approx(2.8)
    assert read["frames"] == [1001, 1012]
    assert read["instances"] == 40
    assert np.allclose(read["low"], (0.7, -2.2, 0), atol=1e-4)
    assert np.allclose(read["high"], (1.3, -1.8, 0.5), atol=1e-4)
