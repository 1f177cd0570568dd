# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import trimesh
from click.testing import CliRunner, Result
from pxr import Usd, UsdGeom

from pipeline.cli import gates
from pipeline.resources import folder

from .conftest import sphere


def _gates(*words: str) -> Result:
    return CliRunner().invoke(gates, list(words))


@pytest.fixture
def ball(tmp_path: Path) -> Path:
    stage = Usd.Stage.CreateNew(str(tmp_path / "ball.usda"))
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    points, faces = sphere(16)
    mesh = UsdGeom.Mesh.Define(stage, "/Asset/geo/ball")
    mesh.CreatePointsAttr(points.tolist())
    mesh.CreateFaceVertexCountsAttr([3] * len(faces))
    mesh.CreateFaceVertexIndicesAttr(faces.reshape(-1).tolist())
    stage.Save()
    return tmp_path / "ball.usda"


def test_a_file_is_refined_and_json_is_all_there_is(ball: Path) -> None:
    out = ball.with_name("small.usda")
    done = _gates("refine", str(ball), "decimate", "--set", "triangles=200", "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {"asset", "op", "layer", "before", "after"} <= set(told)
    assert told["op"] == "decimate"
    assert told["after"]["triangles"] <= 200 < told["before"]["triangles"]
    assert Usd.Stage.Open(str(out)).GetPrimAtPath("/Asset/geo/ball")


def test_the_list_tells_settings_with_defaults() -> None:
    done = _gates("refine", "--list", "decimate")
    assert "triangles=8000" in done.stdout
    every = json.loads(_gates("refine", "--list", "--json").stdout)["operations"]
    assert len(every) >= 25


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("decimate", "--set", "triangles"), 2, "KEY=VALUE"),
        (("decimate", "--set", "triangles=few"), 2, "triangles"),
        (("shrink",), 2, "use one of"),
        (("bake",), 1, "gates refine ASSET unwrap"),
    ],
)
def test_mistakes_leave_no_file(ball: Path, words: tuple[str, ...], code: int, said: str) -> None:
    out = ball.with_name("out.usda")
    done = _gates("refine", str(ball), *words, "--out", str(out))
    assert done.exit_code == code
    assert said in done.output
    assert "Traceback" not in done.output
    assert sorted(p.name for p in ball.parent.iterdir()) == ["ball.usda"]


@pytest.mark.parametrize("words", [("refine", "{}", "weld", "--out", "{}"), ("inspect", "{}", "--fix", "{}")])
def test_the_original_is_never_the_copy(ball: Path, words: tuple[str, ...]) -> None:
    before = ball.read_bytes()
    done = _gates(*(w.format(ball) for w in words))
    assert done.exit_code == 2
    assert "original stays" in done.output
    assert ball.read_bytes() == before


def test_broken_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "broken.usda").write_text("#usda 1.0\ndef Mesh {", encoding="utf-8")
    for name in ("broken.usda", "missing.usda"):
        done = _gates("refine", str(tmp_path / name), "weld", "--out", str(tmp_path / "out.usda"))
        assert done.exit_code == 1
        assert name in done.output
    assert not (tmp_path / "out.usda").exists()


@pytest.mark.parametrize("suffix", [".usda", ".glb", ".obj"])
def test_a_mesh_file_of_any_format_is_refined_into_any(tmp_path: Path, suffix: str) -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    source = tmp_path / "ball.ply"
    ball.export(source)
    out = tmp_path / f"small{suffix}"
    done = _gates("refine", str(source), "decimate", "--set", "triangles=300", "--out", str(out), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["before"]["triangles"] == len(ball.faces) == 1280
    if suffix == ".usda":
        stage = Usd.Stage.Open(str(out))
        meshes = [UsdGeom.Mesh(p) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)]
        assert sum(len(m.GetFaceVertexCountsAttr().Get()) for m in meshes) <= 300
    else:
        back = trimesh.load(out, force="mesh")
        assert len(back.faces) <= 300
        assert back.extents == pytest.approx([2, 2, 2], abs=0.1)
    (tmp_path / "moved").mkdir()
    assert len(ball.faces) == len(trimesh.load(source).faces)


def test_a_file_without_a_name_for_the_copy_is_told(ball: Path) -> None:
    done = _gates("refine", str(ball), "weld")
    assert done.exit_code == 2
    assert "--out" in done.output


def test_the_how_to_runs() -> None:
    page = folder("config").parent / "docs" / "how-to" / "refine.md"
    if not page.exists():
        pytest.skip("the documentation is not installed")
    names: dict[str, object] = {"__name__": "refine"}
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(code, str(page), "exec", dont_inherit=True), names)
