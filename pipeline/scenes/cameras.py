# SPDX-License-Identifier: Apache-2.0
"""Cameras by intent: where a person, a hero shot, a product picture or a turntable looks from.

Lengths are metres with Y up; lens and sensor are millimetres, as a photographer says them. USD stores
apertures and focal length in tenths of a scene unit (UsdGeomCamera), which this converts for the stage.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import StageError
from pipeline.scenes.bounds import Box, to_metres

__all__ = ["PLAYER_EYE_M", "CameraSpec", "author_camera", "look_matrix"]

#: eye height of a standing player in metres, the common value of first-person templates
PLAYER_EYE_M = 1.7

Kind = Literal["player", "hero", "product", "top"]


class CameraSpec(BaseModel):
    """A camera by what it is for.

    Attributes
    ----------
    kind
        `player`: eye height, straight at the subject; `hero`: three-quarter from slightly below the middle;
        `product`: long lens, three-quarter from above; `top`: from above.
    lens_mm, sensor_mm
        Focal length and horizontal aperture in millimetres.
    aspect
        Width by height of the picture.
    distance_m
        Metres to the subject's middle; None fits the subject into the picture.
    azimuth
        Degrees about the up axis from the subject's front (+Z), counter-clockwise from above.
    fill
        Share of the picture's height or width that the fitted subject takes, whichever is reached first.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "player"
    lens_mm: float = Field(default=35.0, gt=0)
    sensor_mm: float = Field(default=36.0, gt=0)
    aspect: float = Field(default=16 / 9, gt=0)
    distance_m: float | None = Field(default=None, gt=0)
    azimuth: float | None = None
    fill: float = Field(default=0.7, gt=0, le=1)
    fstop: float = Field(default=0.0, ge=0)


_AZIMUTH: dict[Kind, float] = {"player": 20.0, "hero": 35.0, "product": 40.0, "top": 0.0}
_PITCH: dict[Kind, float] = {"player": 0.0, "hero": 5.0, "product": 20.0, "top": 89.0}


def author_camera(stage: Usd.Stage, path: str, subject: Box, spec: CameraSpec) -> UsdGeom.Camera:
    """Author a camera that looks at `subject`, at the stage's edit target.

    Raises
    ------
    StageError
        The subject has no size.
    """
    if not np.isfinite(subject.size).all() or float(subject.size.max()) <= 0:
        raise StageError("the subject has no size to look at", prim=path, remedy="place something there first")
    azimuth = np.radians(spec.azimuth if spec.azimuth is not None else _AZIMUTH[spec.kind])
    pitch = np.radians(_PITCH[spec.kind])
    away = np.array([np.sin(azimuth) * np.cos(pitch), np.sin(pitch), np.cos(azimuth) * np.cos(pitch)])
    distance = spec.distance_m or _fit(subject, away, spec)
    eye = subject.centre + away * distance
    if spec.kind == "player":
        eye[1] = subject.low[1] + PLAYER_EYE_M
    matrix = look_matrix(eye, subject.centre)
    native = matrix @ np.linalg.inv(to_metres(stage))
    camera = UsdGeom.Camera.Define(stage, path)
    camera.ClearXformOpOrder()
    camera.AddTransformOp().Set(Gf.Matrix4d(*_rigid(native).flatten().tolist()))
    unit = 0.1 * UsdGeom.GetStageMetersPerUnit(stage) * 1000.0  # millimetres in one tenth of a scene unit
    camera.CreateProjectionAttr(UsdGeom.Tokens.perspective)
    camera.CreateFocalLengthAttr(spec.lens_mm / unit)
    camera.CreateHorizontalApertureAttr(spec.sensor_mm / unit)
    camera.CreateVerticalApertureAttr(spec.sensor_mm / spec.aspect / unit)
    per_unit = UsdGeom.GetStageMetersPerUnit(stage)
    reach = float(np.linalg.norm(eye - subject.centre))
    near = max(0.01, 0.02 * reach)
    camera.CreateClippingRangeAttr(Gf.Vec2f(near / per_unit, max(1000.0, 20 * reach) / per_unit))
    camera.CreateFocusDistanceAttr(reach / per_unit)
    camera.CreateFStopAttr(spec.fstop)
    return camera


def look_matrix(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) row-vector camera-to-world matrix: looks along -Z, Y up."""
    back = eye - target
    back = back / np.linalg.norm(back)
    up = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.999 else np.array([0.0, 0.0, -1.0])
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[0, :3], matrix[1, :3], matrix[2, :3], matrix[3, :3] = right, np.cross(back, right), back, eye
    return matrix


def _fit(subject: Box, away: NDArray[np.float64], spec: CameraSpec) -> float:
    """Distance from the middle at which every corner of the box stays inside `fill` of the picture."""
    axes = look_matrix(away, np.zeros(3))[:3, :3]
    corners = np.array(np.meshgrid(*zip(subject.low, subject.high, strict=True), indexing="ij")).reshape(3, -1).T
    local = (corners - subject.centre) @ axes.T
    half_width = spec.fill * spec.sensor_mm / 2 / spec.lens_mm
    half_height = half_width / spec.aspect
    needed = np.maximum(np.abs(local[:, 0]) / half_width, np.abs(local[:, 1]) / half_height) + local[:, 2]
    return float(needed.max())


def _rigid(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix without scale: a camera carries none."""
    result = matrix.copy()
    result[:3, :3] /= np.linalg.norm(result[:3, :3], axis=1, keepdims=True)
    return result
