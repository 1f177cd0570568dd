# SPDX-License-Identifier: Apache-2.0
"""What a context measure gets to see: the stage, the asset, the camera and the project's constraints."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from pxr import Usd, UsdGeom
from pydantic import BaseModel, Field

from pipeline.errors import StageError
from pipeline.scenes.bounds import Box, neighbours, world_box

__all__ = ["Note", "Situation"]


class Note(BaseModel):
    """One remark.

    Attributes
    ----------
    against
        What it was measured against, where one kind may be found several times.
    measured, expected
        With their unit in the text.
    correction
        What would put it right, by name: `scale` (factor on the whole), `saturation_<material>` (factor on
        OKLab chroma).
    """

    kind: str
    prim: str
    message: str
    against: str = ""
    measured: str = ""
    expected: str = ""
    correction: dict[str, float] = Field(default_factory=dict)


@dataclass
class Situation:
    """An asset in a scene.

    Attributes
    ----------
    heights_m
        What the project remembers of sizes: words -> (smallest, largest) height in metres.
    max_saturation
        Highest HSV saturation (of sRGB values) that the project's palette allows; 0 where nobody said.
    palette
        The project's palette, linear Rec.709.
    view_distance
        Metres from which it must read; 0 where nobody said.
    """

    stage: Usd.Stage
    asset: Usd.Prim
    camera: UsdGeom.Camera | None = None
    heights_m: dict[str, tuple[float, float]] = field(default_factory=dict)
    max_saturation: float = 0.0
    palette: list[tuple[float, float, float]] = field(default_factory=list)
    view_distance: float = 0.0

    @cached_property
    def box(self) -> Box:
        """Bounds of the asset.

        Raises
        ------
        StageError
            It shows nothing.
        """
        box = world_box(self.asset)
        if box is None:
            raise StageError(
                "the asset shows nothing in this scene",
                prim=str(self.asset.GetPath()),
                remedy="select a candidate whose payload loads",
            )
        return box

    @cached_property
    def others(self) -> list[tuple[Usd.Prim, Box]]:
        """Neighbours with their bounds; what shows nothing is left out."""
        found = ((prim, world_box(prim)) for prim in neighbours(self.stage, self.asset))
        return [(prim, box) for prim, box in found if box is not None]

    @property
    def words(self) -> set[str]:
        """The words of the asset's name."""
        return set(self.asset.GetName().lower().replace("_", " ").split())
