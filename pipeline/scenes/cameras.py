# SPDX-License-Identifier: Apache-2.0
"""Cameras by intent: where a person, a hero shot, a product picture or a turntable looks from.

Lengths are metres with Y up; lens and sensor are millimetres, as a photographer says them. USD stores
apertures and focal length in tenths of a scene unit (UsdGeomCamera), which this converts for the stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import StageError
from pipeline.scenes.bounds import Box, to_metres

__all__ = ["PLAYER_EYE_M", "CameraSpec", "Shot", "aim", "author_camera", "author_lens", "look_matrix"]

#: eye height of a standing player in metres, the common value of first-person templates
PLAYER_EYE_M = 1.7

Kind = Literal["player", "hero", "product", "turntable", "top"]
Floats = NDArray[np.float64]


class CameraSpec(BaseModel):
    """A camera by what it is for.

    Attributes
    ----------
    kind
        `player`: eye height, straight at the subject; `hero`: three-quarter, from a little above the middle;
        `product`: three-quarter from above; `turntable`: once around the subject (`pipeline.scenes.motion`);
        `top`: from above.
    lens_mm, sensor_mm
        Focal length and horizontal aperture in millimetres.
    aspect
        Width by height of the picture.
    distance_m
        Metres to the subject's middle; None fits the subject into the picture.
    azimuth
        Degrees about the up axis from the subject's front (+Z), counter-clockwise from above.
    pitch
        Degrees above the subject's middle that the camera stands; a player's comes from the eye height.
    fill
        Share of the picture's height or width that the fitted subject takes, whichever is reached first.
    fstop
        Of the lens, for depth of field; 0 keeps everything sharp.
    focus_m
        Metres to what is sharp; None: to what of the subject stands in the middle of the picture.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "player"
    lens_mm: float = Field(default=35.0, gt=0)
    sensor_mm: float = Field(default=36.0, gt=0)
    aspect: float = Field(default=16 / 9, gt=0)
    distance_m: float | None = Field(default=None, gt=0)
    azimuth: float | None = None
    pitch: float | None = Field(default=None, ge=-89, le=89)
    fill: float = Field(default=0.7, gt=0, le=1)
    fstop: float = Field(default=0.0, ge=0)
    focus_m: float | None = Field(default=None, gt=0)


_AZIMUTH: dict[Kind, float] = {"player": 20.0, "hero": 35.0, "product": 40.0, "turntable": 35.0, "top": 0.0}
_PITCH: dict[Kind, float] = {"player": 0.0, "hero": 5.0, "product": 20.0, "turntable": 12.0, "top": 89.0}


@dataclass(frozen=True)
class Shot:
    """Where a camera stands and what it looks at: (3,) metres, Y up."""

    eye: Floats
    target: Floats

    @property
    def reach(self) -> float:
        """Metres from the one to the other."""
        return float(np.linalg.norm(self.eye - self.target))


def aim(subject: Box, spec: CameraSpec) -> Shot:
    """Where a camera of that intent stands.

    Raises
    ------
    StageError
        The subject has no size.
    """
    if not np.isfinite(subject.size).all() or float(subject.size.max()) <= 0:
        raise StageError("the subject has no size to look at", remedy="place something there first")
    azimuth = np.radians(spec.azimuth if spec.azimuth is not None else _AZIMUTH[spec.kind])
    pitch = np.radians(spec.pitch if spec.pitch is not None else _PITCH[spec.kind])
    if spec.kind == "player" and spec.pitch is None:
        return _standing(subject, float(azimuth), spec)
    away = np.array([np.sin(azimuth) * np.cos(pitch), np.sin(pitch), np.cos(azimuth) * np.cos(pitch)])
    distance = spec.distance_m or fitted(subject, away, spec)
    return Shot(subject.centre + away * distance, subject.centre)


