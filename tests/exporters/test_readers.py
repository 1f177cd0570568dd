# SPDX-License-Identifier: Apache-2.0
"""What programs that are not ours find in the files: the Khronos validator and Blender."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, UsdGeom

from pipeline.exporters import export, load_target

BLENDER = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=sys.argv[-1])
low, high, triangles = [1e9] * 3, [-1e9] * 3, 0
for o in bpy.context.scene.objects:
    if o.type != 'MESH':
        continue
    o.data.calc_loop_triangles()
    triangles += len(o.data.loop_triangles)
    for v in o.data.vertices:
        p = o.matrix_world @ v.co
        p = (p.x, p.z, -p.y)
        low = [min(a, b) for a, b in zip(low, p)]
        high = [max(a, b) for a, b in zip(high, p)]
uv = max((len(m.uv_layers) for m in bpy.data.meshes), default=0)
materials = sorted(m.name for m in bpy.data.materials)
print('FOUND ' + json.dumps(dict(low=low, high=high, triangles=triangles, materials=materials, uv=uv)))
"""


def busy(plot: Any, picture: Any) -> Any:
    """One of nearly everything."""
    picture("n.png", np.full((4, 4, 3), (128, 128, 255), np.uint8))
    picture("rgba.png", np.full((4, 4, 4), (200, 100, 50, 128), np.uint8))
    p = plot("Z", 0.01)
    p.bind(p.cube("/World/A", 100), p.material("/World/M", clearcoat=0.5))
    p.texture("/World/M", "normal", "./n.png", "rgb", sourceColorSpace="raw")
    p.texture("/World/M", "diffuseColor", "./rgba.png")
    p.texture("/World/M", "opacity", "./rgba.png", "a")
    p.bind(p.cube("/World/B", 50, (200, 0, 0)), p.material("/World/N"))
    second = UsdGeom.PrimvarsAPI(p.stage.GetPrimAtPath("/World/B"))
    second.CreatePrimvar("st1", Sdf.ValueTypeNames.TexCoord2fArray, "vertex").Set([(0.1 * k, 0) for k in range(8)])
    sphere = UsdGeom.Sphere.Define(p.stage, "/World/S")
    sphere.CreateRadiusAttr(30)
    UsdGeom.XformCommonAPI(sphere).SetTranslate((0, 0, 300))
    UsdGeom.Camera.Define(p.stage, "/World/Cam")
    p.stage.DefinePrim("/World/Sun", "DistantLight")
    p.stage.DefinePrim("/World/Lamp", "RectLight")
    instancer = UsdGeom.PointInstancer.Define(p.stage, "/World/PI")
    instancer.CreatePrototypesRel().SetTargets([p.cube("/World/PI/P", 10).GetPath()])
    instancer.CreateProtoIndicesAttr([0] * 3)
    instancer.CreatePositionsAttr([(0, 100.0 * k, 0) for k in range(3)])
    p.save()
    return p


@pytest.mark.node
@pytest.mark.parametrize("target", [None, "web", "unreal", "unity", "godot", "ar"])
@pytest.mark.parametrize("suffix", ["glb", "gltf"])
def test_the_khronos_validator_finds_nothing(
    plot: Any, picture: Any, tmp_path: Path, node_tools: Path, target: str | None, suffix: str
) -> None:
    p = busy(plot, picture)
    result = export(p.path, tmp_path / f"a.{suffix}", target)
    assert "gltf-validator" in result.readback.reader
    assert result.readback.ok and result.readback.unavailable == []


@pytest.mark.node
def test_the_validator_is_heard(tmp_path: Path, plot: Any, node_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.errors import ReadbackMismatch
    from pipeline.exporters import gltf

    real = gltf.write

    def spoiled(scene: Any, out: Path, target: Any) -> Any:
        losses = real(scene, out, target)
        data = bytearray(out.read_bytes())
        data[-4:] = b"\xff\xff\xff\xff"  # the last index names a vertex that is not there
        out.write_bytes(data)
        return losses

    monkeypatch.setattr(gltf, "write", spoiled)
    p = plot()
    p.cube("/World/C")
    with pytest.raises(ReadbackMismatch):
        export(p.save(), tmp_path / "a.glb")


@pytest.mark.blender
@pytest.mark.long
def test_blender_reads_the_same(plot: Any, picture: Any, tmp_path: Path, blender_python: Path) -> None:
    p = busy(plot, picture)
    target = load_target(None, geometry={"instancing": "nodes"})
    result = export(p.path, tmp_path / "a.glb", target, verify=False)
    script = tmp_path / "read.py"
    script.write_text(BLENDER)
    done = subprocess.run(
        [str(blender_python), str(script), str(tmp_path / "a.glb")],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    line = next(x for x in done.stdout.splitlines() if x.startswith("FOUND "))
    found = json.loads(line[6:])
    assert found["triangles"] == result.stats.triangles
    assert result.stats.bounds_m is not None
    assert np.allclose([found["low"], found["high"]], result.stats.bounds_m, atol=1e-4)
    assert {"M", "N"} <= set(found["materials"])
    assert found["uv"] == 2
