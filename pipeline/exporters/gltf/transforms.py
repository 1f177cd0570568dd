# SPDX-License-Identifier: Apache-2.0
"""Transforms as glTF has them: translation, rotation and scale, two of them where there is shear."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.usd.scene.model import Doubles
from pipeline.usd.scene.xforms import decompose

__all__ = ["SHEAR", "unsheared"]

#: beyond this share of shear three numbers no longer stand for a transform
SHEAR = 1e-5


def unsheared(matrix: Doubles) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sheared transform as two without shear: turn (the inner), then scale, turn and move (the outer).

    glTF's validator refuses a matrix with shear; the singular value decomposition gives the two exactly.
    """
    first, scale, second = np.linalg.svd(matrix[:3, :3])
    if np.linalg.det(first) < 0:
        first, scale = -first, -scale
    if np.linalg.det(second) < 0:
        second, scale = -second, -scale
    turned = np.eye(4)
    turned[:3, :3] = first
    placed = np.eye(4)
    placed[:3, :3] = second
    _, inner, _, _ = decompose(turned)
    _, outer, _, _ = decompose(placed)
    return (
        {"translation": matrix[3, :3].tolist(), "rotation": outer.tolist(), "scale": scale.tolist()},
        {"rotation": inner.tolist()},
    )
