# SPDX-License-Identifier: Apache-2.0
"""What stands around a subject: lamps, the floor that catches its shadow, the backdrop, the exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.render.draft.domes import Dome
from pipeline.render.draft.lighting import sample_lamp
from pipeline.render.lamps import Lamp

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Floor:
    """A matte disc beneath the subject that fades into the backdrop.

    Attributes
    ----------
    centre
        ``(3,)`` metres.
    inner, outer
        Metres: opaque up to the first radius, gone at the second.
    albedo
        ``(n, n, 3)`` linear, over the square around the disc: x from low to high, then z. It makes up for what
        the lamps shed less away from the middle, so that a floor without a shadow has the backdrop's colour.
    """

    centre: Array
    inner: float
    outer: float
    albedo: Array

    def opacity(self, points: Array) -> Array:
        """``(n,)``: how much of the floor is there."""
        far = np.hypot(points[:, 0] - self.centre[0], points[:, 2] - self.centre[2])
        t = np.clip((self.outer - far) / (self.outer - self.inner), 0, 1)
        return np.asarray(t * t * (3 - 2 * t))

    def albedo_at(self, points: Array) -> Array:
        """``(n, 3)`` linear, bilinear."""
        n = len(self.albedo)
        at = [(points[:, k] - self.centre[k] + self.outer) / (2 * self.outer) * n - 0.5 for k in (0, 2)]
        at = [np.clip(a, 0, n - 1.001) for a in at]
        x, z = (a.astype(np.int32) for a in at)
        fx, fz = (at[0] - x)[:, None], (at[1] - z)[:, None]
        near = self.albedo[x, z] * (1 - fx) + self.albedo[x + 1, z] * fx
        far = self.albedo[x, z + 1] * (1 - fx) + self.albedo[x + 1, z + 1] * fx
        return np.asarray(near * (1 - fz) + far * fz)


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything but the subject.

    Attributes
    ----------
    backdrop
        ``(3,)`` linear colour behind the subject; None shows the dome, or leaves the picture transparent.
    """

    lamps: tuple[Lamp, ...]
    floor: Floor | None = None
    backdrop: Array | None = None
    show_dome: bool = True


@dataclass(frozen=True, eq=False)
class Frame:
    """One finished picture, scene-linear.

    Attributes
    ----------
    colour
        ``(h, w, 4) float32`` linear Rec.709, premultiplied, and alpha: the subject alone where nothing is behind.
    layers
        Named arrays ``(h, w)`` or ``(h, w, 3)``: depth, normal, ids.
    """

    colour: Array
    layers: dict[str, Array]


def floor_for(bounds: Array, lamps: tuple[Lamp, ...], colour: Array, cells: int = 32) -> Floor:
    """A floor that touches the lowest point, reaches as far as a shadow does, and looks like `colour` in the open.

    Where the lamps shed too little for that, the floor is white and darker than the backdrop.
    """
    low, high = bounds
    radius = max(float(np.linalg.norm(high - low)) / 2, 1e-6)
    centre = np.array([(low[0] + high[0]) / 2, low[1] - radius * 1e-3, (low[2] + high[2]) / 2])
    inner, outer = radius * 1.3, radius * 3.2
    t = ((np.arange(cells) + 0.5) / cells * 2 - 1) * outer
    x, z = np.meshgrid(t, t, indexing="ij")
    spots = np.stack([x, np.zeros_like(x), z], axis=-1).reshape(-1, 3) + centre
    shed = irradiance_up(lamps, spots).reshape(cells, cells, 3)
    albedo = np.clip(np.asarray(colour) * np.pi / np.maximum(shed, 1e-9), 0, 0.9)
    return Floor(centre, inner, outer, albedo)


def irradiance_up(lamps: tuple[Lamp, ...], points: Array, steps: int = 8) -> Array:
    """Irradiance ``(n, 3)`` on horizontal surfaces at points, by midpoint sums over each lamp, unshadowed."""
    total = np.zeros((len(points), 3))
    t = (np.arange(steps) + 0.5) / steps
    a, b = (g.ravel() for g in np.meshgrid(t, t))
    for lamp in lamps:
        if lamp.kind == "distant":
            total += lamp.radiance * max(float(lamp.axes[2, 1]), 0.0)
        elif lamp.kind == "dome":
            total += Dome(lamp).irradiance(np.array([[0.0, 1.0, 0.0]]))[0]
        else:
            where = np.repeat(np.asarray(points, np.float32), len(a), axis=0)
            towards, _, weight = sample_lamp(lamp, where, np.tile(np.stack([a, b], axis=1), (len(points), 1)))
            each = weight * np.maximum(towards[:, 1:2], 0)
            total += each.reshape(len(points), len(a), 3).mean(axis=1)
    return total
