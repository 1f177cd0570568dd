# SPDX-License-Identifier: Apache-2.0
"""World bounds of prims in metres, with the stage's up axis turned to +Y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom

from pipeline.usd.scene import bounds, read_scene

__all__ = ["Box", "to_metres", "world_box"]


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in metres, Y up.

    Attributes
    ----------
    low, high
        (3,) float64 corners.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def size(self) -> NDArray[np.float64]:
        """Width (x), height (y), depth (z)."""
        return self.high - self.low

    @property
    def centre(self) -> NDArray[np.float64]:
        """The middle."""
        middle: NDArray[np.float64] = (self.low + self.high) / 2
        return middle

    def overlap(self, other: Box) -> NDArray[np.float64]:
        """Lengths by which two boxes overlap along x, y, z; negative where there is a gap."""
        depth: NDArray[np.float64] = np.minimum(self.high, other.high) - np.maximum(self.low, other.low)
        return depth

    def distance(self, other: Box) -> float:
        """Gap between two boxes in metres; 0 where they touch or overlap."""
        return float(np.linalg.norm(np.maximum(-self.overlap(other), 0.0)))


def to_metres(stage: Usd.Stage) -> NDArray[np.float64]:
    """(4, 4) row-vector matrix from the stage's space to metres with Y up."""
    scale = UsdGeom.GetStageMetersPerUnit(stage)
    matrix: NDArray[np.float64] = np.eye(4)
    if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z:
        matrix[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    matrix[:3, :3] *= scale
    return matrix


def world_box(prim: Usd.Prim, time: Usd.TimeCode | None = None) -> Box | None:
    """Bounds of what a prim shows (default and render purpose, visible); None where that is nothing.

    Characters count as they are posed: the extents that files store for them are often those of another pose, or of
    the skeleton's own space.
    """
    time = time or Usd.TimeCode.Default()
    shown = UsdGeom.Imageable(prim)
    if shown and shown.ComputeVisibility(time) == UsdGeom.Tokens.invisible:
        return None  # the cache leaves out what is hidden beneath a prim, and not the prim itself
    if _posed(prim):
        at = None if time.IsDefault() else time.GetValue()
        found = bounds(read_scene(prim.GetStage(), root=str(prim.GetPath()), time=at, clips=False))
        return None if found is None else Box(found[0], found[1])
    cache = UsdGeom.BBoxCache(time, [UsdGeom.Tokens.default_, UsdGeom.Tokens.render], useExtentsHint=False)
    extent = cache.ComputeWorldBound(prim).ComputeAlignedRange()
    if extent.IsEmpty():
        return None
    native = np.array([extent.GetCorner(i) for i in range(8)], np.float64)
    corners: NDArray[np.float64] = native @ to_metres(prim.GetStage())[:3, :3]
    return Box(corners.min(0), corners.max(0))


def _posed(prim: Usd.Prim) -> bool:
    """Whether a skeleton moves any of what a prim shows."""
    return any(p.GetTypeName() == "SkelRoot" for p in Usd.PrimRange(prim, Usd.TraverseInstanceProxies()))
