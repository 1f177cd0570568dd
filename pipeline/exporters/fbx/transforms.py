# SPDX-License-Identifier: Apache-2.0
"""Matrices as FBX keeps them: translation, Euler angles in XYZ order, scale.

FBX turns about X first, then Y, then Z, each about the fixed axes of the parent: with row vectors
`R = Rx @ Ry @ Rz`. A matrix with shear is no such product, but it is two of them: see `split_shear`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

SHEAR = 1e-5  # cosine between two axes from which a matrix counts as sheared


def decompose(matrices: Doubles) -> tuple[Doubles, Doubles, Doubles, NDArray[np.bool_]]:
    """Translations, rotation matrices, scales, and whether a matrix is sheared (then the rest is not exact).

    Parameters
    ----------
    matrices
        `(..., 4, 4)` row vectors. A mirrored matrix gets a negative X scale.
    """
    linear = matrices[..., :3, :3]
    scales = np.sqrt((linear * linear).sum(-1))
    mirrored = np.linalg.det(linear) < 0
    scales[..., 0] = np.where(mirrored, -scales[..., 0], scales[..., 0])
    safe = np.where(scales == 0, 1.0, scales)
    axes = linear / safe[..., None]
    flat = scales == 0
    if flat.any():
        axes = _complete(axes, flat)
    dots = np.stack(
        [
            (axes[..., 0, :] * axes[..., 1, :]).sum(-1),
            (axes[..., 1, :] * axes[..., 2, :]).sum(-1),
            (axes[..., 2, :] * axes[..., 0, :]).sum(-1),
        ],
        -1,
    )
    sheared = np.abs(dots).max(-1) > SHEAR
    return matrices[..., 3, :3].copy(), axes, scales, sheared


def _complete(axes: Doubles, flat: NDArray[np.bool_]) -> Doubles:
    """Give axes that a scale of zero left empty some direction, so that the rest stays a rotation."""
    result = axes.reshape(-1, 3, 3).copy()
    empties = flat.reshape(-1, 3)
    for i in np.flatnonzero(empties.any(-1)).tolist():
        empty = empties[i]
        u, _, v = np.linalg.svd(result[i])
        r = u @ v
        if np.linalg.det(r) < 0:
            r[int(np.argmax(empty))] *= -1
        result[i] = r
    return result.reshape(axes.shape)


def split_shear(matrix: Doubles) -> tuple[Doubles, Doubles]:
    """Two matrices without shear, `inner @ outer == matrix`.

    From the singular value decomposition of the linear part, `L = U S V`: the inner one is the rotation `U`,
    the outer one `S V` with the translation.
    """
    u, s, v = np.linalg.svd(matrix[:3, :3])
    if np.linalg.det(u) < 0:
        u = u * -1.0
        s = -s
    inner, outer = np.eye(4), np.eye(4)
    inner[:3, :3] = u
    outer[:3, :3] = s[:, None] * v
    outer[3] = matrix[3]
    return inner, outer


def euler_degrees(rotations: Doubles) -> Doubles:
    """Euler angles `(..., 3)` in degrees of rotation matrices `(..., 3, 3)` (row vectors)."""
    r = rotations
    flat = np.hypot(r[..., 0, 0], r[..., 0, 1])
    y = np.arctan2(-r[..., 0, 2], flat)
    locked = flat < 1e-9  # X and Z turn about the same axis: all of it goes to Z
    x = np.where(locked, 0.0, np.arctan2(r[..., 1, 2], r[..., 2, 2]))
    z = np.where(locked, np.arctan2(-r[..., 1, 0], r[..., 1, 1]), np.arctan2(r[..., 0, 1], r[..., 0, 0]))
    return np.asarray(np.degrees(np.stack([x, y, z], -1)))


def quaternion_matrices(q: NDArray[np.floating]) -> Doubles:
    """Rotation matrices (row vectors) of quaternions `(..., 4)` in x, y, z, w order."""
    q = np.asarray(q, np.float64)
    norm = np.sqrt((q * q).sum(-1, keepdims=True))
    q = np.where(norm > 0, q / np.where(norm > 0, norm, 1.0), np.array([0.0, 0.0, 0.0, 1.0]))
    x, y, z, w = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
        [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
        [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def matrix_quaternions(rotations: Doubles) -> Doubles:
    """Quaternions `(n, 4)` x, y, z, w of rotation matrices `(n, 3, 3)` (row vectors)."""
    r = rotations
    xx, yy, zz = r[:, 0, 0], r[:, 1, 1], r[:, 2, 2]
    squares = np.stack([1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz], -1)
    yz, zx, xy = r[:, 1, 2] - r[:, 2, 1], r[:, 2, 0] - r[:, 0, 2], r[:, 0, 1] - r[:, 1, 0]
    sxy, syz, szx = r[:, 0, 1] + r[:, 1, 0], r[:, 1, 2] + r[:, 2, 1], r[:, 2, 0] + r[:, 0, 2]
    candidates = np.stack(
        [
            np.stack([squares[:, 0], sxy, szx, yz], -1),
            np.stack([sxy, squares[:, 1], syz, zx], -1),
            np.stack([szx, syz, squares[:, 2], xy], -1),
            np.stack([yz, zx, xy, squares[:, 3]], -1),
        ],
        1,
    )
    best = np.take_along_axis(candidates, squares.argmax(-1)[:, None, None], 1)[:, 0]
    return np.asarray(best / np.sqrt((best * best).sum(-1, keepdims=True)))


def continuous_euler(angles: Doubles) -> Doubles:
    """Euler angles `(k, ..., 3)` in degrees without jumps between neighbours along the first axis.

    The same rotation has two triples, `(x, y, z)` and `(x+180, 180-y, z+180)`, each modulo 360: at every key
    the one nearest to the key before is taken. Where whole turns alone leave no step of a quarter turn, that is
    it; only the rest goes key by key.
    """
    result = np.unwrap(angles, period=360.0, axis=0)
    if len(result) < 2 or np.abs(np.diff(result, axis=0)).max() <= 90.0:
        return result
    for k in range(1, len(result)):
        before = result[k - 1]
        a = result[k]
        b = np.stack([a[..., 0] + 180, 180 - a[..., 1], a[..., 2] + 180], -1)
        a = a - 360 * np.round((a - before) / 360)
        b = b - 360 * np.round((b - before) / 360)
        closer = np.abs(b - before).sum(-1) < np.abs(a - before).sum(-1) - 1e-9
        result[k] = np.where(closer[..., None], b, a)
    return result
