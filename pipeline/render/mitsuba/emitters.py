# SPDX-License-Identifier: Apache-2.0
"""Lamps to Mitsuba's emitters, as dictionaries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.render.draft.domes import Dome
from pipeline.render.lamps import Array, Lamp, dome_directions

#: a sun stands this many scene radii away
_SUN_DISTANCE = 500.0
Note = tuple[str, str, str]


def emitters(mi: Any, lamps: Sequence[Lamp], bounds: Array, notes: list[Note]) -> dict[str, Any]:
    """All lamps, named, for a scene dictionary."""
    made: dict[str, Any] = {}
    radius = max(float(np.linalg.norm(bounds[1] - bounds[0])) / 2, 1e-6)
    middle = bounds.mean(axis=0)
    for i, lamp in enumerate(lamps):
        if lamp.kind == "dome":
            continue
        made[f"lamp{i}"] = _sun(mi, lamp, middle, radius) if lamp.kind == "distant" else _local(mi, lamp, notes)
    domes = [lamp for lamp in lamps if lamp.kind == "dome"]
    if domes:
        made["dome"] = _dome(mi, domes)
    return made


def _rgb(value: Array) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(v) for v in value]}


def _placed(mi: Any, x: Array, y: Array, z: Array, position: Array) -> Any:
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = x, y, z, position
    return mi.ScalarTransform4f(matrix)


def _local(mi: Any, lamp: Lamp, notes: list[Note]) -> dict[str, Any]:
    x, y, z = lamp.axes
    if lamp.cone[0] < math.pi / 2 - 1e-6:
        notes.append((lamp.path, "light shaping", "the cone is drawn from the middle of the light"))
        area = lamp.area / 4 if lamp.kind == "sphere" else lamp.area
        cutoff = math.degrees(lamp.cone[0])
        return {
            "type": "spot",
            "intensity": _rgb(lamp.radiance * area),
            "cutoff_angle": cutoff,
            "beam_width": cutoff * (1 - min(max(lamp.cone[1], 0.01), 0.99)),
            # a spot shines along +z
            "to_world": _placed(mi, -x, y, -z, lamp.position),
        }
    emitter: dict[str, Any] = {"type": "area", "radiance": _rgb(lamp.radiance)}
    if lamp.picture is not None and lamp.kind == "rect":
        pixels = np.ascontiguousarray(lamp.picture * lamp.radiance, np.float32)
        emitter["radiance"] = {"type": "bitmap", "bitmap": mi.Bitmap(pixels), "raw": True}
    dark = {"type": "diffuse", "reflectance": 0.0}
    if lamp.kind == "sphere":
        place = [float(v) for v in lamp.position]
        return {"type": "sphere", "center": place, "radius": lamp.size[0], "emitter": emitter, "bsdf": dark}
    if lamp.kind == "cylinder":
        half = x * lamp.size[1] / 2
        ends = {"p0": [float(v) for v in lamp.position - half], "p1": [float(v) for v in lamp.position + half]}
        return {"type": "cylinder", **ends, "radius": lamp.size[0], "emitter": emitter, "bsdf": dark}
    w, h = (lamp.size[0], lamp.size[0]) if lamp.kind == "disk" else (lamp.size[0] / 2, lamp.size[1] / 2)
    # UsdLux shines along -z, Mitsuba's flat shapes along +z: turned half around y
    world = _placed(mi, -x * w, y * h, -z, lamp.position)
    kind = "disk" if lamp.kind == "disk" else "rectangle"
    return {"type": kind, "to_world": world, "emitter": emitter, "bsdf": dark}


def _sun(mi: Any, lamp: Lamp, middle: Array, radius: float) -> dict[str, Any]:
    x, y, z = lamp.axes
    angle = min(lamp.size[0], math.radians(120))
    if angle < math.radians(0.05):
        return {"type": "directional", "direction": [float(v) for v in -z], "irradiance": _rgb(lamp.radiance)}
    away = _SUN_DISTANCE * radius
    disc = away * math.tan(angle / 2)
    radiance = lamp.radiance / (math.pi * math.sin(angle / 2) ** 2)
    return {
        "type": "disk",
        "to_world": _placed(mi, -x * disc, y * disc, -z, middle + z * away),
        "emitter": {"type": "area", "radiance": _rgb(radiance)},
        "bsdf": {"type": "diffuse", "reflectance": 0.0},
    }


def _dome(mi: Any, domes: Sequence[Lamp]) -> dict[str, Any]:
    tables = [Dome(lamp) for lamp in domes]
    if all(t.constant for t in tables):
        return {"type": "constant", "radiance": _rgb(np.sum([t.tint for t in tables], axis=0))}
    if len(tables) == 1:
        x, y, z = domes[0].axes
        world = _placed(mi, x, y, z, np.zeros(3))
        return {"type": "envmap", "bitmap": mi.Bitmap(np.ascontiguousarray(tables[0].sharp)), "to_world": world}
    # Mitsuba has one environment: several domes are added up
    width, height = 1024, 512
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, 1 - (np.arange(height) + 0.5) / height)
    directions = dome_directions(np.stack([u.ravel(), v.ravel()], axis=1))
    total = np.sum([t.seen(directions) for t in tables], axis=0).reshape(height, width, 3)
    return {"type": "envmap", "bitmap": mi.Bitmap(np.ascontiguousarray(total, np.float32))}
