# SPDX-License-Identifier: Apache-2.0
"""Depth of field: what a lens focuses on, and from where to where the picture is sharp."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pxr import Usd
from pydantic import BaseModel

from pipeline.scenes.cameras import CameraSpec

__all__ = ["DepthOfField", "depth_of_field", "focus_on"]

#: the circle that still reads as a point, as a share of the picture's diagonal (Zeiss formula's 1/1500 is the usual)
CONFUSION = 1 / 1500


class DepthOfField(BaseModel):
    """From where to where the picture is sharp, in metres from the camera; `far_m` is None where it has no end.

    Attributes
    ----------
    hyperfocal_m
        Focused here, all beyond half of it is sharp.
    confusion_mm
        The largest disc on the sensor that still reads as a point.
    """

    focus_m: float
    near_m: float
    far_m: float | None
    hyperfocal_m: float
    confusion_mm: float


def depth_of_field(spec: CameraSpec, focus_m: float) -> DepthOfField | None:
    """By the thin lens formulas (H = f^2 / (N c) + f); None where everything is sharp."""
    if spec.fstop <= 0:
        return None
    height = spec.sensor_mm / spec.aspect
    confusion = math.hypot(spec.sensor_mm, height) * CONFUSION
    lens, distance = spec.lens_mm, focus_m * 1000
    hyper = lens * lens / (spec.fstop * confusion) + lens
    near = distance * (hyper - lens) / (hyper + distance - 2 * lens)
    far = distance * (hyper - lens) / (hyper - distance) if distance < hyper else None
    return DepthOfField(
        focus_m=focus_m,
        near_m=near / 1000,
        far_m=None if far is None else far / 1000,
        hyperfocal_m=hyper / 1000,
        confusion_mm=confusion,
    )


def focus_on(prim: Usd.Prim, eyes: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres along each line of sight to the first of a subject's surfaces; to the target where it has none there.

    Parameters
    ----------
    eyes, targets
        (n, 3) metres, Y up.
    """
    from pipeline.scenes.surface import cast, prim_triangles

    away = targets - eyes
    reach: NDArray[np.float64] = np.linalg.norm(away, axis=1)
    distance, _ = cast(*prim_triangles(prim), eyes, away / np.maximum(reach, 1e-9)[:, None])
    return np.where(np.isfinite(distance), distance, reach)
