# SPDX-License-Identifier: Apache-2.0
"""Variant sets that only change materials."""

from __future__ import annotations

from typing import Any

from pipeline.usd.scene.model import Scene

__all__ = ["read_material_variants"]


def read_material_variants(scene: Scene, reader: Any) -> Scene:
    return scene
