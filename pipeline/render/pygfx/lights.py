# SPDX-License-Identifier: Apache-2.0
"""Lamps to pygfx's lights without extent, and domes to its environment map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pygfx

from pipeline.render.colour import to_linear
from pipeline.render.draft.domes import Dome
from pipeline.render.draft.lighting import sample_lamp
from pipeline.render.lamps import Array, Lamp
from pipeline.render.pygfx.materials import colour

#: a flat lamp shines from so many places along each side
_PLACES = 2
#: lights that throw shadows, strongest first: each is a picture of the scene more
_SHADOWED = 8
_FACE = 64


def lights(lamps: Sequence[Lamp], bounds: Array) -> list[Any]:
    """Lights for all lamps but domes, those that throw shadows among them."""
    middle = bounds.mean(0)
    radius = max(float(np.linalg.norm(bounds[1] - bounds[0])) / 2, 1e-6)
    made: list[tuple[float, Any]] = []
    for lamp in lamps:
        if lamp.kind == "dome":
            continue
        strength = float(sample_lamp(lamp, middle[None].astype(np.float32), np.full((1, 2), 0.5))[2].sum())
        own = [_sun(lamp, middle, radius)] if lamp.kind == "distant" else _local(lamp, middle, radius)
        made += [(strength / len(own), light) for light in own]
    made.sort(key=lambda pair: -pair[0])
    for _, light in made[:_SHADOWED]:
        light.cast_shadow = True
        # enough for surfaces that slant by sixty degrees, in the depths that the cameras below span
        light.shadow.bias = 3e-3
        light.shadow.cull_mode = "none"
    return [light for _, light in made]


def _sun(lamp: Lamp, middle: Array, radius: float) -> Any:
    strength = float(max(lamp.radiance.max(), 1e-9))
    light = pygfx.DirectionalLight(colour(lamp.radiance / strength), intensity=strength)
    light.local.position = middle + lamp.axes[2] * radius * 4
    light.target = pygfx.WorldObject()
    light.target.local.position = middle
    light.shadow.camera.width = light.shadow.camera.height = radius * 4
    light.shadow.camera.depth_range = (0, radius * 10)
    return light


def _local(lamp: Lamp, middle: Array, radius: float) -> list[Any]:
    strength = float(max(lamp.radiance.max(), 1e-9))
    tint = colour(lamp.radiance / strength)
    x, y, z = lamp.axes
    if lamp.kind in {"sphere", "cylinder"}:
        # candela across: radiance times the area that faces you
        facing = math.pi * lamp.size[0] ** 2 if lamp.kind == "sphere" else 2 * lamp.size[0] * lamp.size[1]
        places, candela = lamp.position[None], strength * facing
    else:
        half = (lamp.size[0] / 2, lamp.size[1] / 2) if lamp.kind == "rect" else (lamp.size[0] * 0.886,) * 2
        t = (np.arange(_PLACES) + 0.5) / _PLACES * 2 - 1
        a, b = (g.ravel() for g in np.meshgrid(t, t))
        places = lamp.position + a[:, None] * half[0] * x + b[:, None] * half[1] * y
        candela = strength * lamp.area / len(places)
    shaped = lamp.cone[0] < math.pi / 2 - 1e-6
    out = []
    for place in places:
        if shaped or lamp.kind in {"rect", "disk"}:
            # a smooth step over the cosine is close to what a flat lamp sheds to the side
            light: Any = pygfx.SpotLight(
                tint, intensity=candela, decay=2, angle=min(lamp.cone[0], math.pi / 2 * 0.999),
                penumbra=max(lamp.cone[1], 0.02) if shaped else 1.0,
            )  # fmt: skip
            light.target = pygfx.WorldObject()
            light.target.local.position = place - z
            _cover(light, place, -z, middle, radius)
        else:
            light = pygfx.PointLight(tint, intensity=candela, decay=2)
        light.local.position = place
        out.append(light)
    return out


def _cover(light: Any, place: Array, ahead: Array, middle: Array, radius: float) -> None:
    """Fit the shadow's camera to the subject and its floor, not to the half space that a flat lamp shines into."""
    gap = middle - place
    away = max(float(np.linalg.norm(gap)), 1e-9)
    off = math.acos(float(np.clip(gap @ ahead / away, -1, 1)))
    half = min(off + math.atan2(2.2 * radius, away), math.radians(80), light.angle)
    light.shadow._focus = half / light.angle
    camera = light.shadow.camera
    # the very value that the light computes, else it sets a depth range of its own
    camera.fov, camera.aspect = 180 / math.pi * 2 * light.angle * light.shadow._focus, 1
    camera.depth_range = (max(away - 3 * radius, away * 0.05), away + 4 * radius)


class Surroundings:
    """All domes of a scene.

    Attributes
    ----------
    environment
        The picture around everything, for materials; None without domes.
    ambient
        What the environment's reduced copies lose, as a light; they are averaged as encoded values.
    """

    def __init__(self, lamps: Sequence[Lamp]) -> None:
        self.domes = [Dome(lamp) for lamp in lamps if lamp.kind == "dome"]
        self.environment: Any = None
        self.ambient: Any = None
        if not self.domes:
            return
        seen = np.stack([self.seen(d).reshape(_FACE, _FACE, 3) for d in _faces()])
        coded = _encoded(seen)
        lost = np.maximum(seen.mean((0, 1, 2)) - to_linear(coded.mean((0, 1, 2))), 0)
        data = np.ones((6, _FACE, _FACE, 4), np.float16)
        data[..., :3] = np.minimum(coded, 100)
        picture = pygfx.Texture(data, dim=2, size=(_FACE, _FACE, 6), generate_mipmaps=True)
        self.environment = pygfx.TextureMap(picture)
        if lost.max() > 1e-4:
            self.ambient = pygfx.AmbientLight(colour(lost / lost.max()), float(lost.max() * np.pi))

    def seen(self, directions: Array) -> Array:
        """``(n, 3)`` radiance."""
        return np.asarray(np.sum([np.broadcast_to(d.seen(directions), directions.shape) for d in self.domes], axis=0))


def _encoded(linear: Array) -> Array:
    """sRGB encoding without an upper end, as the shader decodes it."""
    c = np.maximum(linear, 0)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * np.power(c, 1 / 2.4) - 0.055)


def _faces() -> list[Array]:
    """World directions ``(n, 3)`` of the texels of the six faces; pygfx looks them up with x mirrored."""
    t = (np.arange(_FACE) + 0.5) / _FACE * 2 - 1
    u, v = (g.ravel() for g in np.meshgrid(t, t))
    one = np.ones_like(u)
    sides = [(one, -v, -u), (-one, -v, u), (u, one, v), (u, -one, -v), (u, -v, one), (-u, -v, -one)]
    out = []
    for x, y, z in sides:
        side = np.stack([-x, y, z], axis=1)
        out.append((side / np.linalg.norm(side, axis=1, keepdims=True)).astype(np.float32))
    return out
