# SPDX-License-Identifier: Apache-2.0
"""Levels of detail."""

from __future__ import annotations

from typing import Any

from pipeline.usd.scene.model import Scene

__all__ = ["mark_levels"]


def mark_levels(scene: Scene, reader: Any) -> Scene:
    return scene
