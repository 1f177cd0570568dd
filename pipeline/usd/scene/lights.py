# SPDX-License-Identifier: Apache-2.0
"""UsdLux lights, with what they give in candela or lux."""

from __future__ import annotations

import math
from typing import Any

from pxr import UsdLux

from pipeline.usd.scene.model import Light
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["read_light"]

_KINDS = {
    "DistantLight": "distant",
    "SphereLight": "sphere",
    "RectLight": "rect",
    "DiskLight": "disk",
    "CylinderLight": "cylinder",
    "DomeLight": "dome",
    "DomeLight_1": "dome",
    "GeometryLight": "geometry",
    "PortalLight": "portal",
}


def read_light(prim: Any, time: Any, space: Space, report: Report) -> Light:
    """A light at one time.

    Radiance is `intensity * 2 ** exposure * color`; candela is radiance times the area that faces you, and
    `normalize` divides by the whole area first (UsdLuxLightAPI's documentation).
    """
    path = str(prim.GetPath())
    api = UsdLux.LightAPI(prim)
    kind = _KINDS.get(str(prim.GetTypeName()), "geometry")

    def value(name: str, fallback: Any) -> Any:
        attribute = prim.GetAttribute(f"inputs:{name}")
        found = attribute.Get(time) if attribute else None
        return fallback if found is None else found

    intensity = float(value("intensity", 1.0)) * 2.0 ** float(value("exposure", 0.0))
    color = tuple(float(c) for c in value("color", (1, 1, 1)))
    if value("enableColorTemperature", False):
        warm = UsdLux.BlackbodyTemperatureAsRgb(float(value("colorTemperature", 6500.0)))
        color = tuple(c * float(w) for c, w in zip(color, warm, strict=True))
    normalize = bool(value("normalize", False))
    unit = space.scale
    size: tuple[float, ...] = ()
    facing = whole = 1.0
    if kind in {"sphere", "disk"}:
        radius = float(value("radius", 0.5)) * unit
        size = (radius,)
        facing = math.pi * radius * radius
        whole = 4 * facing if kind == "sphere" else facing
    elif kind == "rect":
        size = (float(value("width", 1.0)) * unit, float(value("height", 1.0)) * unit)
        facing = whole = size[0] * size[1]
    elif kind == "cylinder":
        radius, length = float(value("radius", 0.5)) * unit, float(value("length", 1.0)) * unit
        size = (radius, length)
        facing, whole = 2 * radius * length, 2 * math.pi * radius * length
    elif kind == "distant":
        angle = float(value("angle", 0.53))
        size = (angle,)
        facing = whole = math.pi * math.sin(math.radians(min(angle, 180.0)) / 2) ** 2
    # a light without size gives its intensity as it is
    power = intensity * (facing / whole if normalize else facing) if facing > 0 else intensity
    texture = value("texture:file", None)
    if texture is not None and texture.path and not texture.resolvedPath:
        report.lose(path, "light texture", f"{texture.path} does not resolve")
    if value("shaping:focus", 0.0):
        report.reduce(path, "light focus", "shines as without it")
    if getattr(value("shaping:ies:file", None), "path", ""):
        report.reduce(path, "IES profile", "shines to all sides alike")
    if api.GetFiltersRel().HasAuthoredTargets():
        report.reduce(path, "light filters", "no exchange format has them")
    links = api.GetLightLinkCollectionAPI()
    if links.GetIncludesRel().HasAuthoredTargets() or links.GetExcludesRel().HasAuthoredTargets():
        report.reduce(path, "light linking", "no exchange format has it")
    return Light(
        name=prim.GetName(),
        path=path,
        kind=kind,
        color=color,  # type: ignore[arg-type]
        intensity=intensity,
        power=power,
        cone_angle=float(value("shaping:cone:angle", 90.0)),
        cone_softness=float(value("shaping:cone:softness", 0.0)),
        size=size,
        normalize=normalize,
        treat_as_point=bool(_plain(prim, "treatAsPoint", time)),
        texture=texture.resolvedPath if texture is not None else "",
    )


def _plain(prim: Any, name: str, time: Any) -> Any:
    attribute = prim.GetAttribute(name)
    return attribute.Get(time) if attribute else None
