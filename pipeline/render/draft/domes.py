# SPDX-License-Identifier: Apache-2.0
"""A dome light as tables: what it sheds on a surface, what a rough mirror sees, where its bright parts are."""

from __future__ import annotations

import numpy as np

from pipeline.render.lamps import Array, Lamp, dome_coordinates, dome_directions
from pipeline.render.textures import _resized

#: roughness of the prepared reflections
ROUGHNESS = np.array([0.0, 0.15, 0.3, 0.5, 0.75, 1.0])
_WIDTH, _HEIGHT = 64, 32


class Dome:
    """Lookups by world direction ``(n, 3)``, radiance in linear Rec.709."""

    def __init__(self, lamp: Lamp) -> None:
        self.axes = lamp.axes
        tint = np.asarray(lamp.radiance, np.float32)
        self.constant = lamp.picture is None
        self.tint = tint
        picture = np.ones((_HEIGHT, _WIDTH, 3), np.float32) if lamp.picture is None else lamp.picture
        self.sharp = picture * tint
        small = self.sharp if self.constant else _resized(self.sharp, _WIDTH, _HEIGHT)
        u, v = np.meshgrid((np.arange(_WIDTH) + 0.5) / _WIDTH, 1 - (np.arange(_HEIGHT) + 0.5) / _HEIGHT)
        directions = dome_directions(np.stack([u.ravel(), v.ravel()], axis=1))
        self.weights = np.sin(v.ravel() * np.pi) * (2 * np.pi / _WIDTH) * (np.pi / _HEIGHT)
        self.texels = small.reshape(-1, 3).astype(np.float64)
        self.directions = directions
        if self.constant:
            return
        narrow = directions.astype(np.float32)
        cosine = narrow @ narrow.T
        self.shed = (np.maximum(cosine, 0) * self.weights) @ self.texels
        self.blurred = []
        for roughness in ROUGHNESS[1:]:
            # a Phong lobe of the width that GGX of this roughness has
            power = 2 / max(float(roughness) ** 4, 1e-4) - 2
            lobe = np.exp(np.maximum(np.float32(max(power, 1.0)) * (cosine - 1), np.float32(-60)))
            lobe *= self.weights.astype(np.float32)
            self.blurred.append((lobe @ self.texels / lobe.sum(1, keepdims=True)).astype(np.float32))

    def irradiance(self, normals: Array) -> Array:
        """``(n, 3)`` on surfaces that look along `normals`, unshadowed."""
        if self.constant:
            return np.broadcast_to(self.tint * np.float32(np.pi), (len(normals), 3))
        return self._pick(self.shed.astype(np.float32), normals)

    def reflected(self, directions: Array, roughness: Array) -> Array:
        """``(n, 3)`` what a mirror of this roughness ``(n,)`` sees."""
        if self.constant:
            return np.broadcast_to(self.tint, (len(directions), 3))
        level = np.interp(roughness, ROUGHNESS, np.arange(len(ROUGHNESS)))
        low = np.floor(level).astype(np.int32)
        part = (level - low)[:, None].astype(np.float32)
        out = np.zeros((len(directions), 3), np.float32)
        for i in range(len(ROUGHNESS)):
            share = np.where(low == i, 1 - part[:, 0], 0) + np.where(low + 1 == i, part[:, 0], 0)
            used = share > 0
            if used.any():
                out[used] += share[used, None] * self._level(i, directions[used])
        return out

    def seen(self, directions: Array) -> Array:
        """``(n, 3)`` the dome itself."""
        return self._level(0, directions)

    def _level(self, i: int, directions: Array) -> Array:
        if i == 0:
            height, width = self.sharp.shape[:2]
            return self._lookup(self.sharp.reshape(-1, 3), directions, width, height)
        return self._pick(self.blurred[i - 1], directions)

    def _pick(self, table: Array, directions: Array) -> Array:
        return self._lookup(table, directions, _WIDTH, _HEIGHT)

    def _lookup(self, table: Array, directions: Array, width: int, height: int) -> Array:
        uv = dome_coordinates(np.asarray(directions) @ self.axes.T)
        x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
        x0, y0 = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        fx, fy = (x - x0)[:, None].astype(np.float32), (y - y0)[:, None].astype(np.float32)
        left, right = np.mod(x0, width), np.mod(x0 + 1, width)
        top, low = np.clip(y0, 0, height - 1) * width, np.clip(y0 + 1, 0, height - 1) * width
        upper = table[top + left] * (1 - fx) + table[top + right] * fx
        lower = table[low + left] * (1 - fx) + table[low + right] * fx
        return np.asarray(upper * (1 - fy) + lower * fy, np.float32)

    def sample(self, numbers: Array) -> tuple[Array, Array, Array]:
        """Directions towards bright parts: ``(n, 3)`` world, radiance over density ``(n, 3)``, density ``(n,)``."""
        light = self.texels.sum(1) * self.weights
        share = light / max(light.sum(), 1e-30)
        which = np.minimum(np.searchsorted(np.cumsum(share), numbers[:, 0] * 0.999999), len(share) - 1)
        density = share[which] / self.weights[which]
        row, column = which // _WIDTH, which % _WIDTH
        shift = np.mod(numbers[:, 1] * 977.0, 1.0)
        uv = np.stack([(column + shift) / _WIDTH, 1 - (row + numbers[:, 1]) / _HEIGHT], axis=1)
        world = dome_directions(uv) @ self.axes
        radiance = self.texels[which]
        return world.astype(np.float32), radiance.astype(np.float32), density.astype(np.float32)

    def density(self, directions: Array) -> Array:
        """``(n,)`` the density with which `sample` gives these directions."""
        light = self.texels.sum(1) * self.weights
        share = light / max(light.sum(), 1e-30)
        uv = dome_coordinates(np.asarray(directions) @ self.axes.T)
        column = np.minimum((uv[:, 0] * _WIDTH).astype(np.int32), _WIDTH - 1)
        row = np.clip(((1 - uv[:, 1]) * _HEIGHT).astype(np.int32), 0, _HEIGHT - 1)
        which = row * _WIDTH + column
        return np.asarray(share[which] / self.weights[which], np.float32)
