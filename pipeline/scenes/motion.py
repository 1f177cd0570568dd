# SPDX-License-Identifier: Apache-2.0
"""Cameras that move: between keyframes, along a path, or one of the moves that have a name.

What is authored is a `translate` and an `orient` operation with one sample a time code: two samples a few frames
apart would turn straight through what a path bends around, and a matrix cannot be interpolated without shear.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.errors import UsageError
from pipeline.scenes.bounds import Box, to_metres
from pipeline.scenes.cameras import CameraSpec, aim, author_lens, clipping, fitted, look_matrix
from pipeline.scenes.curves import even_points, through_points

__all__ = ["Key", "Motion", "MotionSpec", "author_motion", "plan_motion", "subject_centres"]

Move = Literal["keys", "path", "orbit", "turntable", "dolly", "crane", "track"]
Floats = NDArray[np.float64]
Point = tuple[float, float, float]


class Key(BaseModel):
    """Where the camera is at a time code; metres, Y up; without a target it looks at the subject."""

    model_config = ConfigDict(extra="forbid")

    time: float
    eye: Point
    target: Point | None = None
    lens_mm: float | None = Field(default=None, gt=0)


class MotionSpec(BaseModel):
    """How a camera moves.

    Attributes
    ----------
    move
        `keys`: smoothly through keyframes, never beyond them. `path`: along a path at an even speed. `orbit`: about
        the subject by `amount` degrees; `turntable`: once around, so that the frame after the last is the first.
        `dolly`: towards the subject by `amount` metres (away where negative); `crane`: up; `track`: to the right,
        looking the same way.
    ease
        Begin and end slowly.
    look
        What a path looks at: the `subject`, or `ahead` along the path.
    """

    model_config = ConfigDict(extra="forbid")

    move: Move = "turntable"
    frames: tuple[float, float] | None = None
    amount: float | None = None
    keys: list[Key] = Field(default_factory=list)
    points: list[Point] = Field(default_factory=list)
    curve: str = ""
    ease: bool = False
    look: Literal["subject", "ahead"] = "subject"

    @model_validator(mode="after")
    def _sound(self) -> MotionSpec:
        if self.move == "keys":
            times = [key.time for key in self.keys]
            if len(times) < 2 or any(b <= a for a, b in pairwise(times)):
                raise ValueError("give two keyframes or more, in the order of their times")
        if self.move == "path" and len(self.points) < 2 and not self.curve:
            raise ValueError("give two points or more, or a curve")
        if self.frames is not None and self.frames[1] <= self.frames[0]:
            raise ValueError("give the first frame first")
        return self


@dataclass(frozen=True)
class Motion:
    """A camera over time.

    Attributes
    ----------
    times
        (n,) time codes.
    eyes, targets
        (n, 3) metres, Y up.
    lenses
        (n,) millimetres.
    """

    times: Floats
    eyes: Floats
    targets: Floats
    lenses: Floats


def plan_motion(
    spec: MotionSpec, lens: CameraSpec, subject: Box, times: Floats, centres: Floats, line: Floats | None = None
) -> Motion:
    """Where the camera is at each time.

    Parameters
    ----------
    times
        (n,) time codes.
    centres
        (n, 3) the subject's middle at each of them, metres.
    line
        The polyline of `spec.curve`.

    Raises
    ------
    UsageError
        A dolly that would run through the subject, or a path without length.
    """
    count = len(times)
    share = np.linspace(0.0, 1.0, count) if count > 1 else np.zeros(1)
    share = share * share * (3 - 2 * share) if spec.ease else share
    lenses = np.full(count, lens.lens_mm)
    moved = centres - centres[0]
    if spec.move == "keys":
        return _keyed(spec, lens, times, centres)
    if spec.move == "path":
        line = line if line is not None else through_points(np.array(spec.points, float))
        eyes = even_points(line, share)
        return Motion(times, eyes, _ahead(line, share, eyes) if spec.look == "ahead" else centres, lenses)
    if spec.move in ("orbit", "turntable"):
        return Motion(times, _around(spec, lens, subject, share, count) + moved, centres, lenses)
    shot = aim(subject, lens)
    amount = spec.amount if spec.amount is not None else shot.reach / 4
    view = (shot.target - shot.eye) / shot.reach
    if spec.move == "dolly":
        if amount >= shot.reach - float(np.linalg.norm(subject.size)) / 2:
            raise UsageError(
                f"a dolly of {amount:g} m runs into the subject, which is {shot.reach:.2f} m away",
                remedy="give a shorter way, or --distance to begin farther away",
            )
        eyes, targets = shot.eye + view * (amount * share)[:, None], centres
    elif spec.move == "crane":
        eyes, targets = shot.eye + np.array([0.0, 1.0, 0.0]) * (amount * share)[:, None], centres
    else:
        right = look_matrix(shot.eye, shot.target)[0, :3]
        step = right * (amount * (share - 0.5))[:, None]
        eyes, targets = shot.eye + step, shot.target + step
        return Motion(times, eyes, targets, lenses)
    return Motion(times, eyes + moved, targets, lenses)


def _keyed(spec: MotionSpec, lens: CameraSpec, times: Floats, centres: Floats) -> Motion:
    from scipy.interpolate import PchipInterpolator

    at = np.array([key.time for key in spec.keys])
    inside = np.clip(times, at[0], at[-1])
    eyes = PchipInterpolator(at, np.array([key.eye for key in spec.keys], float), axis=0)(inside)
    middle = np.stack([np.interp(at, times, centres[:, i]) for i in range(3)], axis=1)
    wanted = np.array([key.target or tuple(middle[i]) for i, key in enumerate(spec.keys)], float)
    targets = PchipInterpolator(at, wanted, axis=0)(inside)
    free = [key.target is None for key in spec.keys]
    targets = centres if all(free) else targets
    lenses = PchipInterpolator(at, np.array([key.lens_mm or lens.lens_mm for key in spec.keys]))(inside)
    return Motion(times, eyes, targets, lenses)


def _around(spec: MotionSpec, lens: CameraSpec, subject: Box, share: Floats, count: int) -> Floats:
    """Eyes on one level circle about the subject, far enough to fit it from every side that is seen."""
    first = aim(subject, lens)
    offset = first.eye - first.target
    start, level = np.arctan2(offset[0], offset[2]), float(np.hypot(offset[0], offset[2]))
    full = spec.move == "turntable"
    degrees = 360.0 if full else (spec.amount if spec.amount is not None else 90.0)
    turn = np.arange(count) / count if full else share
    angles = start + np.radians(degrees) * turn
    ways = np.stack([np.sin(angles) * level, np.full(count, offset[1]), np.cos(angles) * level], axis=1)
    if lens.distance_m is None:
        sides = ways[:: max(count // 48, 1)]
        far = max(fitted(subject, side / np.linalg.norm(side), lens) for side in sides)
        ways = ways * max(far / first.reach, 1.0)
    eyes: Floats = subject.centre + ways
    return eyes


def _ahead(line: Floats, share: Floats, eyes: Floats) -> Floats:
    step = 1e-3
    before, after = even_points(line, np.clip(share - step, 0, 1)), even_points(line, np.clip(share + step, 0, 1))
    way = after - before
    ahead: Floats = eyes + way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12)
    return ahead


def subject_centres(prim: Usd.Prim, box: Box, times: Floats) -> Floats:
    """The middle of a subject (n, 3) at each time, by its transform: its middle moves along."""
    stage = prim.GetStage()
    ancestors = [prim, *_above(prim)]
    if not any(UsdGeom.Xformable(p).TransformMightBeTimeVarying() for p in ancestors if p.IsA(UsdGeom.Xformable)):
        return np.tile(box.centre, (len(times), 1))
    metres = to_metres(stage)
    first = np.array(UsdGeom.XformCache(times[0]).GetLocalToWorldTransform(prim)) @ metres
    local = np.append(box.centre, 1.0) @ np.linalg.inv(first)
    centres = [local @ np.array(UsdGeom.XformCache(t).GetLocalToWorldTransform(prim)) @ metres for t in times]
    return np.array(centres)[:, :3]


def _above(prim: Usd.Prim) -> list[Usd.Prim]:
    found = []
    prim = prim.GetParent()
    while prim and not prim.IsPseudoRoot():
        found.append(prim)
        prim = prim.GetParent()
    return found


def author_motion(stage: Usd.Stage, path: str, motion: Motion, spec: CameraSpec, focus: Floats) -> UsdGeom.Camera:
    """Author a moving camera at the stage's edit target.

    Parameters
    ----------
    focus
        (n,) metres to what is sharp.

    Raises
    ------
    UsageError
        The camera stands in what it looks at.
    """
    from scipy.spatial.transform import Rotation

    reach = np.linalg.norm(motion.eyes - motion.targets, axis=1)
    if float(reach.min()) < 1e-6:
        raise UsageError("the camera stands in what it looks at", prim=path, remedy="move the path, or the target")
    camera = UsdGeom.Camera.Define(stage, path)
    per_unit = UsdGeom.GetStageMetersPerUnit(stage)
    native = np.linalg.inv(to_metres(stage))
    frames = np.stack([look_matrix(e, t) for e, t in zip(motion.eyes, motion.targets, strict=True)])
    turns = frames[:, :3, :3] @ (native[:3, :3] * per_unit)
    quaternions = Rotation.from_matrix(turns.transpose(0, 2, 1)).as_quat()
    flips = np.cumprod(np.where((quaternions[1:] * quaternions[:-1]).sum(1) < 0, -1.0, 1.0))
    quaternions[1:] *= flips[:, None]  # neighbours on one half of the sphere, so that none turns the long way
    places = motion.eyes @ native[:3, :3]
    author_lens(camera, spec)
    camera.ClearXformOpOrder()
    move, turn = camera.AddTranslateOp(), camera.AddOrientOp()
    for attribute in (move.GetAttr(), turn.GetAttr()):
        attribute.Clear()
    for time, place, (x, y, z, w) in zip(motion.times.tolist(), places.tolist(), quaternions.tolist(), strict=True):
        move.Set(Gf.Vec3d(*place), time)
        turn.Set(Gf.Quatf(w, x, y, z), time)
    _samples(camera.CreateFocusDistanceAttr(), motion.times, focus / per_unit)
    if np.ptp(motion.lenses) > 0:
        _samples(camera.CreateFocalLengthAttr(), motion.times, motion.lenses / (100.0 * per_unit))
    camera.CreateClippingRangeAttr(
        Gf.Vec2f(clipping(float(reach.min()), per_unit)[0], clipping(float(reach.max()), per_unit)[1])
    )
    return camera


def _samples(attribute: Usd.Attribute, times: Floats, values: Floats) -> None:
    """Author samples, or one value where it does not change."""
    attribute.Clear()
    if np.ptp(values) < 1e-9:
        attribute.Set(float(values[0]))
        return
    for time, value in zip(times.tolist(), values.tolist(), strict=True):
        attribute.Set(value, time)
