# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pxr import Usd, UsdGeom


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    made = Usd.Stage.CreateNew(str(tmp_path / "ball.usda"))
    UsdGeom.SetStageUpAxis(made, "Y")
    UsdGeom.SetStageMetersPerUnit(made, 1)
    made.SetDefaultPrim(UsdGeom.Sphere.Define(made, "/Ball").GetPrim())
    made.GetRootLayer().Save()
    return tmp_path / "ball.usda"


def gates(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    before = ["-C", str(folder)] if folder else []
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *before, "export", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_keys_that_others_rely_on(stage: Path, tmp_path: Path) -> None:
    done = gates(stage, tmp_path / "ball.glb", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"path", "format", "bytes", "seconds", "stats", "losses", "readback"} <= set(found)
    assert {"meshes", "instances", "triangles", "materials", "textures", "uv_sets", "joints", "clips", "cameras",
            "lights", "bounds_m"} <= set(found["stats"])  # fmt: skip
    assert {"reader", "ok", "differences"} <= set(found["readback"])
    assert found["stats"]["bounds_m"] == [[-1, -1, -1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["{stage}", "{dir}/b.glb", "--target", "nintendo"], 2, "unreal"),
        (["{stage}", "{dir}/b.docx"], 2, ".glb"),
        (["{stage}", "{dir}/b.glb", "--variant", "look=red"], 1, "look"),
        (["{dir}/gone.usd", "{dir}/b.glb"], 1, "gone.usd"),
        (["{stage}", "{dir}/b.glb", "--prim", "/Cube"], 1, "/Cube"),
    ],
)
def test_exit_codes(stage: Path, tmp_path: Path, words: list[str], code: int, text: str) -> None:
    done = gates(*(w.format(stage=stage, dir=tmp_path) for w in words))
    assert done.returncode == code
    assert text in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "b.glb").exists()


def test_an_asset_of_a_project_is_exported_alone_once_its_gates_are_open(tmp_path: Path) -> None:
    from pipeline import Project

    project = Project.create(tmp_path / "stall", job="concept")
    with project.edit() as edited:
        UsdGeom.Xform.Define(edited, "/World/Assets/lamp")
        UsdGeom.Sphere.Define(edited, "/World/Assets/lamp/bulb").CreateRadiusAttr(0.5)
        UsdGeom.Cube.Define(edited, "/World/Assets/crate")
    project.commit("a lamp and a crate")
    refused = gates("lamp", tmp_path / "l.glb", folder=tmp_path / "stall")
    assert refused.returncode == 3 and "intent" in refused.stderr
    stage = tmp_path / "stall" / "project.usda"
    done = gates(stage, tmp_path / "l.glb", "--prim", "/World/Assets/lamp", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["stats"]
    assert found["meshes"] == 1 and found["bounds_m"][1] == [0.5, 0.5, 0.5]
