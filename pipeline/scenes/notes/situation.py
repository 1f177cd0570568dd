# SPDX-License-Identifier: Apache-2.0
"""What a measure gets to see: the asset among its neighbours, and the project's constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pxr import Usd

from pipeline.errors import StageError
from pipeline.mesh.rays import Rays
from pipeline.render.drawing import Drawing
from pipeline.render.picturing import Options, read
from pipeline.scenes.bounds import Box
from pipeline.scenes.notes.pieces import Pieces, read_pieces
from pipeline.scenes.notes.protocol import Measure, Severity
from pipeline.usd.scene import Scene

__all__ = ["Setting", "Situation"]

#: triangles of one ray hierarchy; more are asked for in turns
TURN = 4_000_000


class Setting(NamedTuple):
    """How bad a remark is here, and where a value becomes one."""

    severity: Severity
    limit: float
    ceiling: float


@dataclass
class Situation:
    """An asset in a scene, read once; every view of it and every measure share what was read.

    Attributes
    ----------
    cameras
        Paths of the cameras to look through.
    size
        Pixels of the picture that will be rendered: what texels and triangles are held against. The height
        follows each camera's own aspect where it is 0.
    heights_m
        What the project remembers of sizes: words -> (smallest, largest) height in metres.
    max_saturation
        Highest HSV saturation (of sRGB values) that the project's palette allows; 0 where nobody said.
    palette
        The project's palette, linear Rec.709.
    view_distance
        Metres from which it must read; 0 where nobody said.
    approved
        The stage of the approved version, for measures that compare with it.
    settings
        kind -> table with `severity`, `limit` and `ceiling` that count instead of the measure's own.
    """

    stage: Usd.Stage
    asset: Usd.Prim
    cameras: tuple[str, ...] = ()
    size: tuple[int, int] = (1920, 0)
    heights_m: dict[str, tuple[float, float]] = field(default_factory=dict)
    max_saturation: float = 0.0
    palette: list[tuple[float, float, float]] = field(default_factory=list)
    view_distance: float = 0.0
    approved: Usd.Stage | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def setting(self, measure: Measure) -> Setting:
        """The severity and limit that count for a measure."""
        said = self.settings.get(measure.kind, {})
        return Setting(
            said.get("severity", measure.severity),
            float(said.get("limit", measure.limit)),
            float(said.get("ceiling", measure.ceiling)),
        )

    @cached_property
    def options(self) -> Options:
        """How its draft pictures are drawn."""
        return Options(
            size=(512, 512), quality="draft", prims=(), variants={}, purposes=("default", "render"),
            lights=None, background="studio", refine_level=0, view="srgb", exposure=0.0,
        )  # fmt: skip

    @cached_property
    def _read(self) -> tuple[Scene, Drawing]:
        return read(self.stage, self.options, None)

    @property
    def scene(self) -> Scene:
        """The flattened stage."""
        return self._read[0]

    @property
    def drawing(self) -> Drawing:
        """The flattened stage as triangles with surfaces."""
        return self._read[1]

    @cached_property
    def pieces(self) -> Pieces:
        """Everything that stands in it, with bounds and owners."""
        return read_pieces(self.stage, self.asset, self.drawing)

    @cached_property
    def box(self) -> Box:
        """Exact bounds of the asset.

        Raises
        ------
        StageError
            It shows nothing.
        """
        points, faces = self.mesh
        if not len(faces):
            raise StageError(
                "the asset shows nothing in this scene",
                prim=str(self.asset.GetPath()),
                remedy="select a candidate whose payload loads",
            )
        used = points[np.unique(faces)]
        return Box(used.min(0), used.max(0))

    @cached_property
    def mesh(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The asset's points ``(p, 3)`` in metres, Y up, and triangles ``(t, 3)``."""
        points, faces, _ = self.pieces.mesh(self.pieces.asset)
        return points, faces

    @cached_property
    def rays(self) -> Rays:
        """The asset alone, for ray casts."""
        return Rays(*self.mesh)

    def blocked_by_others(self, rows: NDArray, origins: NDArray, directions: NDArray, far: NDArray) -> NDArray:
        """``(k,) bool``: whether one of some pieces lies on a ray, nearer than `far`."""
        result = np.zeros(len(origins), bool)
        for turn in self.turns(rows):
            points, faces, _ = self.pieces.mesh(turn)
            open_ones = np.flatnonzero(~result)
            result[open_ones] = Rays(points, faces).blocked(origins[open_ones], directions[open_ones], far[open_ones])
        return result

    def turns(self, rows: NDArray) -> list[NDArray]:
        """The rows in groups whose triangles fit into memory together."""
        if not len(rows):
            return []
        sizes = np.array([len(s.triangles) for s in self.drawing.shapes])[self.pieces.shape[rows]]
        group = (np.cumsum(sizes) - sizes) // TURN
        return [rows[group == g] for g in np.unique(group)]

    @cached_property
    def neighbours(self) -> list[tuple[str, Box]]:
        """Other models with their bounds."""
        pieces = self.pieces
        count = len(pieces.owners)
        low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
        np.minimum.at(low, pieces.owner, pieces.low)
        np.maximum.at(high, pieces.owner, pieces.high)
        return [(pieces.owners[i], Box(low[i], high[i])) for i in range(1, count) if np.isfinite(low[i]).all()]

    @property
    def words(self) -> set[str]:
        """The words of the asset's name."""
        return set(self.asset.GetName().lower().replace("_", " ").split())
