# SPDX-License-Identifier: Apache-2.0
"""What all tests share: where the readers are that are not ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.usd.schemas import register

# before anything opens a stage, as every entry point does
register()


@pytest.fixture(scope="session")
def blender_python() -> Path:
    """An interpreter that has bpy (Blender as a module): GATES_BLENDER_PYTHON."""
    named = os.environ.get("GATES_BLENDER_PYTHON", "")
    if not named or not Path(named).exists():
        pytest.skip("no Blender here: set GATES_BLENDER_PYTHON to an interpreter that has bpy")
    return Path(named)


@pytest.fixture(scope="session")
def node_tools() -> Path:
    """A folder whose node_modules has gltf-validator: GATES_NODE_TOOLS."""
    named = os.environ.get("GATES_NODE_TOOLS", "")
    if not named or not (Path(named) / "node_modules" / "gltf-validator").is_dir():
        pytest.skip("no npm readers here: set GATES_NODE_TOOLS to a folder with gltf-validator in its node_modules")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    return Path(named)
