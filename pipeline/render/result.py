# SPDX-License-Identifier: Apache-2.0
"""What rendering answers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Quality = Literal["draft", "review", "final"]


class RenderNote(BaseModel):
    """Something that a picture does not show as the stage says it."""

    model_config = ConfigDict(frozen=True)

    prim: str
    what: str
    why: str


class RenderResult(BaseModel):
    """Pictures that were made.

    Attributes
    ----------
    images
        Files, in the order of frames.
    movie
        The GIF or MP4 they were joined to, where that was asked for.
    renderer
        Its name, with the variant: `mitsuba llvm_ad_rgb`, `draft`.
    seconds
        Wall clock for all of it.
    skipped
        Frames that were there already (with resume).
    """

    images: list[Path] = Field(default_factory=list)
    renderer: str
    seconds: float
    camera: str = ""
    size: tuple[int, int] = (0, 0)
    quality: Quality = "draft"
    movie: Path | None = None
    skipped: int = 0
    notes: list[RenderNote] = Field(default_factory=list)
