# SPDX-License-Identifier: Apache-2.0
"""A shot as a workflow: nodes write to scenes, and run again when what they wrote is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

from pxr import Usd, UsdGeom

from pipeline.project import Project
from pipeline.workflow import load_workflow, run_workflow

TEXT = """
name = "shot"
title = "A shot"
asset = "rock"
job = "concept"
[[nodes]]
id = "sequence"
op = "scene"
[nodes.params]
scene = "market"
frames = [1001, 1012]
[[nodes]]
id = "shot"
op = "scene"
sees = ["sequence"]
[nodes.params]
scene = "market/sh010"
[[nodes]]
id = "floor"
op = "blockout"
sees = ["sequence"]
[nodes.params]
name = "floor"
shape = "floor"
size = [8, 0.1, 8]
scene = "market"
[[nodes]]
id = "rock"
op = "blockout"
sees = ["floor"]
[nodes.params]
name = "rock"
shape = "box"
size = [0.2, 0.1, 0.2]
at = [1, 4, 1]
scene = "market"
where = { ground = true, label = "rock" }
[[nodes]]
id = "rocks"
op = "scatter"
sees = ["floor", "rock", "shot"]
[nodes.params]
name = "rocks"
assets = ["rock"]
on = ["floor"]
scene = "market/sh010"
spec = { count = 20, scale = [0.5, 1.0], seed = 3 }
[[nodes]]
id = "camera"
op = "camera"
sees = ["rock", "shot"]
[nodes.params]
name = "run"
subject = "rock"
scene = "market/sh010"
spec = { lens_mm = 50.0 }
motion = { move = "orbit", amount = 45.0 }
[[nodes]]
id = "rendering"
op = "rendering"
sees = ["camera"]
[nodes.params]
camera = "$camera.camera"
size = [64, 36]
scene = "market/sh010"
[[nodes]]
id = "light"
op = "light"
sees = ["shot"]
[nodes.params]
rig = "overcast"
scene = "market/sh010"
[[nodes]]
id = "version"
op = "scene_commit"
sees = ["rendering", "light", "rocks"]
[nodes.params]
message = "a first shot"
"""


def test_a_shot_is_made_once_and_again_when_it_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "shot.toml"
    path.write_text(TEXT, encoding="utf-8")
    project = Project.create(tmp_path / "p", work="alice")
    first = run_workflow(load_workflow(str(path)), project)
    assert {n.state for n in first.nodes} == {"ran"}
    assert first.output("version")["scenes"] == ["market", "market/sh010"]
    stage = Usd.Stage.Open(str(project.root / "scenes/market/sh010/sh010.usda"))
    assert len(UsdGeom.PointInstancer(stage.GetPrimAtPath("/World/Set/rocks")).GetPositionsAttr().Get()) == 20
    del stage
    again = run_workflow(load_workflow(str(path)), project)
    assert {n.state for n in again.nodes} == {"cached"}
    shutil.rmtree(project.root / "scenes/market/sh010")
    third = {n.node: n.state for n in run_workflow(load_workflow(str(path)), project).nodes}
    assert third["sequence"] == third["floor"] == "cached"
    assert third["shot"] == third["rocks"] == third["camera"] == third["rendering"] == "ran"
