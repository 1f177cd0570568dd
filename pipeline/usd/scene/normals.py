# SPDX-License-Identifier: Apache-2.0
"""Normals: computed where none were authored, mended where they are not of unit length."""

from __future__ import annotations

import numpy as np

from pipeline.usd.scene.arrays import Floats, Ints

__all__ = ["smooth_normals", "unit"]


def smooth_normals(points: Floats, triangles: Ints) -> Floats:
    """Area-weighted normals of points, `(n, 3) float32`; +Y where no triangle says otherwise.

    Parameters
    ----------
    points
        `(n, 3)`.
    triangles
        `(t, 3)` point numbers, anticlockwise seen from outside.
    """
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros((len(points), 3))
    for axis in range(3):
        weights = face[:, axis].astype(np.float64)
        for k in range(3):
            total[:, axis] += np.bincount(triangles[:, k], weights, minlength=len(points))
    return unit(total.astype(np.float32))


def unit(vectors: Floats, otherwise: Floats | None = None) -> Floats:
    """Vectors `(n, 3)` of unit length; the input itself where they are already.

    Parameters
    ----------
    otherwise
        `(n, 3)` what stands where a vector is zero or not finite; +Y without it.
    """
    length = np.einsum("ij,ij->i", vectors, vectors)
    off = np.abs(length - 1.0)
    # NaN compares false, so the test asks for what is good
    if off.size == 0 or bool((off < 2e-4).all()):
        return vectors
    good = np.isfinite(length) & (length > 1e-24)
    # squares of very small or very large numbers do not fit float32
    with np.errstate(all="ignore"):
        scaled = vectors.astype(np.float64)
        size = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
        result = (scaled / np.where(good, size, 1.0)[:, None]).astype(np.float32)
    bad = ~good
    if bad.any():
        result[bad] = (0.0, 1.0, 0.0) if otherwise is None else otherwise[bad]
    return result
