# SPDX-License-Identifier: Apache-2.0
"""Remove small bodies that hang in the air beside the object."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline.mesh.clusters import clusters
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.whole import Whole


class FloaterSettings(Settings):
    """What counts as a crumb."""

    area: float = Field(default=0.01, gt=0, lt=1, description="Share of the whole area under which a body is small.")
    peer: float = Field(default=0.1, gt=0, description="Share of the largest shell's area from which none is small.")
    gap: float = Field(default=0.01, ge=0, description="Share of the diagonal within which bodies belong together.")


def run(subject: Subject, settings: FloaterSettings) -> None:
    """Remove clusters of small shells that together stay under the limit and touch nothing larger."""
    whole = Whole.of(subject.parts())
    if whole.shells < 2:
        return
    area = whole.shell_area
    small = (area < settings.area * area.sum()) & (area < settings.peer * area.max())
    if not small.any():
        return
    group = clusters(whole.rays, whole.shell, whole.shells, small, settings.gap * whole.size, whole.size)
    held = np.bincount(group, area)
    loose = small & (held[group] < settings.area * area.sum())
    if loose.any() and whole.remove(subject, loose[whole.shell]):
        subject.count("bodies_removed", int(loose.sum()))


operation = Operation(
    name="remove-floaters",
    summary="Remove small bodies apart from the rest",
    settings=FloaterSettings,
    run=run,
    fixes=("geometry.floaters",),
    rounds=8,
)
