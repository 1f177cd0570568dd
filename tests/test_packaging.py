# SPDX-License-Identifier: Apache-2.0
"""A built wheel in an empty environment outside the checkout does what the checkout does."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("sevengates-*.whl"))


def test_the_wheel_holds_what_ships_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "pipeline/py.typed",
        "pipeline/_shipped/schemas/gates/generatedSchema.usda",
        "pipeline/_shipped/schemas/gates/plugInfo.json",
        "pipeline/_shipped/stages/market_square.usda",
        "pipeline/_shipped/hooks/pre_publish/10_licences.py",
        "pipeline/_shipped/config/jobs.toml",
        "pipeline/_shipped/examples/market_stall/workflow.toml",
    ):
        assert wanted in names, wanted
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not [n for n in names if n.startswith("tests/") or "__pycache__" in n]


def test_the_main_job_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "empty"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", f"{wheel}[demo]"], check=True
    )
    where = subprocess.run(
        [str(python), "-c", "import pipeline; print(pipeline.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(venv))
    done = subprocess.run(
        [str(venv / "bin" / "gates"), "-C", str(tmp_path / "stall"), "run", "market-stall"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "every required gate has passed" in done.stdout
    assert (tmp_path / "stall" / "publish" / "market_stall" / "v001" / "receipt.json").exists()
