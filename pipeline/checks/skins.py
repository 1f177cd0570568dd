# SPDX-License-Identifier: Apache-2.0
"""Skin weights as authored; the flattened scene has them normalised already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.subject import Part


@dataclass(frozen=True)
class SkinWeights:
    """Weights of one part.

    Attributes
    ----------
    part
        The bound mesh.
    weights : (n, k) float32
        One row for each point, or a single row for all of them.
    rigid
        There is a single row.
    """

    part: Part
    weights: NDArray[np.float32]
    rigid: bool


def skins(context: Context) -> list[SkinWeights]:
    """The skin weights of every mesh that is bound to a skeleton."""
    result: list[SkinWeights] = context.keep("skins", lambda: _skins(context))
    return result


def _skins(context: Context) -> list[SkinWeights]:
    result = []
    for part in context.parts:
        skin = part.shape.mesh.skin
        if skin is None or not part.first:
            continue
        raw = _authored(context.subject.stage, part.shape.mesh.path)
        rows = np.asarray(skin.weights) if raw is None else raw
        result.append(SkinWeights(part, rows, skin.rigid))
    return result


def _authored(stage: Any, path: str) -> NDArray[np.float32] | None:
    if stage is None:
        return None
    from pxr import UsdSkel

    prim = stage.GetPrimAtPath(path)
    if not prim:
        return None
    primvar = UsdSkel.BindingAPI(prim).GetJointWeightsPrimvar()
    values = primvar.Get() if primvar and primvar.HasAuthoredValue() else None
    size = primvar.GetElementSize() if values is not None else 0
    if values is None or size < 1 or len(values) % size:
        return None
    return np.asarray(values, np.float32).reshape(-1, size)
