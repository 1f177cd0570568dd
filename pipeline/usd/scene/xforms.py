# SPDX-License-Identifier: Apache-2.0
"""Transforms: taken apart, put together, and sampled finely enough that straight lines between samples do."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.usd.scene.model import Doubles

__all__ = ["compose", "decompose", "quaternions_of", "rotations_of", "slerp"]


def rotations_of(quaternions: Any) -> Doubles:
    """Row-vector rotation matrices `(…, 3, 3)` of unit quaternions `(…, 4)` as `(x, y, z, w)`."""
    q = np.asarray(quaternions, np.float64)
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
        [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
        [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def quaternions_of(rotations: Any) -> Doubles:
    """Unit quaternions `(…, 4)` as `(x, y, z, w)` of row-vector rotation matrices `(…, 3, 3)`."""
    m = np.asarray(rotations, np.float64)
    # column-vector element (i, j) is m[j, i]
    a, b, c = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + a - b - c, 1 - a + b - c, 1 - a - b + c, 1 + a + b + c], -1)
    yz, zx, xy = m[..., 1, 2], m[..., 2, 0], m[..., 0, 1]
    zy, xz, yx = m[..., 2, 1], m[..., 0, 2], m[..., 1, 0]
    largest = squares.argmax(-1)
    candidates = np.stack(
        [
            np.stack([squares[..., 0], xy + yx, zx + xz, yz - zy], -1),
            np.stack([xy + yx, squares[..., 1], yz + zy, zx - xz], -1),
            np.stack([zx + xz, yz + zy, squares[..., 2], xy - yx], -1),
            np.stack([yz - zy, zx - xz, xy - yx, squares[..., 3]], -1),
        ],
        -2,
    )
    q = np.take_along_axis(candidates, largest[..., None, None], -2)[..., 0, :]
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def decompose(matrices: Any) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Take transforms `(…, 4, 4)` apart into scale, then rotation, then translation.

    Returns
    -------
    translation, rotation, scale
        `(…, 3)`, `(…, 4)` as `(x, y, z, w)`, `(…, 3)`; a mirrored transform gets a negative scale on x.
    shear
        `(…,)` how far the three put together are from the transform, as a share of its largest scale: above 1e-5
        the transform has shear and no such three exist.
    """
    m = np.asarray(matrices, np.float64)
    linear = m[..., :3, :3]
    scale = np.linalg.norm(linear, axis=-1)
    scale[..., 0] = np.where(np.linalg.det(linear) < 0, -scale[..., 0], scale[..., 0])
    flat = scale == 0
    rows = linear / np.where(flat, 1.0, scale)[..., None]
    if flat.any():
        rows = _completed(rows, flat)
    rotation = quaternions_of(rows)
    again = scale[..., None] * rotations_of(rotation)
    largest = np.abs(scale).max(-1)
    shear = np.abs(again - linear).max((-1, -2)) / np.where(largest > 0, largest, 1.0)
    return m[..., 3, :3].copy(), rotation, scale, np.asarray(shear)


def _completed(rows: Doubles, flat: Any) -> Doubles:
    """Rotations whose rows of zero scale are filled so that the rest is a right-handed frame."""
    shape = rows.shape
    rows, flat = rows.reshape(-1, 3, 3).copy(), np.asarray(flat).reshape(-1, 3)
    for i in np.flatnonzero(flat.any(1)).tolist():
        kept = [rows[i, k] for k in range(3) if not flat[i, k]]
        basis = np.linalg.svd(np.array(kept) if kept else np.zeros((1, 3)))[2]
        missing = np.flatnonzero(flat[i])
        for k, axis in zip(missing, basis[3 - len(missing) :] if kept else np.eye(3), strict=False):
            rows[i, k] = axis
        if np.linalg.det(rows[i]) < 0:
            rows[i, missing[0]] *= -1
    return rows.reshape(shape)


def compose(translation: Any, rotation: Any, scale: Any) -> Doubles:
    """Transforms `(…, 4, 4)` of `(…, 3)` translations, `(…, 4)` quaternions and `(…, 3)` scales."""
    t = np.asarray(translation, np.float64)
    result = np.zeros((*t.shape[:-1], 4, 4))
    result[..., :3, :3] = np.asarray(scale, np.float64)[..., None] * rotations_of(rotation)
    result[..., 3, :3] = t
    result[..., 3, 3] = 1.0
    return result


def slerp(a: Doubles, b: Doubles, share: Any) -> Doubles:
    """Turn from `a` to `b` `(…, 4)` by `share` `(…,)` along the shorter arc."""
    dot = np.einsum("...i,...i->...", a, b)
    b = np.where(dot[..., None] < 0, -b, b)
    dot = np.clip(np.abs(dot), 0.0, 1.0)
    angle = np.arccos(dot)
    near = angle < 1e-4
    sine = np.where(near, 1.0, np.sin(angle))
    share = np.asarray(share, np.float64)
    first = np.where(near, 1 - share, np.sin((1 - share) * angle) / sine)
    second = np.where(near, share, np.sin(share * angle) / sine)
    q = first[..., None] * a + second[..., None] * b
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))
