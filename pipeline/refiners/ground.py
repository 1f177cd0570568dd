# SPDX-License-Identifier: Apache-2.0
"""Put the asset on the ground with its pivot where an engine expects it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.placing import transform_asset, translation


class GroundSettings(Settings):
    """Where the origin comes to lie."""

    pivot: Literal["base", "center", "keep"] = Field(
        default="base",
        description="base: middle of the base; center: middle of the box; keep: only the height changes.",
    )
    bake: bool = Field(default=False, description="Change the points; otherwise a transform is laid over the parts.")


def run(subject: Subject, settings: GroundSettings) -> None:
    """Move the parts; the asset's own transform, where it stands in the scene, is not touched."""
    low, high = subject.bounds()
    offset = -(low + high) / 2
    if settings.pivot != "center":
        offset[subject.up] = -low[subject.up]
    if settings.pivot == "keep":
        offset[[0, 3 - subject.up]] = 0
    if np.linalg.norm(offset) < 1e-6 * float(np.linalg.norm(high - low)):
        return
    transform_asset(subject, translation(offset), settings.bake)
    subject.details["moved_m"] = [round(float(x) * subject.metres, 6) for x in offset]


def measure(subject: Subject) -> dict[str, Any]:
    """Bounds in metres."""
    low, high = subject.bounds()
    return {"low_m": _metres(subject, low), "high_m": _metres(subject, high)}


def _metres(subject: Subject, place: np.ndarray) -> list[float]:
    return [round(float(x) * subject.metres, 6) for x in place]


operation = Operation(
    name="ground",
    summary="Lowest point to the ground, pivot to the middle of the base",
    settings=GroundSettings,
    run=run,
    measure=measure,
    fixes=("scale.ground", "scale.pivot"),
)
