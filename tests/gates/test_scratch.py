# SPDX-License-Identifier: Apache-2.0
"""What a killed process leaves behind goes with the next one; what lives stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from pipeline.gates.generation import ingest
from pipeline.gates.scratch import scratch
from pipeline.project import Project

from .conftest import ASSET, crate_glb

KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.gates.scratch import scratch
from pipeline.project import Project
with scratch(Project.open(sys.argv[1]), "ingest") as folder:
    (folder / ".half-read").mkdir()
    (folder / ".half-read" / "payload.usdc").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_ingest_sweeps_what_a_kill_left(briefed: Project, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(briefed.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    staging = briefed.layout.private / "staging"
    assert len(list(staging.iterdir())) == 1
    with scratch(briefed, "mine") as mine:  # a living process's folder, and the dead one's is gone
        assert list(staging.iterdir()) == [mine]
        ingest(briefed, crate_glb(tmp_path / "crate.glb"), ASSET)
        assert list(staging.iterdir()) == [mine]
    assert list(staging.iterdir()) == []
