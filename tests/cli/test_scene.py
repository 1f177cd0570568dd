# SPDX-License-Identifier: Apache-2.0
"""`gates scene` and what takes --scene: JSON on stdout, exit codes, examples in every help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import gates as group
from pipeline.cli.scene import command as scene
from pipeline.project import Project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GATES_WORK", "alice")
    Project.create(tmp_path / "p", work="alice")
    return tmp_path / "p"


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(group, ["-C", str(folder), *words])


def told(folder: Path, *words: str) -> dict[str, Any]:
    result = call(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_shot_from_nothing_to_a_version(folder: Path) -> None:
    assert told(folder, "scene", "new", "market", "--frames", "1001:1010")["kind"] == "sequence"
    assert told(folder, "scene", "new", "market/sh010")["start"] == 1001
    assert (
        told(folder, "scene", "new", "market/sh020", "--departments", "light,stage")["departments"][1]["name"]
        == "stage"
    )
    told(folder, "scene", "blockout", "floor", "floor", "8x0.1x8", "--scene", "market")
    told(folder, "scene", "blockout", "rock", "box", "0.2x0.1x0.2", "--scene", "market", "--at", "1,4,1", "--ground")
    told(folder, "scene", "blockout", "gate", "wall", "4x3x0.2", "--scene", "market", "--opening", "1,0,1,2.1")
    row = told(
        folder, "scene", "scatter", "rocks", "rock", "--count", "12", "--on", "floor", "--scale", "0.5", "1",
        "--scene", "market/sh010",
    )  # fmt: skip
    assert (row["instances"], row["department"]) == (12, "layout")
    placed = told(folder, "place", "rock", "--on-top-of", "gate", "--scene", "market/sh010")
    assert placed["position_m"][1] == pytest.approx(3, abs=1e-5)
    still = told(
        folder, "camera", "hero", "--subject", "rock", "--fstop", "2.8", "--lens", "85", "--scene", "market/sh010"
    )
    assert still["depth_of_field"]["near_m"] < still["focus_m"] < still["depth_of_field"]["far_m"]
    moving = told(
        folder, "camera", "run", "--subject", "rock", "--along", "3,1,3", "--along", "3,1,-3", "--scene", "market/sh010"
    )
    assert moving["path_m"] == pytest.approx(6, abs=0.01)
    keys = folder / "keys.json"
    keys.write_text('[{"time": 1, "eye": [4, 1, 0]}, {"time": 9, "eye": [0, 1, 4], "lens_mm": 50}]', encoding="utf-8")
    assert told(folder, "camera", "k", "--subject", "rock", "--keys", str(keys), "--scene", "market")["frames"] == [
        1,
        9,
    ]
    lit = told(
        folder, "light", "three-point", "--subject", "rock", "--only", "Rim", "--exclude", "floor", "--scene", "market"
    )
    assert lit["links"][0]["exclude"] == ["/World/Set/floor"]
    assert told(folder, "scene", "rendering", "run", "--scene", "market/sh010", "--size", "64x36")["resolution"] == [
        64,
        36,
    ]
    shown = told(folder, "scene", "show", "market/sh010")
    assert shown["problems"] == []
    assert [s["name"] for s in told(folder, "scene", "list")["scenes"]] == ["market", "market/sh010", "market/sh020"]
    drifts = told(folder, "scene", "continuity", "market", "--only", "position")["drifts"]
    assert [d["prim"] for d in drifts] == ["/World/Set/rock"]
    assert told(folder, "scene", "commit", "-m", "first")["scenes"] == ["market", "market/sh010", "market/sh020"]
    assert told(folder, "scene", "pins")["pins"] == []
    assert told(folder, "scene", "restore", "market/sh010")["kept"] == []
    assert told(folder, "scene", "range", "market/sh010", "1:5")["end"] == 5
    row = told(folder, "scene", "department", "market/sh010", "--add", "hair")
    assert row["departments"][0]["name"] == "hair"


def test_drift_can_stop_a_publish(folder: Path) -> None:
    for name in ("market", "market/sh010", "market/sh020"):
        told(folder, "scene", "new", name)
    told(folder, "scene", "blockout", "rock", "box", "1x1x1", "--scene", "market")
    assert call(folder, "scene", "continuity", "market", "--check").exit_code == 0
    told(folder, "place", "rock", "--at", "1,0,0", "--scene", "market/sh020")
    assert call(folder, "scene", "continuity", "market", "--check").exit_code == 3


@pytest.mark.parametrize(
    "words",
    [
        ["scene", "show", "nowhere"],
        ["scene", "new", "a/b"],
        ["scene", "blockout", "x", "box", "1x1"],
        ["scene", "blockout", "x y", "box", "1x1x1"],
        ["scene", "blockout", "w", "wall", "1x1x1", "--opening", "1,2"],
        ["scene", "scatter", "x", "nothing", "--count", "5"],
        ["camera", "c", "--subject", "nothing"],
        ["camera", "c", "--subject", "nothing", "--frames", "1:5"],
        ["light", "disco"],
        ["scene", "continuity", "nowhere"],
        ["scene", "commit", "-m", "none"],
        ["scene", "pins", "--set", "stool"],
    ],
)
def test_what_nobody_can_mean_is_wrong_usage(folder: Path, words: list[str]) -> None:
    result = call(folder, *words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_every_help_shows_an_example() -> None:
    import click

    context = click.Context(scene)
    names = scene.list_commands(context)
    assert len(names) >= 13
    for name in names:
        one = scene.get_command(context, name)
        assert one is not None
        text = " ".join(CliRunner().invoke(one, ["--help"]).output.split())
        assert "Example: gates scene" in text, name


def test_a_scene_is_drawn_and_compared_by_name(folder: Path, tmp_path: Path) -> None:
    told(folder, "scene", "new", "market", "--frames", "1:5")
    told(folder, "scene", "blockout", "rock", "box", "1x1x1", "--scene", "market")
    told(folder, "camera", "hero", "--subject", "rock", "--kind", "hero", "--scene", "market")
    told(folder, "scene", "rendering", "hero", "--scene", "market", "--size", "48x27")
    told(folder, "scene", "commit", "-m", "first")
    told(folder, "place", "rock", "--at", "1,0,0", "--scene", "market")
    drawn = told(folder, "render", "market", str(tmp_path / "a.png"), "--quality", "draft")
    assert (drawn["size"], drawn["camera"]) == ([48, 27], "/World/Cameras/hero")
    changed = told(folder, "scene", "diff", "market")["changed"]
    assert [row["path"] for row in changed] == ["/World/Set/rock.xformOp:translate:placement"]
    told(folder, "scene", "commit", "-m", "second")
    assert told(folder, "scene", "diff", "market")["changed"] == []
