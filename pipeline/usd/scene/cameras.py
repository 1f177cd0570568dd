# SPDX-License-Identifier: Apache-2.0
"""UsdGeomCamera."""

from __future__ import annotations

from typing import Any

from pxr import UsdGeom

from pipeline.usd.scene.model import Camera
from pipeline.usd.scene.space import Space

__all__ = ["read_camera"]

#: a tenth of a scene unit, in which USD measures lens and aperture
_LENS_UNIT = 0.1


def read_camera(prim: Any, time: Any, space: Space) -> Camera:
    """A camera at one time; sizes in metres, lens in millimetres."""
    camera = UsdGeom.Camera(prim)
    width = float(camera.GetHorizontalApertureAttr().Get(time))
    height = float(camera.GetVerticalApertureAttr().Get(time))
    near, far = camera.GetClippingRangeAttr().Get(time)
    orthographic = camera.GetProjectionAttr().Get(time) == "orthographic"
    return Camera(
        name=prim.GetName(),
        path=str(prim.GetPath()),
        projection="orthographic" if orthographic else "perspective",
        horizontal_aperture=width,
        vertical_aperture=height,
        focal_length=float(camera.GetFocalLengthAttr().Get(time)),
        width=width * _LENS_UNIT * space.scale,
        height=height * _LENS_UNIT * space.scale,
        near=float(near) * space.scale,
        far=float(far) * space.scale,
        focus_distance=float(camera.GetFocusDistanceAttr().Get(time)) * space.scale,
        f_stop=float(camera.GetFStopAttr().Get(time)),
    )
