# SPDX-License-Identifier: Apache-2.0
"""UsdGeomCamera."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pxr import UsdGeom

from pipeline.usd.scene.model import Camera
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["read_camera"]

#: a tenth of a scene unit, in which USD measures lens and aperture
_LENS_UNIT = 0.1


def read_camera(prim: Any, time: Any, space: Space, report: Report) -> Camera:
    """A camera at one time; sizes in metres, lens in millimetres. Numbers that no lens has become the fallbacks."""
    camera = UsdGeom.Camera(prim)
    broken: list[str] = []

    def number(attribute: Any, fallback: float) -> float:
        value = attribute.Get(time)
        if value is None or not (isfinite(value) and value > 0):
            broken.append(attribute.GetName())
            return fallback
        return float(value)

    width = number(camera.GetHorizontalApertureAttr(), 20.955)
    height = number(camera.GetVerticalApertureAttr(), 15.2908)
    focal_length = number(camera.GetFocalLengthAttr(), 50.0)
    near, far = camera.GetClippingRangeAttr().Get(time)
    if not (isfinite(near) and near > 0):
        broken.append("clippingRange")
        near = 1.0
    if not far > near:  # infinity is a range
        broken.append("clippingRange")
        far = max(near * 1e6, 1e6)
    if broken:
        names = ", ".join(dict.fromkeys(broken))
        report.lose(prim.GetPath(), "lens", f"{names}: no camera has such numbers, others stand for them")
    orthographic = camera.GetProjectionAttr().Get(time) == "orthographic"
    focus, stop = (float(a.Get(time)) for a in (camera.GetFocusDistanceAttr(), camera.GetFStopAttr()))
    offsets = camera.GetHorizontalApertureOffsetAttr(), camera.GetVerticalApertureOffsetAttr()
    shift = [value if isfinite(value) else 0.0 for value in (float(a.Get(time)) for a in offsets)]
    exposure = float(camera.ComputeLinearExposureScale(time))
    return Camera(
        name=prim.GetName(),
        path=str(prim.GetPath()),
        projection="orthographic" if orthographic else "perspective",
        horizontal_aperture=width,
        vertical_aperture=height,
        focal_length=focal_length,
        width=width * _LENS_UNIT * space.scale,
        height=height * _LENS_UNIT * space.scale,
        near=float(near) * space.scale,
        far=min(float(far), 1e12) * space.scale,
        focus_distance=focus * space.scale if isfinite(focus) else 0.0,
        f_stop=stop if isfinite(stop) else 0.0,
        offset=(shift[0] / width, shift[1] / height),
        exposure=exposure if isfinite(exposure) and exposure > 0 else 1.0,
    )
