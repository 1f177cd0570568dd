# SPDX-License-Identifier: Apache-2.0
"""What an import says about itself."""

from __future__ import annotations

from pydantic import BaseModel, Field

Point = tuple[float, float, float]


class ImportLoss(BaseModel):
    """Something the file holds and the package does not."""

    where: str
    what: str
    why: str


class ImportReport(BaseModel):
    """What was found, what it became, and what was left behind.

    Lengths are metres, the up axis of the package is Y. `layer` is relative to `folder`.
    """

    source: str
    format: str
    digest: str = Field(description="sha256 of the file as it came")
    folder: str
    layer: str = "payload.usdc"
    layer_digest: str = Field(default="", description="sha256 of the layer")
    file_digests: dict[str, str] = Field(
        default_factory=dict, description="sha256 of every file of the package by its relative path"
    )
    generator: str = Field(default="", description="the program that wrote the file, as the file says")
    copyright: str = ""

    meters_per_unit: float = Field(default=1.0, description="of the file, before it became metres")
    units_from: str = Field(default="file", description="file, option or guess")
    up_axis: str = Field(default="Y", description="of the file, before it became Y")
    up_from: str = Field(default="file", description="file, option or guess")

    meshes: int = 0
    triangles: int = 0
    faces: int = 0
    vertices: int = 0
    materials: int = 0
    textures: int = 0
    uv_sets: int = 0
    joints: int = 0
    clips: list[str] = Field(default_factory=list)
    blend_shapes: int = 0
    bounds_m: tuple[Point, Point] | None = None

    renamed: dict[str, str] = Field(
        default_factory=dict, description="prim path to the name in the file, where they differ"
    )
    converted: list[str] = Field(default_factory=list, description="what was changed on the way in")
    notes: list[str] = Field(default_factory=list, description="guesses and oddities worth knowing")
    losses: list[ImportLoss] = Field(default_factory=list)
    seconds: float = 0.0
    peak_mb: float = 0.0
