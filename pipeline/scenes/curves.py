# SPDX-License-Identifier: Apache-2.0
"""Curves that something runs along: a BasisCurves prim or points, walked at an even speed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom

from pipeline.errors import UsageError
from pipeline.scenes.bounds import to_metres

__all__ = ["even_points", "read_curve", "through_points"]

Floats = NDArray[np.float64]
#: samples a segment, from which lengths are measured
SAMPLES = 64
#: rows: powers 3, 2, 1, 0 of the parameter; UsdGeomBasisCurves names and uses the same matrices
_BASES = {
    "bezier": np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 3, 0, 0], [1, 0, 0, 0]], float),
    "bspline": np.array([[-1, 3, -3, 1], [3, -6, 3, 0], [-3, 0, 3, 0], [1, 4, 1, 0]], float) / 6,
    "catmullRom": np.array([[-1, 3, -3, 1], [2, -5, 4, -1], [-1, 0, 1, 0], [0, 2, 0, 0]], float) / 2,
}


def read_curve(prim: Usd.Prim, time: Usd.TimeCode | None = None) -> Floats:
    """The first curve of a BasisCurves prim as a fine polyline (n, 3) in metres, Y up, world space.

    Raises
    ------
    UsageError
        The prim is no curve, or has too few points.
    """
    curves = UsdGeom.BasisCurves(prim)
    where = str(prim.GetPath())
    at = time or Usd.TimeCode.Default()
    points = np.asarray(curves.GetPointsAttr().Get(at) or np.zeros((0, 3)), np.float64) if curves else np.zeros((0, 3))
    counts = (curves.GetCurveVertexCountsAttr().Get(at) if curves else None) or [len(points)]
    points = points[: int(counts[0])]
    if len(points) < 2:
        raise UsageError("this is no curve to run along", prim=where, remedy="name a BasisCurves prim")
    matrix = np.array(UsdGeom.XformCache(at).GetLocalToWorldTransform(prim)) @ to_metres(prim.GetStage())
    world = points @ matrix[:3, :3] + matrix[3, :3]
    wrap = str(curves.GetWrapAttr().Get(at))
    if curves.GetTypeAttr().Get(at) == UsdGeom.Tokens.linear:
        return np.vstack([world, world[:1]]) if wrap == UsdGeom.Tokens.periodic else world
    basis = str(curves.GetBasisAttr().Get(at))
    if len(points) < 4 and not (wrap == UsdGeom.Tokens.pinned or basis != "bezier"):
        raise UsageError("a cubic curve needs four points", prim=where, remedy="add points, or make it linear")
    return _evaluated(world, basis, wrap)


def through_points(points: Floats) -> Floats:
    """A smooth polyline through points (n, 3): Catmull-Rom, with its ends as they are given."""
    if len(points) < 2:
        raise UsageError("a path needs two points", remedy="give more")
    return points if len(points) == 2 else _evaluated(points, "catmullRom", "pinned")


def even_points(line: Floats, share: Floats) -> Floats:
    """Places (k, 3) on a polyline at shares of its length."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    if along[-1] <= 0:
        raise UsageError("this path has no length", remedy="give points that differ")
    return np.stack([np.interp(share * along[-1], along, line[:, i]) for i in range(3)], axis=1)


def _evaluated(points: Floats, basis: str, wrap: str) -> Floats:
    """A cubic curve as a fine polyline."""
    step = 3 if basis == "bezier" else 1
    if wrap == UsdGeom.Tokens.periodic:
        points = np.vstack([points, points[: 1 if basis == "bezier" else 3]])
    elif wrap == UsdGeom.Tokens.pinned and basis != "bezier":
        # phantom points that make the curve begin and end at the first and last one
        points = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    starts = np.arange(0, len(points) - 3, step)
    if not len(starts):
        raise UsageError("a cubic curve needs four points", remedy="add points, or make it linear")
    control = points[starts[:, None] + np.arange(4)]
    u = np.linspace(0, 1, SAMPLES, endpoint=False)
    powers = np.stack([u**3, u**2, u, np.ones_like(u)], axis=1)
    inner = np.einsum("up,pc,sci->sui", powers, _BASES[basis], control).reshape(-1, 3)
    last = np.ones(4) @ _BASES[basis] @ control[-1]
    return np.vstack([inner, last])
