# SPDX-License-Identifier: Apache-2.0
"""NodeAttribute objects: cameras, lights, bones, groups of levels of detail."""

from __future__ import annotations

import numpy as np

from pipeline.usd.scene import Camera, Light
from pipeline.usd.scene.report import Report

from .document import Document
from .properties import color, enum, number, p, properties, switch, vector
from .records import RecordWriter, f64, i32, i64, named, text

__all__ = ["CAMERA_AXES", "LIGHT_AXES", "camera", "light", "limb", "lod_group"]

#: FBX cameras look along +X, lights along -Y; USD's look along -Z. Row vectors: `fbx @ axes = usd`.
CAMERA_AXES = np.array([[0.0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
LIGHT_AXES = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])

_INCH = 25.4
_ORTHO_UNITS = 30.0  # an OrthoZoom of 1 shows this many units
_POINT, _DIRECTIONAL, _SPOT, _AREA = 0, 1, 2, 3
_QUADRATIC = 2


def _attribute(document: Document, name: str, kind: str, flags: str, records: list[tuple[bytes, ...]]) -> int:
    attribute_id = document.id()

    def emit(w: RecordWriter) -> None:
        with w.nest(b"NodeAttribute", i64(attribute_id), named(name, "NodeAttribute"), text(kind)):
            properties(w, records)
            w.leaf(b"TypeFlags", text(flags))

    document.add("NodeAttribute", emit)
    return attribute_id


def camera(document: Document, c: Camera, scale: float) -> int:
    """A camera; distances in units of the file (`scale` to a metre), apertures in inches."""
    orthographic = c.projection == "orthographic"
    width, height = c.horizontal_aperture or 1.0, c.vertical_aperture or 1.0
    records = [
        vector("Position", (0, 0, 0), animatable=True),
        enum("CameraProjectionType", int(orthographic)),
        enum("AspectRatioMode", 0),
        number("AspectWidth", width, animatable=False, kind="double"),
        number("AspectHeight", height, animatable=False, kind="double"),
        enum("ApertureMode", 3),  # the focal length counts
        enum("GateFit", 2),  # horizontal
        number("FilmWidth", width / _INCH, kind="Number"),
        number("FilmHeight", height / _INCH, kind="Number"),
        number("FilmAspectRatio", width / height, animatable=False, kind="double"),
        p("FocalLength", "Number", "", "A", f64(c.focal_length or 50.0)),
        p("FieldOfView", "FieldOfView", "", "A", f64(_degrees(width, c.focal_length))),
        number("NearPlane", c.near * scale, animatable=False, kind="double"),
        number("FarPlane", c.far * scale, animatable=False, kind="double"),
        number("FocusDistance", (c.focus_distance or 5.0) * scale, animatable=False, kind="double"),
    ]
    if orthographic:
        records.append(p("OrthoZoom", "Number", "", "A", f64(c.width * scale / _ORTHO_UNITS)))
    return _attribute(document, c.name, "Camera", "Camera", records)


def _degrees(aperture: float, focal_length: float) -> float:
    return float(np.degrees(2 * np.arctan(aperture / 2 / (focal_length or 50.0))))


def light(document: Document, li: Light, scale: float, report: Report) -> int | None:
    """A light, or None (reported) where FBX has none of the kind."""
    kinds = {"distant": _DIRECTIONAL, "sphere": _POINT, "rect": _AREA, "disk": _AREA, "cylinder": _POINT}
    if li.kind not in kinds:
        report.lose(li.path, f"{li.kind} light", "FBX has no such light")
        return None
    kind = kinds[li.kind]
    spot = li.cone_angle < 90.0 and kind in (_POINT, _AREA)
    if spot:
        kind = _SPOT
    if li.kind in ("cylinder",) or (spot and li.kind != "sphere"):
        report.lose(li.path, f"shape of a {li.kind} light", "written as a point or spot light")
    if li.texture:
        report.lose(li.path, "light texture", "FBX lights have none")
    if kind != _DIRECTIONAL:
        report.lose(li.path, "light size and unit", "FBX lights have an intensity in percent; it holds candela")
    outer = 2 * li.cone_angle
    records = [
        enum("LightType", kind),
        switch("CastLight", True),
        switch("CastShadows", True),
        color("Color", li.color),
        number("Intensity", 100.0 * li.power),
        enum("DecayType", 0 if kind == _DIRECTIONAL else _QUADRATIC),
        number("DecayStart", scale, animatable=True),
    ]
    if spot:
        records.append(number("InnerAngle", outer * (1.0 - min(max(li.cone_softness, 0.0), 1.0))))
        records.append(number("OuterAngle", outer))
    if kind == _AREA:
        records.append(enum("AreaLightShape", 0 if li.kind == "rect" else 1))
    return _attribute(document, li.name, "Light", "Light", records)


def limb(document: Document, name: str, size: float) -> int:
    """A bone of a skeleton."""
    return _attribute(document, name, "LimbNode", "Skeleton", [number("Size", size, animatable=False, kind="double")])


def lod_group(document: Document, name: str, levels: int) -> int:
    """Levels of detail that are switched by how large they are on the screen: halved at each level."""
    records = [
        switch("ThresholdsUsedAsPercentage", True),
        p("Thresholds", "Compound"),
        *(p(f"Thresholds|Level{i}", "Percent", "", "", f64(100.0 * 0.5 ** (i + 1))) for i in range(levels - 1)),
        p("DisplayLevels", "Compound"),
        *(p(f"DisplayLevels|Level{i}", "enum", "", "", i32(0)) for i in range(levels)),
        switch("MinMaxDistance", False),
        switch("WorldSpace", False),
    ]
    return _attribute(document, name, "LodGroup", "LodGroup", records)
