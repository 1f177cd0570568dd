# SPDX-License-Identifier: Apache-2.0
"""Tangents of welded vertices, from the directions in which U grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Floats

__all__ = ["tangents"]


def tangents(points: Floats, normals: Floats, uv: Floats, triangles: NDArray[np.int32]) -> Floats:
    """`(v, 4) float32`: unit tangents at right angles to the normals, and the sign of the bitangent.

    Each triangle's tangent counts by its angle at the vertex, as mikktspace weighs it; vertices without a usable
    UV area get any direction along the surface.

    Parameters
    ----------
    uv
        Counted from the top, as glTF stores them.
    """
    corner = points[triangles].astype(np.float64)
    at = uv[triangles].astype(np.float64)
    a, b = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    du, dv = at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]
    area = du[:, 0] * dv[:, 1] - dv[:, 0] * du[:, 1]
    # glTF's bitangent points to where V grows in USD, that is against the stored V
    sign = np.where(area < 0, 1.0, -1.0)
    along = (a * dv[:, 1:2] - b * du[:, 1:2]) * np.where(area < 0, -1.0, 1.0)[:, None]
    length = np.linalg.norm(along, axis=1, keepdims=True)
    along = np.where(length > 0, along / np.where(length > 0, length, 1), 0.0)
    total, signs = np.zeros((len(points), 3)), np.zeros(len(points))
    for k in range(3):
        first = corner[:, (k + 1) % 3] - corner[:, k]
        second = corner[:, (k + 2) % 3] - corner[:, k]
        size = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        cosine = np.einsum("ij,ij->i", first, second) / np.where(size > 0, size, 1)
        weight = np.arccos(np.clip(cosine, -1, 1)) * (size > 0)
        for axis in range(3):
            total[:, axis] += np.bincount(triangles[:, k], along[:, axis] * weight, minlength=len(points))
        signs += np.bincount(triangles[:, k], sign * weight, minlength=len(points))
    n = normals.astype(np.float64)
    total -= n * np.einsum("ij,ij->i", n, total)[:, None]
    length = np.linalg.norm(total, axis=1)
    lost = length < 1e-12
    if lost.any():
        helper = np.zeros((int(lost.sum()), 3))
        helper[np.arange(len(helper)), np.abs(n[lost]).argmin(1)] = 1.0
        total[lost] = np.cross(n[lost], helper)
        length = np.linalg.norm(total, axis=1)
    result = np.empty((len(points), 4), np.float32)
    result[:, :3] = total / length[:, None]
    result[:, 3] = np.where(signs < 0, -1.0, 1.0)
    return result
