# SPDX-License-Identifier: Apache-2.0
"""Stages and cameras shared by the tests of rendering."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.render.camera import Camera, look_at

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def straight() -> Camera:
    """Orthographic, from the front, one metre of width and height."""
    return Camera(look_at(np.array([0.0, 0.0, 5.0]), np.zeros(3)), (-0.5, 0.5, -0.5, 0.5), True, near=0.1, far=100)
