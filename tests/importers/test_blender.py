# SPDX-License-Identifier: Apache-2.0
"""One scene that Blender wrote in every format is the same scene here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.blender, pytest.mark.long]

#: file, options, and what the format can hold: meshes, materials, textures, joints, clips, blend shapes
FILES = [
    ("scene.glb", {}, (4, 2, 1, 2, 1, 1)),
    ("separate.gltf", {}, (4, 2, 1, 2, 1, 1)),
    ("draco.glb", {}, (4, 2, 1, 2, 1, 1)),
    ("scene.obj", {}, (4, 2, 1, 0, 0, 0)),
    ("scene.ply", {"up": "Z"}, (1, 0, 0, 0, 0, 0)),
    ("text.ply", {"up": "Z"}, (1, 0, 0, 0, 0, 0)),
    ("scene.stl", {"up": "Z"}, (1, 0, 0, 0, 0, 0)),
    ("scene.usdc", {}, (4, 2, 1, 3, 1, 1)),  # Blender adds a joint for the blend shape
    ("scene.usdz", {}, (4, 2, 1, 3, 1, 1)),
    ("scene.fbx", {}, (4, 2, 1, 2, 1, 1)),
]


@pytest.fixture(scope="module")
def written(blender_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blender")
    script = Path(__file__).with_name("blender_scene.py")
    done = subprocess.run([blender_python, script, folder], capture_output=True, text=True, timeout=300, check=False)
    assert (folder / "truth.json").exists(), done.stderr[-2000:]
    return folder


@pytest.mark.parametrize(("name", "options", "holds"), FILES)
def test_blenders_scene(
    written: Path, bring_in: Any, name: str, options: dict[str, str], holds: tuple[int, ...]
) -> None:
    if not (written / name).exists():
        pytest.skip("this Blender does not write it")
    truth = json.loads((written / "truth.json").read_text())
    report, stage = bring_in(written / name, **options)
    (x0, y0, z0), (x1, y1, z1) = truth["low"], truth["high"]
    assert report.triangles == truth["triangles"]
    assert np.array(report.bounds_m) == pytest.approx(np.array([[x0, z0, -y1], [x1, z1, -y0]]), abs=1e-3)
    found = (report.meshes, report.materials, report.textures, report.joints, len(report.clips), report.blend_shapes)
    assert found == holds
    if report.meshes == 4:
        assert any(p.GetDisplayName() == "Äffchen" or "ffchen" in p.GetName() for p in stage.Traverse())
