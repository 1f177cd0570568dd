# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on many vectors at once; arrays are ``(n, 3)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def dot(a: Array, b: Array) -> Array:
    """``(n,)``."""
    return np.asarray(np.einsum("ij,ij->i", a, b))


def length(a: Array) -> Array:
    """``(n,)``."""
    return np.sqrt(dot(a, a))


def unit(vectors: Array, otherwise: Array | None = None) -> Array:
    """Vectors of length one; where one has none, `otherwise` or zero stands."""
    size = length(vectors)[:, None]
    good = size > 1e-20
    scaled = vectors / np.where(good, size, 1)
    return scaled if otherwise is None else np.where(good, scaled, otherwise)


def cross(a: Array, b: Array) -> Array:
    """``(n, 3)``, without the copies that numpy.cross makes."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        out[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return out
