# SPDX-License-Identifier: Apache-2.0
"""Scratch folders inside the project, on its own file system, gone when the work is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = ["scratch"]


@contextmanager
def scratch(project: Project, purpose: str) -> Iterator[Path]:
    """An empty folder for `purpose` below `.gates/staging`."""
    staging = project.layout.private / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{purpose}-", dir=staging) as folder:
        yield Path(folder)