def author_camera(
    stage: Usd.Stage, path: str, subject: Box, spec: CameraSpec, focus: float | None = None
) -> UsdGeom.Camera:
    """Author a camera that looks at `subject`, at the stage's edit target.

    Parameters
    ----------
    focus
        Metres to what is sharp, where neither the spec nor the subject's middle says it.

    Raises
    ------
    StageError
        The subject has no size.
    """
    try:
        shot = aim(subject, spec)
    except StageError as error:
        raise StageError(error.message, prim=path, remedy=error.remedy) from error
    camera = UsdGeom.Camera.Define(stage, path)
    native = look_matrix(shot.eye, shot.target) @ np.linalg.inv(to_metres(stage))
    camera.ClearXformOpOrder()
    for attribute in (camera.GetFocusDistanceAttr(), camera.GetFocalLengthAttr()):
        attribute.Clear()  # samples of a camera that moved would win
    camera.AddTransformOp().Set(Gf.Matrix4d(*_rigid(native).flatten().tolist()))
    author_lens(camera, spec)
    per_unit = UsdGeom.GetStageMetersPerUnit(stage)
    camera.CreateClippingRangeAttr(clipping(shot.reach, per_unit))
    camera.CreateFocusDistanceAttr((spec.focus_m or focus or shot.reach) / per_unit)
    return camera


def author_lens(camera: UsdGeom.Camera, spec: CameraSpec) -> None:
    """Author projection, focal length, apertures and f-stop: millimetres as tenths of a scene unit."""
    unit = 0.1 * UsdGeom.GetStageMetersPerUnit(camera.GetPrim().GetStage()) * 1000.0
    camera.CreateProjectionAttr(UsdGeom.Tokens.perspective)
    camera.CreateFocalLengthAttr(spec.lens_mm / unit)
    camera.CreateHorizontalApertureAttr(spec.sensor_mm / unit)
    camera.CreateVerticalApertureAttr(spec.sensor_mm / spec.aspect / unit)
    camera.CreateFStopAttr(spec.fstop)


def clipping(reach: float, per_unit: float) -> Gf.Vec2f:
    """Near and far planes in scene units for a subject that many metres away."""
    return Gf.Vec2f(max(0.01, 0.02 * reach) / per_unit, max(1000.0, 20 * reach) / per_unit)


def look_matrix(eye: Floats, target: Floats) -> Floats:
    """(4, 4) row-vector camera-to-world matrix: looks along -Z, Y up."""
    back = eye - target
    back = back / np.linalg.norm(back)
    up = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.999 else np.array([0.0, 0.0, -1.0])
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[0, :3], matrix[1, :3], matrix[2, :3], matrix[3, :3] = right, np.cross(back, right), back, eye
    return matrix


def fitted(subject: Box, away: Floats, spec: CameraSpec) -> float:
    """Distance from the middle at which every corner of the box stays inside `fill` of the picture."""
    return float(_needed(subject, look_matrix(away, np.zeros(3))[:3, :3], spec).max())


def _needed(subject: Box, axes: Floats, spec: CameraSpec) -> Floats:
    """For each corner of the box the distance from its middle at which the picture holds it."""
    corners = np.array(np.meshgrid(*zip(subject.low, subject.high, strict=True), indexing="ij")).reshape(3, -1).T
    local = (corners - subject.centre) @ axes.T
    half_width = spec.fill * spec.sensor_mm / 2 / spec.lens_mm
    half_height = half_width / spec.aspect
    needed: Floats = np.maximum(np.abs(local[:, 0]) / half_width, np.abs(local[:, 1]) / half_height) + local[:, 2]
    return needed


def _standing(subject: Box, azimuth: float, spec: CameraSpec) -> Shot:
    """At eye height above where the subject stands; the farther away, the flatter the look, so it is halved in on."""
    level = np.array([np.sin(azimuth), 0.0, np.cos(azimuth)])
    rise = np.array([0.0, subject.low[1] + PLAYER_EYE_M - subject.centre[1], 0.0])

    def eye(distance: float) -> Floats:
        where: Floats = subject.centre + level * distance + rise
        return where

    if spec.distance_m:
        return Shot(eye(spec.distance_m), subject.centre)
    low, high = (
        1e-3,
        10 * (float(np.linalg.norm(subject.size)) + abs(float(rise[1]))) * max(spec.lens_mm / 10, 1) / spec.fill,
    )
    for _ in range(60):
        middle = (low + high) / 2
        away = eye(middle) - subject.centre
        enough = float(np.linalg.norm(away)) >= float(
            _needed(subject, look_matrix(away, np.zeros(3))[:3, :3], spec).max()
        )
        low, high = (low, middle) if enough else (middle, high)
    return Shot(eye(high), subject.centre)


def _rigid(matrix: Floats) -> Floats:
    """The matrix without scale: a camera carries none."""
    result = matrix.copy()
    result[:3, :3] /= np.linalg.norm(result[:3, :3], axis=1, keepdims=True)
    return result
