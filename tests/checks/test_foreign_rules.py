# SPDX-License-Identifier: Apache-2.0
"""Rules from outside: a studio's folder, a trusted project's, an installed wheel; and what they may do wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import trimesh

from pipeline.checks import inspect, load_rules
from pipeline.checks.report import Report
from pipeline.settings import trust
from pipeline.settings.jobs import Brief, load_job

HEAD = "from pipeline.checks import Rule\n\nclass Own(Rule):\n    id, title = 'studio.own', 'own'\n"
#: what a rule does wrong -> its body, and what is told
WRONG = {
    "crashes": ("return 1 / 0", "ZeroDivisionError: division by zero (line 7 of crashes.py)"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "hangs": ("import time; time.sleep(30)", "did not finish within 0.2 seconds"),
    "returns nothing": ("return None", "'NoneType' object is not iterable"),
    "returns words": ("return ['bad']", "'bad', which is no Finding"),
    "returns another's": ("return [__import__('dataclasses').replace(self.found(context, 'x'), rule='a.b')]", "'a.b'"),
    "says no text": ("return [self.found(context, 5)]", "are no text"),
    "marks a stranger": (
        "import numpy as n; from pipeline.checks import Marks; "
        "return [self.found(context, 'x', marks=(Marks(0, faces=n.array([9**9])),))]",
        "a face that is not there",
    ),
    "asks for what is not there": ("return context.nonsense", "no attribute 'nonsense'"),
}


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "studio" / "checks").mkdir(parents=True)
    monkeypatch.setenv("GATES_STUDIO", str(tmp_path / "studio"))
    return tmp_path / "studio" / "checks"


@pytest.mark.parametrize("what", WRONG)
def test_a_rule_that_goes_wrong_is_named_with_its_file_and_the_rest_go_on(
    what: str, studio: Path, asset: Any, ball: trimesh.Trimesh
) -> None:
    body, told = WRONG[what]
    file = studio / f"{what.replace(' ', '_')}.py"
    file.write_text(f"{HEAD}    seconds = 0.2\n    def run(self, context): {body}\n".replace("): ", "):\n        "))
    asset.mesh(ball.vertices, ball.faces[1:])
    report = inspect(asset.stage, rules=["studio", "geometry.holes"])
    assert [(e.rule, e.source) for e in report.errors] == [("studio.own", str(file))]
    assert told in report.errors[0].message
    assert [f.rule for f in report.findings] == ["geometry.holes"]
    Report.model_validate_json(report.model_dump_json())


def test_files_that_do_not_load_are_named(studio: Path) -> None:
    texts = {
        "a_missing": "import nothing_of_this_name\n",
        "b_broken": "class Rule(\n",
        "c_exits": "raise SystemExit('no licence')\n",
        "d_severity": HEAD + "    severity = 'fatal'\n    def run(self, context): return []\n",
        "e_nameless": HEAD.replace("studio.own", "own") + "    def run(self, context): return []\n",
        "f_first": HEAD + "    def run(self, context): return []\n",
        "g_second": HEAD + "    def run(self, context): return []\n",
        "h_half": HEAD.replace("studio.own", "studio.half"),
    }
    for name, text in texts.items():
        (studio / f"{name}.py").write_text(text)
    found = load_rules()
    told = {Path(k).stem: v for k, v in found.failures.items()}
    assert "nothing_of_this_name" in told["a_missing"]
    assert "SyntaxError" in told["b_broken"]
    assert "no licence" in told["c_exits"]
    assert "'fatal' is not error, warning or info" in told["d_severity"]
    assert "'own' is not family.name" in told["e_nameless"]
    assert f"taken by {studio / 'f_first.py'}" in told["g_second"]
    assert "abstract" in told["h_half"]
    assert found.origins["studio.own"] == str(studio / "f_first.py")


def test_one_of_ours_is_replaced_and_that_is_told(studio: Path, asset: Any, ball: trimesh.Trimesh) -> None:
    from pipeline.plugins import discover

    (studio / "holes.py").write_text(HEAD.replace("studio.own", "geometry.holes") + "    def run(self, c): return []\n")
    asset.mesh(ball.vertices, ball.faces[1:])
    assert inspect(asset.stage, rules=["geometry.holes"]).findings == []
    (row,) = [p for p in discover() if p.name == "geometry.holes"]
    assert row.source == f"{studio / 'holes.py'} (instead of ours)"


def test_a_project_s_rules_run_where_it_was_trusted(
    asset: Any, ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = tmp_path / "project"
    (project / "checks").mkdir(parents=True)
    file = project / "checks" / "own.py"
    file.write_text(HEAD + "    def run(self, context): yield self.found(context, 'found')\n")
    asset.tri(ball)
    brief = Brief(job=load_job("concept"), project=project)

    def run() -> Report:
        return inspect(asset.stage, job=brief, rules=["studio", "geometry.holes"] if known() else ["geometry.holes"])

    def known() -> bool:
        return "studio.own" in load_rules(project).rules

    assert not known()
    assert "not trusted" in run().errors[0].message
    trust.trust(project)
    assert [f.rule for f in run().findings] == ["studio.own"]
    file.write_text(file.read_text() + "# changed\n")
    assert not known()  # another file than was trusted


def test_stdout_is_for_the_report_alone(studio: Path, ball: trimesh.Trimesh, tmp_path: Path) -> None:
    (studio / "own.py").write_text(
        f"print('loading')\n{HEAD}    def run(self, c):\n        print('hello')\n        return []\n"
    )
    ball.export(tmp_path / "a.ply")
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline", "inspect", str(tmp_path / "a.ply"), "--rule", "studio", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(ran.stdout)["passed"] == ["studio.own"]
    assert "loading" in ran.stderr
    assert "hello" in ran.stderr


@pytest.mark.long
def test_a_wheel_that_is_installed(tmp_path: Path, ball: trimesh.Trimesh) -> None:
    """A package of its own, built and installed by pip into an environment of its own."""
    source = tmp_path / "package"
    (source / "house_rules").mkdir(parents=True)
    (source / "house_rules" / "__init__.py").write_text(
        HEAD.replace("studio.own", "house.small")
        + "    def run(self, context):\n        if context.triangles > 1000:\n"
        + "            yield self.found(context, 'large', measured=context.triangles)\n"
    )
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "house-rules"\n'
        'version = "1"\n[project.entry-points."sevengates.checks"]\nhouse = "house_rules"\n'
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", system_site_packages=True, with_pip=False)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, capture_output=True)
    ball.export(tmp_path / "a.ply")
    python = str(tmp_path / "env" / "bin" / "python")
    path = os.pathsep.join([str(site), *(p for p in sys.path if p)])
    ran = subprocess.run(
        [python, "-m", "pipeline", "inspect", str(tmp_path / "a.ply"), "--rule", "house", "--json"],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    (finding,) = json.loads(ran.stdout)["findings"]
    assert (finding["rule"], finding["measured"]) == ("house.small", 1280)
