# SPDX-License-Identifier: Apache-2.0
"""What of the surface lies under each texel, found by scattering points over the triangles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.generators.embedded.model import Mesh
from pipeline.generators.embedded.pieces import Floats


def splat(meshes: Sequence[Mesh], side: int, per_texel: int = 4) -> Floats:
    """(side, side, 7): mean normal, mean position in metres, and the number of points of each texel.

    Row 0 is on top; texels without surface are 0.
    """
    total = np.zeros((side * side, 7))
    for mesh in meshes:
        tri, uv, normals = mesh.triangulated()
        edge = uv[:, 1:] - uv[:, :1]
        area = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) / 2 * side * side
        count = np.maximum(np.ceil(area * per_texel).astype(int), 1)
        face = np.repeat(np.arange(len(tri)), count)
        i = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
        # the R2 low-discrepancy sequence (Roberts 2018) folded into the triangle
        a, b = (0.5 + i * 0.7548776662466927) % 1, (0.5 + i * 0.5698402909980532) % 1
        fold = a + b > 1
        a, b = np.where(fold, 1 - a, a), np.where(fold, 1 - b, b)
        weight = np.stack([1 - a - b, a, b], -1)
        at = np.einsum("ij,ijk->ik", weight, uv[face])
        normal = np.einsum("ij,ijk->ik", weight, normals[face])
        place = np.einsum("ij,ijk->ik", weight, mesh.points[tri[face]])
        x = np.clip((at[:, 0] * side).astype(int), 0, side - 1)
        y = np.clip(((1 - at[:, 1]) * side).astype(int), 0, side - 1)
        index = y * side + x
        for c, value in enumerate((*normal.T, *place.T, np.ones(len(index)))):
            total[:, c] += np.bincount(index, value, side * side)
    total[:, :6] /= np.maximum(total[:, 6:], 1)
    return total.reshape(side, side, 7)
