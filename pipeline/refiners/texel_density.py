# SPDX-License-Identifier: Apache-2.0
"""The same texels per metre everywhere: islands are scaled to equal density and packed anew."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from pipeline.refiners.core import Operation, Subject
from pipeline.refiners.core.layouts import measured
from pipeline.refiners.core.moving import side_for
from pipeline.refiners.repack import RepackSettings, chosen, repack

#: the largest texture that is made without being asked for by `side`
_LARGEST = 4096


class DensitySettings(RepackSettings):
    """What density is wanted."""

    equal: bool = Field(default=True, description="Give all islands the same texels per metre.")
    wanted: float = Field(
        default=0.0, ge=0,
        description="Texels per metre to reach, by a larger texture if need be; 0: as many as `side` gives.",
    )  # fmt: skip


def run(subject: Subject, settings: DensitySettings) -> None:
    """Equalise; where a density is wanted, take the texture that gives it."""
    if not settings.wanted:
        repack(subject, settings, "texel-density")
        return
    side, surface = settings.side or side_for(subject, chosen(subject, settings)), 0.0
    for part, _ in chosen(subject, settings):
        from pipeline.mesh.faces import areas

        surface += float(areas(part.points * subject.metres, part.mesh.triangles).sum())
    # islands cover about six tenths of a square
    needed = 1 << math.ceil(math.log2(max(settings.wanted * math.sqrt(surface / 0.6), 1)))
    if needed > side:
        made = side if settings.side else min(needed, _LARGEST)
        if made > side:
            subject.note(f"textures of {made} pixels for {settings.wanted:g} texels a metre: larger, not more detailed")
        if made < needed:
            subject.details["side_needed"] = needed
            subject.note(
                f"{made} pixels are too few for {settings.wanted:g} texels a metre: {needed} are needed"
                + ("" if needed <= 8192 else ", more than one texture may have: split the asset, or tile its materials")
            )
        side = made
    repack(subject, settings.model_copy(update={"side": side}), f"texel-density wanted={settings.wanted}")


def measure(subject: Subject) -> dict[str, Any]:
    """Density and cover of the layout."""
    return measured(subject)


operation = Operation(
    name="texel-density",
    summary="Equal texels per metre on all islands",
    settings=DensitySettings,
    run=run,
    measure=measure,
    fixes=("uv.texel-density",),
)
