# SPDX-License-Identifier: Apache-2.0
"""Scale an asset to its real size in metres."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline.errors import UsageError
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.placing import scaling, transform_asset

#: sizes that differ by less than this share are the same
_SAME = 1e-5


class SizeSettings(Settings):
    """The size to reach; any one number is enough."""

    size: str = Field(default="", description="WxHxD in metres: along x, up, and in depth; 0 leaves a side free.")
    height: float = Field(default=0.0, ge=0, description="Metres upward; 0 leaves it free.")
    longest: float = Field(default=0.0, ge=0, description="Metres of the longest side; 0 leaves it free.")
    uniform: bool = Field(
        default=True, description="One factor, by the largest side that is given; false stretches each side."
    )
    bake: bool = Field(default=False, description="Change the points; otherwise a transform is laid over the parts.")


def run(subject: Subject, settings: SizeSettings) -> None:
    """Scale about the middle of the base."""
    low, high = subject.bounds()
    has = (high - low) * subject.metres
    wanted = _wanted(settings, has, subject.up)
    given = wanted > 0
    ratio = np.where(given, wanted / np.where(has > 0, has, 1), 1.0)
    if settings.uniform:
        leading = int(np.argmax(np.where(given, wanted, -1)))
        off = np.abs(ratio / ratio[leading] - 1)
        if np.any(given & (off > 0.03)):
            subject.note(
                f"the proportions differ from the wanted size by up to {off[given].max():.0%}: "
                "scaled by the largest side (uniform=false stretches, `proportions` changes a part)"
            )
        ratio = np.full(3, ratio[leading])
    if np.all(np.abs(ratio - 1) < _SAME):
        return
    base = (low + high) / 2
    base[subject.up] = low[subject.up]
    transform_asset(subject, scaling(ratio, base), settings.bake)
    subject.details["factors"] = [round(float(x), 6) for x in ratio]


def _wanted(settings: SizeSettings, has: np.ndarray, up: int) -> np.ndarray:
    """(3,) metres by axis of the stage, 0 where free."""
    result = np.zeros(3)
    depth = 3 - up
    if settings.size:
        try:
            width, height, deep = (float(x) for x in settings.size.lower().split("x"))
        except ValueError:
            raise UsageError(
                f"{settings.size!r} is no size", remedy="write WxHxD in metres, like 1.2x0.8x0.5"
            ) from None
        result[[0, up, depth]] = width, height, deep
    if settings.height:
        result[up] = settings.height
    if settings.longest:
        result[int(np.argmax(has))] = settings.longest
    if not np.any(result > 0) or np.any(result < 0):
        raise UsageError("no size was given", remedy="--set height=0.8, --set longest=1.2 or --set size=1.2x0.8x0.5")
    return result


operation = Operation(
    name="scale-to-size",
    summary="Scale to the real size in metres",
    settings=SizeSettings,
    run=run,
    fixes=("scale.implausible",),
)
