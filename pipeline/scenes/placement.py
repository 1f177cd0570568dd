# SPDX-License-Identifier: Apache-2.0
"""Putting an asset somewhere: a placement is the transform of its root prim and no part of the asset.

The operations are named `xformOp:translate:placement` and `xformOp:rotateY:placement` (rotateZ where Z is up),
so that a tool can tell a placement from a pivot or a proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom

from pipeline.errors import StageError, UsageError
from pipeline.scenes.bounds import Box, to_metres, world_box

__all__ = ["SIDES", "Placement", "Side", "place", "without_placement"]

GAP = 0.15  # metres left between neighbours placed side by side

Side = Literal["left", "right", "front", "back", "up", "down"]
#: directions in metres with Y up; the front of a scene is +Z
SIDES: dict[Side, tuple[float, float, float]] = {
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "front": (0, 0, 1),
    "back": (0, 0, -1),
    "up": (0, 1, 0),
    "down": (0, -1, 0),
}


@dataclass(frozen=True)
class Placement:
    """Where an asset stands: metres with Y up, degrees about Y."""

    position: tuple[float, float, float]
    yaw: float


def place(
    prim: Usd.Prim,
    *,
    at: tuple[float, float, float] | None = None,
    yaw: float | None = None,
    ground: bool = False,
    next_to: Usd.Prim | None = None,
    on_top_of: Usd.Prim | None = None,
    side: Side = "right",
    gap: float = GAP,
    snap: Side | None = None,
    align: bool = False,
) -> Placement:
    """Author a placement at the stage's edit target; what is not given stays as it is.

    Parameters
    ----------
    at
        Metres, Y up, of the asset's origin.
    yaw
        Degrees about the up axis, counter-clockwise seen from above.
    ground
        Set it down on what lies beneath it.
    next_to
        Stand beside this prim with a gap in metres, on `side` of it, in line with its middle.
    on_top_of
        Stand on the top of this prim's bounds, over its middle; with `at`, at that place on it.
    snap
        Go in this direction until it touches a surface.
    align
        With `snap`: turn the back to that surface first.

    Raises
    ------
    StageError
        The asset or the neighbour shows nothing, so that there are no bounds; no surface lies in that direction.
    UsageError
        The neighbour is the asset itself.
    """
    old = current(prim)
    position = np.array(at if at is not None else old.position, float)
    turn = old.yaw if yaw is None else yaw
    _author(prim, position, turn)
    for other, where in ((next_to, "beside"), (on_top_of, "on")):
        if other is not None and other.GetPath().HasPrefix(prim.GetPath()):
            raise UsageError(f"an asset cannot stand {where} itself", prim=str(prim.GetPath()), remedy="name another")
    if next_to is not None:
        position += _beside(_box(prim), _box(next_to), side, gap)
    elif on_top_of is not None:
        mine, theirs = _box(prim), _box(on_top_of)
        if at is None:
            position[[0, 2]] += (theirs.centre - mine.centre)[[0, 2]]
        position[1] += theirs.high[1] - mine.low[1]
    _author(prim, position, turn)
    if snap is not None:
        if align and snap not in ("up", "down"):
            turn = _facing(_touch(prim, snap)[1])
            _author(prim, position, turn)
        position += _touch(prim, snap)[0]
        _author(prim, position, turn)
    if ground:
        position[1] += ground_height(prim, _box(prim)) - _box(prim).low[1]
        _author(prim, position, turn)
    x, y, z = (float(v) for v in position)
    return Placement((x, y, z), float(turn))


def _beside(mine: Box, theirs: Box, side: Side, gap: float) -> NDArray[np.float64]:
    """How far a box must move to stand beside another: a gap along the side's axis, middles in line across it."""
    way = np.array(SIDES[side])
    axis = int(np.abs(way).argmax())
    move: NDArray[np.float64] = theirs.centre - mine.centre
    if axis != 1:
        move[1] = 0.0
    forward = way[axis] > 0
    move[axis] = theirs.high[axis] + gap - mine.low[axis] if forward else theirs.low[axis] - gap - mine.high[axis]
    return move


