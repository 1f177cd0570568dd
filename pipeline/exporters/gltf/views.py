# SPDX-License-Identifier: Apache-2.0
"""Cameras, and lights by KHR_lights_punctual."""

from __future__ import annotations

import math
from typing import Any

from pipeline.usd.scene.model import Camera, Light
from pipeline.usd.scene.report import Report

__all__ = ["camera_item", "light_item"]


def camera_item(camera: Camera, report: Report) -> dict[str, Any] | None:
    """A glTF camera; None where its numbers make no picture."""
    near = max(camera.near, 1e-5)
    far = camera.far
    if camera.projection == "orthographic":
        if camera.width <= 0 or camera.height <= 0:
            report.lose(camera.path, "camera", "its aperture is empty")
            return None
        body = {
            "xmag": camera.width / 2,
            "ymag": camera.height / 2,
            "znear": max(camera.near, 0.0),
            "zfar": max(far, near * 2),
        }
        return {"name": camera.name, "type": "orthographic", "orthographic": body}
    if camera.focal_length <= 0 or camera.horizontal_aperture <= 0 or camera.vertical_aperture <= 0:
        report.lose(camera.path, "camera", "its lens or aperture is empty")
        return None
    body = {
        "yfov": 2 * math.atan(camera.vertical_aperture / (2 * camera.focal_length)),
        "aspectRatio": camera.horizontal_aperture / camera.vertical_aperture,
        "znear": near,
    }
    if far > near:
        body["zfar"] = far
    return {"name": camera.name, "type": "perspective", "perspective": body}


def light_item(light: Light, report: Report) -> dict[str, Any] | None:
    """A punctual light; None where no point, spot or sun comes near it."""
    strongest = max(*light.color, 0.0)
    color = [max(c, 0.0) / strongest for c in light.color] if strongest > 0 else [0.0, 0.0, 0.0]
    item: dict[str, Any] = {
        "name": light.name,
        "color": color,
        "intensity": max(light.power * (strongest or 1.0), 0.0),
    }
    if not all(math.isfinite(v) for v in (*color, item["intensity"])):
        report.lose(light.path, "light", "its intensity or colour is not finite")
        return None
    if light.kind == "distant":
        return {**item, "type": "directional"}
    if light.kind in {"dome", "geometry", "portal"}:
        report.lose(light.path, f"{light.kind} light", "glTF has only punctual lights")
        return None
    if light.kind == "sphere":
        if light.size and light.size[0] > 0 and not light.treat_as_point:
            report.lose(light.path, "size of a sphere light", "glTF's lights are points")
        if light.cone_angle >= 90:
            return {**item, "type": "point"}
    else:
        report.lose(light.path, f"area of a {light.kind} light", "glTF's lights are points")
        if light.kind == "cylinder":
            return {**item, "type": "point"}
    outer = math.radians(min(max(light.cone_angle, 0.1), 90.0))
    inner = outer * (1 - min(max(light.cone_softness, 0.0), 1.0))
    spot = {"outerConeAngle": outer, "innerConeAngle": min(inner, outer * 0.999999)}
    return {**item, "type": "spot", "spot": spot}
