# SPDX-License-Identifier: Apache-2.0
"""What moves."""

from __future__ import annotations

from typing import Any

from pipeline.usd.scene.model import Scene

__all__ = ["read_clips"]


def read_clips(scene: Scene, reader: Any) -> Scene:
    return scene