def _touch(prim: Usd.Prim, side: Side) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far to go until the bounds meet the first surface, and that surface's normal.

    Rays start in the plane of the far side of the bounds, at 5 x 5 places across it.
    """
    from pipeline.scenes.surface import cast, scene_triangles

    box, way = _box(prim), np.array(SIDES[side])
    axis = int(np.abs(way).argmax())
    others = [i for i in range(3) if i != axis]
    share = np.linspace(0.05, 0.95, 5)
    across = np.stack(np.meshgrid(share, share), axis=-1).reshape(-1, 2)
    origins = np.tile(box.low if way[axis] > 0 else box.high, (len(across), 1))
    origins[:, others] = box.low[others] + across * box.size[others]
    distance, normals = cast(*scene_triangles(prim.GetStage(), without=prim), origins, way)
    nearest = int(distance.argmin())
    if not np.isfinite(distance[nearest]):
        raise StageError(
            f"there is no surface {side} of it", prim=str(prim.GetPath()), remedy="choose another direction, or --at"
        )
    normal = normals[nearest] * (-1 if normals[nearest] @ way > 0 else 1)
    return way * (distance[nearest] - box.size[axis]), normal


def _facing(normal: NDArray[np.float64]) -> float:
    """The yaw in degrees whose front (+Z) looks along a normal."""
    return float(np.degrees(np.arctan2(normal[0], normal[2])))


def current(prim: Usd.Prim) -> Placement:
    """The placement that a prim has."""
    translate = prim.GetAttribute("xformOp:translate:placement").Get() or Gf.Vec3d(0)
    axis = "Z" if UsdGeom.GetStageUpAxis(prim.GetStage()) == UsdGeom.Tokens.z else "Y"
    yaw = prim.GetAttribute(f"xformOp:rotate{axis}:placement").Get() or 0.0
    x, y, z = np.asarray(translate, float) @ to_metres(prim.GetStage())[:3, :3]
    return Placement((float(x), float(y), float(z)), float(yaw))


def without_placement(prim: Usd.Prim) -> None:
    """Put an asset back to its own space, in the session layer, so that it can be judged or delivered by itself."""
    stage = prim.GetStage()
    with Usd.EditContext(stage, stage.GetSessionLayer()):
        for operation in UsdGeom.Xformable(prim).GetOrderedXformOps():
            if operation.GetOpName().endswith(":placement"):
                kind = operation.GetOpType() == UsdGeom.XformOp.TypeTranslate
                operation.Set(Gf.Vec3d(0) if kind else 0.0)


def ground_height(prim: Usd.Prim, box: Box) -> float:
    """Height in metres of the highest surface below the asset's middle that is not the asset; 0 where none is.

    Rays fall from the asset's top at its centre and near its four lower corners; the median hit counts.
    """
    from pipeline.scenes.surface import heights_below

    inset = 0.1 * box.size
    xs = [box.centre[0], box.low[0] + inset[0], box.high[0] - inset[0]]
    zs = [box.centre[2], box.low[2] + inset[2], box.high[2] - inset[2]]
    points = np.array([[xs[0], zs[0]], [xs[1], zs[1]], [xs[1], zs[2]], [xs[2], zs[1]], [xs[2], zs[2]]])
    hits = heights_below(prim, points, top=float(box.high[1]))
    return float(np.median(hits)) if len(hits) else 0.0


def _box(prim: Usd.Prim) -> Box:
    box = world_box(prim)
    if box is None:
        raise StageError(
            "this prim shows nothing, so it cannot be placed by its bounds",
            prim=str(prim.GetPath()),
            remedy="select a candidate that loads, or give the position with --at",
        )
    return box


def _author(prim: Usd.Prim, position: NDArray[np.float64], yaw: float) -> None:
    stage = prim.GetStage()
    native = position @ np.linalg.inv(to_metres(stage)[:3, :3])
    xform = UsdGeom.Xformable(prim)
    axis = "Z" if UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z else "Y"
    names = [op.GetOpName() for op in xform.GetOrderedXformOps()]
    move = _operation(xform, names, "translate", UsdGeom.XformOp.TypeTranslate)
    turn = _operation(xform, names, f"rotate{axis}", getattr(UsdGeom.XformOp, f"TypeRotate{axis}"))
    move.Set(Gf.Vec3d(*native))
    turn.Set(float(yaw))
    rest = [op for op in xform.GetOrderedXformOps() if op.GetOpName() not in (move.GetOpName(), turn.GetOpName())]
    xform.SetXformOpOrder([move, turn, *rest])


def _operation(xform: UsdGeom.Xformable, names: list[str], kind: str, token: object) -> UsdGeom.XformOp:
    name = f"xformOp:{kind}:placement"
    if name in names:
        return next(op for op in xform.GetOrderedXformOps() if op.GetOpName() == name)
    precision = UsdGeom.XformOp.PrecisionDouble if kind == "translate" else UsdGeom.XformOp.PrecisionFloat
    return xform.AddXformOp(token, precision, "placement")
