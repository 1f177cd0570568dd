# SPDX-License-Identifier: Apache-2.0
"""Scratch folders inside the project, on its own file system, gone when the work is done.

A process that is killed cannot clean up. Each folder is named after who made it, and whoever makes the next one
removes those whose makers are dead.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = ["scratch", "sweep"]


@contextmanager
def scratch(project: Project, purpose: str) -> Iterator[Path]:
    """An empty folder for `purpose` below `.gates/staging`."""
    staging = project.layout.private / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    sweep(staging)
    with TemporaryDirectory(prefix=f"{purpose}.{_host()}.{os.getpid()}.", dir=staging) as folder:
        yield Path(folder)


def sweep(staging: Path) -> list[Path]:
    """Remove the folders of processes of this host that are dead; returns them."""
    gone = []
    for folder in staging.glob(f"*.{_host()}.*.*"):
        parts = folder.name.rsplit(".", 3)
        if len(parts) == 4 and parts[2].isdigit() and not _lives(int(parts[2])):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname()) or "host"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
