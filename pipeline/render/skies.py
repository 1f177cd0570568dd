# SPDX-License-Identifier: Apache-2.0
"""The dome textures of the shipped light rigs, computed: no picture of anybody else's is needed.

`python -m pipeline.render.skies FOLDER` writes them again.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

from pipeline.render import picture
from pipeline.render.lamps import Array, dome_directions

#: of dry ground and grass, linear
_GROUND = np.array([0.24, 0.22, 0.19])


def overcast(width: int = 128) -> Array:
    """CIE standard overcast sky, ``(w / 2, w, 3)``, horizontal irradiance pi; grey ground of albedo 0.2 below.

    Source: CIE S 011/E:2003, type 16: L = Lz (1 + 2 sin elevation) / 3, whose horizontal irradiance is
    7 pi / 9 Lz.
    """
    height = np.maximum(_directions(width)[..., 1], 0)
    zenith = 9 / 7
    sky = (zenith * (1 + 2 * height) / 3)[..., None] * np.array([0.97, 1.0, 1.04])
    return _above_ground(sky, width, 0.2 * np.ones(3))


def clear_sky(width: int = 256, azimuth: float = -20.0, elevation: float = 38.0) -> Array:
    """A clear sky without its sun, ``(w / 2, w, 3)``, with the sun's place in degrees.

    Gradation and indicatrix of CIE S 011/E:2003 type 12 (a -1, b -0.32, c 10, d -3, e 0.45); blue away from
    the sun and towards the zenith, whitish at the horizon. Horizontal irradiance is about 0.7.
    """
    directions = _directions(width)
    a, e = math.radians(azimuth), math.radians(elevation)
    sun = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    height = np.maximum(directions[..., 1], 0.01)
    angle = np.arccos(np.clip(directions @ sun, -1, 1))
    gradation = 1 - np.exp(-0.32 / height)
    scatter = 1 + 10 * (np.exp(-3 * angle) - math.exp(-3 * math.pi / 2)) + 0.45 * np.cos(angle) ** 2
    luminance = gradation * scatter
    horizon = np.exp(-height * 5)[..., None]
    glow = np.exp(-angle * 2.5)[..., None]
    colour = np.array([0.50, 0.72, 1.15]) * (1 - horizon) + np.array([0.86, 0.95, 1.06]) * horizon
    colour = colour * (1 - 0.6 * glow) + np.array([1.1, 1.0, 0.85]) * 0.6 * glow
    sky = luminance[..., None] * colour
    weights = _weights(width)
    up = (sky.mean(-1) * np.maximum(directions[..., 1], 0) * weights).sum()
    return _above_ground(sky * (0.75 / up), width, _GROUND)


def _above_ground(sky: Array, width: int, albedo: Array) -> Array:
    """Below the horizon the ground that the sky lights, both melting within three degrees."""
    directions = _directions(width)
    weights = _weights(width)
    light = (sky * (np.maximum(directions[..., 1], 0) * weights)[..., None]).sum((0, 1))
    ground = albedo * light / np.pi
    part = np.clip(directions[..., 1] / 0.05 + 0.5, 0, 1)[..., None]
    return np.asarray(sky * part + ground * (1 - part), np.float32)


def _directions(width: int) -> Array:
    height = width // 2
    u, v = np.meshgrid((np.arange(width) + 0.5) / width, 1 - (np.arange(height) + 0.5) / height)
    return dome_directions(np.stack([u.ravel(), v.ravel()], axis=1)).reshape(height, width, 3)


def _weights(width: int) -> Array:
    height = width // 2
    v = 1 - (np.arange(height) + 0.5) / height
    return np.repeat((np.sin(v * np.pi) * (2 * np.pi / width) * (np.pi / height))[:, None], width, axis=1)


def write_all(folder: Path) -> list[Path]:
    """Write every sky into a folder."""
    return [
        picture.write(folder / f"{name}.exr", make())
        for name, make in (("overcast", overcast), ("clear_sky", clear_sky))
    ]


if __name__ == "__main__":
    for written in write_all(Path(sys.argv[1])):
        print(written)
