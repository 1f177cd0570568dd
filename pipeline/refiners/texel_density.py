# SPDX-License-Identifier: Apache-2.0
"""The same texels per metre everywhere: islands are scaled to equal density and packed anew."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from pipeline.refiners.core import Operation, Subject
from pipeline.refiners.core.layouts import measured
from pipeline.refiners.repack import RepackSettings, repack


class DensitySettings(RepackSettings):
    """What density is wanted."""

    equal: bool = Field(default=True, description="Give all islands the same texels per metre.")
    wanted: float = Field(default=0.0, ge=0, description="Texels per metre to reach; 0: as many as `side` gives.")


def run(subject: Subject, settings: DensitySettings) -> None:
    """Equalise; say which texture serves the wanted density."""
    repack(subject, settings, "texel-density")
    reached = float(str(measured(subject, settings.side).get("texels_per_m", 0)))
    subject.details["texels_per_m"] = reached
    if settings.wanted and reached < settings.wanted:
        needed = 1 << math.ceil(math.log2(settings.side * settings.wanted / max(reached, 1e-9)))
        subject.details["side_needed"] = needed
        subject.note(
            f"{settings.side} pixels give {reached:.0f} texels a metre: {needed} are needed for {settings.wanted:.0f}"
            if needed <= 8192
            else f"{settings.wanted:.0f} texels a metre do not fit one texture: split the asset, or tile its materials"
        )


def measure(subject: Subject) -> dict[str, Any]:
    """Density and cover of the layout at 1024 pixels."""
    return measured(subject)


operation = Operation(
    name="texel-density",
    summary="Equal texels per metre on all islands",
    settings=DensitySettings,
    run=run,
    measure=measure,
    fixes=("uv.texel-density",),
)
