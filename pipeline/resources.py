# SPDX-License-Identifier: Apache-2.0
"""Where the shipped folders are: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

Folder = Literal["schemas", "stages", "hooks", "config", "examples"]


@cache
def folder(name: Folder) -> Path:
    """The absolute path of a shipped folder.

    Raises
    ------
    FileNotFoundError
        The installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_shipped" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the shipped folder {name!r} is missing beside {package}: install again")
