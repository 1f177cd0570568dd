# SPDX-License-Identifier: Apache-2.0
"""What a worker may not do is tried, with each layer of protection left out in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import sandbox
from pipeline.sandbox import landlock, seccomp

ALWAYS = {"own process", "memory", "file size"}
FILES = {"reads elsewhere", "writes elsewhere"}


def active(**options: bool) -> set[str]:
    return {p.name for p in sandbox.protections(**options) if p.active}


needs_landlock = pytest.mark.skipif(landlock.version() < 6, reason="this kernel has no Landlock 6")
needs_seccomp = pytest.mark.skipif(not seccomp.available(), reason="no seccomp filter for this machine")


@needs_landlock
@needs_seccomp
def test_everything_holds() -> None:
    assert active() == ALWAYS | FILES | {"network", "new processes", "rights elsewhere"}


@needs_seccomp
def test_without_landlock_the_files_are_open_and_that_is_said() -> None:
    told = {p.name: p for p in sandbox.protections(landlock=False)}
    assert {n for n, p in told.items() if p.active} == ALWAYS | {"network", "new processes", "rights elsewhere"}
    assert "none" in told["reads elsewhere"].by


@needs_landlock
def test_without_seccomp_landlock_holds_the_network() -> None:
    assert active(seccomp=False) == ALWAYS | FILES | {"network"}


def test_limits_need_no_kernel_feature() -> None:
    assert active(landlock=False, seccomp=False) >= ALWAYS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@needs_landlock
@needs_seccomp
def test_a_normal_user_is_confined_as_well(tmp_path: Path) -> None:
    script = f"""
import json, os
from pathlib import Path
from pipeline.sandbox import Limits, worker
from pipeline.sandbox.protections import attempt
inside, outside = Path({str(tmp_path)!r}, "in"), Path({str(tmp_path)!r}, "out")
for folder in (inside, outside):
    folder.mkdir()
    os.chown(folder, 65534, 65534)
Path(outside, "secret").write_text("x")
for folder in Path({str(tmp_path)!r}).parents:
    if folder.stat().st_uid == 0 and folder.name.startswith(("pytest-", "popen-", "test_")):
        folder.chmod(0o755)
Path({str(tmp_path)!r}).chmod(0o755)
os.setgroups([]), os.setgid(65534), os.setuid(65534)
assert Path(outside, "secret").read_text() == "x"
limits = Limits(memory=512 << 20, file_size=1 << 20).as_dict()
worker.confine({{"limits": limits, "read": [], "write": [str(inside)]}})
os.write(1, json.dumps(attempt(str(inside), str(outside))).encode())
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    tried = json.loads(out.stdout)
    tried.pop("pid")
    assert len(tried) == 7
    assert all(tried.values()), tried
