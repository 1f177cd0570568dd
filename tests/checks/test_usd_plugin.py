# SPDX-License-Identifier: Apache-2.0
"""Our rules as USD's validators, in processes that know nothing of us but the search path for plug-ins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trimesh

import pipeline

PLUGIN = Path(pipeline.__file__).parent / "checks" / "usd_plugin"

#: what usdchecker and usdview's validator do: take validators by keyword, validate a stage, show errors and sites
CHECKER = """
import json, sys
from pxr import Usd, UsdValidation
registry = UsdValidation.ValidationRegistry()
listed = registry.GetValidatorMetadataForKeyword("SevenGates")
early = "pipeline" in sys.modules
said = {str(d.name).rpartition(":")[2]: [str(d.doc), sorted(map(str, d.GetKeywords()))] for d in listed}
errors, raised = [], ""
try:
    context = UsdValidation.ValidationContext(registry.GetOrLoadValidatorsByName([d.name for d in listed]))
    stage = Usd.Stage.Open(sys.argv[1])
    errors = [[str(e.GetIdentifier()).rpartition(":")[2], str(e.GetType()).rpartition(".")[2], e.GetMessage(),
               [str(s.GetPrim().GetPath()) for s in e.GetSites() if s.IsPrim()]] for e in context.Validate(stage)]
except Exception as error:
    raised = f"{type(error).__name__}: {error}"
late = sorted(str(d.name).rpartition(":")[2] for d in registry.GetValidatorMetadataForKeyword("SevenGates"))
print(json.dumps({"early": early, "listed": said, "errors": errors, "raised": raised, "late": late}))
"""


def check(file: Path, plugin: Path = PLUGIN, ours: bool = True, **environment: str) -> dict[str, Any]:
    path = [str(PLUGIN.parents[2])] if ours else []
    code = CHECKER
    if not ours:  # as in an environment that never had the package
        code = "import sys; sys.meta_path = [m for m in sys.meta_path if 'editable' not in repr(m).lower()]; " + (
            f"sys.path = [p for p in sys.path if p not in ('', {str(PLUGIN.parents[2])!r})]\n" + CHECKER
        )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        capture_output=True, text=True, check=False, cwd=file.parent, timeout=120,
        env={**os.environ, "PXR_PLUGINPATH_NAME": str(plugin), "PYTHONPATH": os.pathsep.join(path), **environment},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-800:]
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


@pytest.fixture
def open_ball(asset: Any, ball: trimesh.Trimesh, tmp_path: Path) -> Path:
    asset.mesh(ball.vertices, ball.faces[1:])
    asset.mesh(ball.vertices, ball.faces, "whole")
    asset.stage.Export(str(tmp_path / "a.usda"))
    return tmp_path / "a.usda"


@pytest.mark.long
def test_a_checker_lists_and_runs_them(open_ball: Path, tmp_path: Path) -> None:
    (tmp_path / "studio" / "checks").mkdir(parents=True)
    (tmp_path / "studio" / "checks" / "own.py").write_text(
        "from pipeline.checks import Rule\nclass Own(Rule):\n    id, title = 'studio.own', 'own'\n"
        "    def run(self, context): return 1 / 0\n"
    )
    said = check(open_ball, GATES_STUDIO=str(tmp_path / "studio"), GATES_JOB="game-ready-prop")
    assert not said["early"]  # nothing of ours is imported before a validator is asked for
    assert said["listed"]["GeometryHoles"] == ["geometry.holes: open borders", ["SevenGates", "geometry.holes"]]
    (hole,) = [e for e in said["errors"] if e[0] == "GeometryHoles.holes"]
    assert hole[1] == "Error"
    assert "1 open border" in hole[2]
    assert hole[3] == ["/Asset/geo/body"]
    assert "StudioOwn" in said["late"]


@pytest.mark.long
def test_one_prim_and_a_job_that_is_none(open_ball: Path) -> None:
    whole = check(open_ball, GATES_PRIM="/Asset/geo/whole")
    assert "GeometryHoles.holes" not in [e[0] for e in whole["errors"]]
    wrong = check(open_ball, GATES_JOB="nonsense")
    assert {e[0].rpartition(".")[2] for e in wrong["errors"]} == {"not_run"}
    assert "unknown job 'nonsense'" in wrong["errors"][0][2]


@pytest.mark.long
def test_a_search_path_that_outlived_the_package_says_so_and_nothing_dies(open_ball: Path, tmp_path: Path) -> None:
    left = shutil.copytree(PLUGIN, tmp_path / "left", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    said = check(open_ball, plugin=left, ours=False)
    assert not said["errors"]
    assert "GeometryHoles" in said["listed"]
    assert "pipeline" in said["raised"]


#: what a tool does that offers fixers: it knows USD only
FIXING = """
import json, sys
from pxr import Sdf, Usd, UsdValidation
registry = UsdValidation.ValidationRegistry()
over = Sdf.Layer.CreateNew(sys.argv[2])
over.subLayerPaths = [sys.argv[1]]
over.defaultPrim = Sdf.Layer.FindOrOpen(sys.argv[1]).defaultPrim
over.Save()
stage = Usd.Stage.Open(over)
validator = registry.GetOrLoadValidatorByName("pipeline.checks.usd_plugin:GeometryHoles")
error = validator.Validate(stage)[0]
fixer = error.GetFixers()[0]
target, now = Usd.EditTarget(over), Usd.TimeCode.Default()
session = Usd.EditTarget(stage.GetSessionLayer())
told = [fixer.name, fixer.CanApplyFix(error, session, now), fixer.CanApplyFix(error, target, now),
        fixer.ApplyFix(error, target, now), len(validator.Validate(stage)), over.dirty]
print(json.dumps(told))
"""


def test_fixers_are_usds_own_and_leave_the_original(open_ball: Path, tmp_path: Path) -> None:
    before = open_ball.read_bytes()
    ran = subprocess.run(
        [sys.executable, "-c", FIXING, str(open_ball), str(tmp_path / "fixed.usda")],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PXR_PLUGINPATH_NAME": str(PLUGIN), "PYTHONPATH": str(PLUGIN.parents[2])},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-800:]
    assert json.loads(ran.stdout) == ["fill-holes", False, True, True, 0, False]
    assert open_ball.read_bytes() == before
