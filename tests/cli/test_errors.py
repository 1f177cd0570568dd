# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at the command line: a clear message, the documented exit code, the project as it was."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.project import Project


def gates(*words: str, **kw: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, timeout=120, check=False, **kw
    )


def fingerprint(folder: Path) -> dict[str, str]:
    """Content of everything but the cache."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and ".gates" not in p.parts and "work" not in p.relative_to(folder).parts
    }


@pytest.fixture
def stall(tmp_path: Path) -> Path:
    folder = tmp_path / "a stall"
    Project.create(folder, work="artist")
    return folder


def test_an_unknown_job_is_wrong_usage_and_leaves_nothing(tmp_path: Path) -> None:
    done = gates("new", str(tmp_path / "p"), "--job", "hero-prop")
    assert done.returncode == 2
    assert "hero-prop" in done.stderr
    assert "game-ready-prop" in done.stderr  # what there is
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "p").exists()


def test_errors_come_as_json_where_json_was_asked_for(tmp_path: Path) -> None:
    done = gates("-C", str(tmp_path), "status", "--json")
    assert done.returncode == 1
    body = json.loads(done.stdout)["error"]
    assert body["code"] == "project"
    assert body["remedy"]


def test_a_missing_picture(stall: Path) -> None:
    gates("-C", str(stall), "intent", "crate")
    before = fingerprint(stall)
    done = gates("-C", str(stall), "input", "crate", "--image", "nowhere.png")
    assert done.returncode == 2
    assert "nowhere.png" in done.stderr
    assert fingerprint(stall) == before


def test_a_skipped_gate_is_exit_3(stall: Path) -> None:
    gates("-C", str(stall), "intent", "crate")
    done = gates("-C", str(stall), "generate", "crate")
    assert done.returncode == 3
    assert "gates intent crate --lock" in done.stderr


def test_an_unknown_command_and_a_wrong_option() -> None:
    assert gates("levitate").returncode == 2
    assert gates("status", "--levitate").returncode == 2
    done = gates("-C", ".", "intent", "crate", "--size", "tall")
    assert done.returncode == 2
    assert "WxHxD" in done.stderr or "width" in done.stderr


@pytest.mark.parametrize("place", ["/sys/p", "/proc/p"])
def test_a_place_where_nobody_may_write(place: str) -> None:
    """Not even root makes folders there."""
    done = gates("new", place)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert place in done.stderr


def test_a_file_in_the_way_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("I was here first", encoding="utf-8")
    done = gates("new", str(tmp_path / "p"))
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert (tmp_path / "p").read_text(encoding="utf-8") == "I was here first"


@pytest.mark.parametrize("delay", [0.6, 1.5, 3.0])
def test_ctrl_c_leaves_the_project_whole(stall: Path, delay: float) -> None:
    gates("-C", str(stall), "intent", "crate", "--lock")
    gates("-C", str(stall), "input", "crate", "--prompt", "a market stall")
    before = fingerprint(stall)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "-C", str(stall), "generate", "crate", "--count", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode != 0:
        assert process.returncode == 130, err
        assert "Traceback" not in err
    assert fingerprint(stall).items() >= before.items() - {k for k in before.items() if k[0].startswith("objects")}
    done = gates("-C", str(stall), "verify", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    staging = stall / ".gates" / "staging"
    assert not staging.exists() or not any(staging.iterdir())


def test_ctrl_c_while_a_dataclass_is_made_exits_with_130(tmp_path: Path) -> None:
    """Dataclasses are made by `exec` of a string; CPython dies of the signal afterwards unless it is told."""
    code = """
import click
from pipeline.cli import gates

@click.command()
def command():
    exec("raise KeyboardInterrupt")

gates.get_command = lambda context, name: command
gates.main(["anything"])
"""
    (tmp_path / "interrupted.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "nothing was half-written" in done.stderr


def test_help_of_every_command_has_an_example() -> None:
    from click.testing import CliRunner

    from pipeline.cli import gates as group

    context = group.make_context("gates", ["status"], resilient_parsing=True)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        text = CliRunner().invoke(command, ["--help"]).output
        assert "Example: gates" in " ".join(text.split()), f"gates {name} --help shows no example"
