# SPDX-License-Identifier: Apache-2.0
"""Noise out of soft light, edges kept (edge-avoiding a-trous wavelets, Dammertz et al. 2010)."""

from __future__ import annotations

import numpy as np

from pipeline.render.lamps import Array

_KERNEL = (0.375, 0.25, 0.0625)


def smoothed(
    light: Array, rows: Array, raster: tuple[int, int], points: Array, normals: Array, rounds: int = 3
) -> Array:
    """Irradiance ``(n, 3)`` at pixels `rows` of a raster, averaged with neighbours on the same plane."""
    height, width = raster
    grid: Array = np.zeros((height * width, 3), np.float32)
    place, look = np.zeros_like(grid), np.zeros_like(grid)
    there: Array = np.zeros((height * width, 1), np.float32)
    grid[rows], place[rows], look[rows], there[rows] = light, points, normals, 1
    shaped = (height, width, -1)
    grid, place, look, there = (a.reshape(shaped) for a in (grid, place, look, there))
    gap = np.sqrt(_dot(np.diff(place, axis=1), np.diff(place, axis=1)))[..., 0]
    near = gap[(there[:, 1:, 0] > 0) & (there[:, :-1, 0] > 0)]
    reach = float(np.median(near)) * 3 + 1e-12 if near.size else 1e-12
    for i in range(rounds):
        step = 1 << i
        total, weight = grid * there, there.copy()
        for axis in (0, 1):
            for far, kernel in ((1, _KERNEL[1]), (-1, _KERNEL[1]), (2, _KERNEL[2]), (-2, _KERNEL[2])):
                a, b = _shifted(axis, far * step)
                plane = np.abs(_dot(place[b] - place[a], look[a])) / np.float32(reach * step)
                alike = np.maximum(_dot(look[a], look[b]), 0) ** 16
                w = np.float32(kernel / _KERNEL[0]) * alike * np.exp(-plane) * there[b]
                total[a] += w * grid[b]
                weight[a] += w
        grid = total / np.maximum(weight, 1e-9)
    return np.asarray(grid.reshape(-1, 3)[rows], np.float32)


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("ijk,ijk->ij", a, b)[..., None])


def _shifted(axis: int, offset: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of a raster and of itself shifted by an offset along an axis."""
    here = slice(None, -offset) if offset > 0 else slice(-offset, None)
    there = slice(offset, None) if offset > 0 else slice(None, offset)
    whole = slice(None)
    return ((here, whole), (there, whole)) if axis == 0 else ((whole, here), (whole, there))
