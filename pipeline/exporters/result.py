# SPDX-License-Identifier: Apache-2.0
"""What an export tells: the same keys on the command line, in receipts and in Python."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ExportResult", "LossRecord", "Readback", "Stats", "Timings"]

Bounds = tuple[tuple[float, float, float], tuple[float, float, float]]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class LossRecord(_Model):
    """Something the stage says that the file does not hold."""

    prim: str
    what: str
    why: str


class Stats(_Model):
    """What the stage draws.

    Attributes
    ----------
    meshes
        Different meshes; instances of one count once.
    instances
        Meshes drawn, each instance of its own.
    triangles
        Triangles drawn, of all instances.
    bounds_m
        Lowest and highest corner in metres, Y up; None where nothing is drawn.
    """

    meshes: int = 0
    instances: int = 0
    triangles: int = 0
    materials: int = 0
    textures: int = 0
    uv_sets: int = 0
    joints: int = 0
    clips: int = 0
    cameras: int = 0
    lights: int = 0
    bounds_m: Bounds | None = None


class Readback(_Model):
    """What a foreign reader found, and where it differs from the stage.

    Attributes
    ----------
    reader
        Who read; empty where reading was switched off.
    ok
        No differences.
    differences
        One sentence each.
    unavailable
        Readers that are not installed and were not asked.
    """

    reader: str = ""
    ok: bool = True
    differences: list[str] = Field(default_factory=list)
    unavailable: list[str] = Field(default_factory=list)


class Timings(_Model):
    """Seconds spent reading the stage, writing the file, reading it back."""

    read: float = 0.0
    write: float = 0.0
    readback: float = 0.0


class ExportResult(_Model):
    """One delivered file."""

    path: str
    format: str
    target: str = ""
    bytes: int
    files: list[str] = Field(default_factory=list)
    seconds: float
    stats: Stats
    losses: list[LossRecord] = Field(default_factory=list)
    readback: Readback
    timings: Timings = Timings()
