# SPDX-License-Identifier: Apache-2.0
"""Catmull-Clark refinement."""

from __future__ import annotations

from typing import Any

from pipeline.usd.scene.model import Mesh

__all__ = ["refined"]


def refined(mesh: Mesh, raw: Any, level: int, report: Any) -> Mesh:
    return mesh
