# SPDX-License-Identifier: Apache-2.0
"""UsdLux lights as radiance and size in the world.

Radiance is ``intensity * 2**exposure * color``; with `normalize` it is divided by the area of the light in the
world (for a distant light by the sine term of its cone). A distant light that is not normalised gives the
irradiance ``L * pi * sin(angle / 2)**2``. Source: UsdLuxLightAPI and UsdLuxDistantLight, OpenUSD 26.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import GatesError
from pipeline.render.textures import read_bounded
from pipeline.usd.scene import Light, Scene

Array = NDArray[Any]
Note = tuple[str, str, str]
#: a distant light without angle still throws shadows of a size that a picture can show
_POINT_SUN = 0.01


@dataclass(frozen=True, eq=False)
class Lamp:
    """A light in the world.

    Attributes
    ----------
    kind
        `distant`, `sphere`, `rect`, `disk`, `cylinder` or `dome`.
    axes
        ``(3, 3)`` unit vectors: its x, y and z in the world; it shines along -z.
    position
        ``(3,)`` metres.
    size
        Metres in the world: (radius,), (width, height), (radius, length); a distant light: (angle in radians,).
    radiance
        ``(3,)`` linear; of a distant light the irradiance on a surface that faces it.
    cone
        Radians from the axis, and softness 0..1; pi/2 where it is not shaped.
    picture
        ``(h, w, 3)`` linear, multiplied with the radiance; None for none.
    """

    path: str
    kind: str
    axes: Array
    position: Array
    size: tuple[float, ...]
    radiance: Array
    cone: tuple[float, float] = (math.pi / 2, 0.0)
    picture: Array | None = None

    @property
    def area(self) -> float:
        """Square metres."""
        if self.kind == "rect":
            return self.size[0] * self.size[1]
        if self.kind == "disk":
            return math.pi * self.size[0] ** 2
        if self.kind == "sphere":
            return 4 * math.pi * self.size[0] ** 2
        return 2 * math.pi * self.size[0] * self.size[1] if self.kind == "cylinder" else 0.0


def read_lamps(scene: Scene, prims: Sequence[str] = ()) -> tuple[tuple[Lamp, ...], list[Note]]:
    """The lights of a scene; what cannot shine is noted."""
    lamps: list[Lamp] = []
    notes: list[Note] = []
    for i, node in enumerate(scene.nodes):
        if node.light is None or (prims and not any(node.path.startswith(p) for p in prims)):
            continue
        light = scene.lights[node.light]
        if light.kind in {"geometry", "portal"}:
            notes.append((light.path, f"{light.kind} light", "does not shine in this renderer"))
            continue
        lamps.append(lamp(light, scene.world_matrices[i], scene.up_axis, notes))
    return tuple(lamps), notes


def lamp(light: Light, matrix: Array, up_axis: str, notes: list[Note]) -> Lamp:
    """One light with its world transform."""
    stretch = np.linalg.norm(matrix[:3, :3], axis=1)
    axes = matrix[:3, :3] / np.where(stretch > 0, stretch, 1)[:, None]
    size = light.size
    if light.kind == "rect":
        size = (size[0] * stretch[0], size[1] * stretch[1])
    elif light.kind in {"sphere", "disk"}:
        size = (size[0] * float(np.cbrt(stretch.prod()) if light.kind == "sphere" else np.sqrt(stretch[:2].prod())),)
    elif light.kind == "cylinder":
        size = (size[0] * float(np.sqrt(stretch[1:].prod())), size[1] * stretch[0])
    elif light.kind == "distant":
        size = (math.radians(max(size[0] if size else 0.53, 0.0)),)
    radiance = np.asarray(light.color, np.float64) * light.intensity
    picture = None
    if light.texture:
        try:
            picture = np.maximum(_linear(light.texture, *read_bounded(light.texture, 2048)), 0)
        except GatesError as error:
            notes.append((light.path, "light texture", error.message))
    made = Lamp(light.path, light.kind, axes, matrix[3, :3].copy(), size, radiance)
    if light.kind == "distant":
        cone = math.pi * math.sin(min(size[0], math.pi) / 2) ** 2
        radiance = radiance if light.normalize or cone == 0 else radiance * cone
        size = (max(size[0], _POINT_SUN),)
    elif light.normalize and made.area > 0:
        radiance = radiance / made.area
    if light.treat_as_point and light.kind == "sphere":
        notes.append((light.path, "treatAsPoint", "drawn with its radius"))
    shaped = (math.radians(min(light.cone_angle, 180.0)), light.cone_softness)
    return Lamp(light.path, light.kind, axes, made.position, size, radiance, shaped, picture)


def _linear(path: str, pixels: Array, eight_bit: bool) -> Array:
    from pipeline.render.colour import to_linear
    from pipeline.render.picture import rgb_or_rgba

    rgb = rgb_or_rgba(pixels)[..., :3]
    return np.asarray(to_linear(rgb) if eight_bit else rgb, np.float32)


def dome_directions(uv: Array) -> Array:
    """Directions ``(n, 3)`` in a dome's own space for latlong coordinates ``(n, 2)``, origin at the lower left.

    UsdLuxDomeLight, `latlong`: the picture's middle column is +Z, a quarter from the left is +X, v is the
    elevation (the mapping of Hydra's dome light).
    """
    phi = uv[:, 0] * 2 * np.pi
    theta = uv[:, 1] * np.pi
    s = np.sin(theta)
    return np.stack([s * np.sin(phi), -np.cos(theta), -s * np.cos(phi)], axis=1)


def dome_coordinates(directions: Array) -> Array:
    """The inverse of `dome_directions`."""
    x, y, z = directions[:, 0], directions[:, 1], directions[:, 2]
    u = np.mod(np.arctan2(x, -z) / (2 * np.pi), 1)
    return np.stack([u, np.arccos(np.clip(-y, -1, 1)) / np.pi], axis=1)
