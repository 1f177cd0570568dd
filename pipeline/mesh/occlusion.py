# SPDX-License-Identifier: Apache-2.0
"""Ambient occlusion: how much of the sky over a place is open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.rays import Rays

__all__ = ["occlusion"]


def occlusion(rays: Rays, places: NDArray, outward: NDArray, count: int, reach: float) -> NDArray[np.float32]:
    """(k,) share of the hemisphere that is open, weighted by the cosine: 1 is free.

    Each place turns the same cosine-weighted set of directions by an angle of its own, so noise is even.

    Parameters
    ----------
    places, outward : (k, 3) float
        Unit normals.
    count
        Rays at each place.
    reach
        How far something may be away to count.
    """
    step = np.arange(count) + 0.5
    radius, height = np.sqrt(step / count), np.sqrt(1 - step / count)
    angle = np.pi * (1 + 5**0.5) * step
    up = np.ascontiguousarray(outward, np.float32)
    # a frame around each normal (Duff et al., Building an orthonormal basis, revisited, 2017)
    x, y, z = up.T
    sign = np.where(z >= 0, np.float32(1), np.float32(-1))
    a = -1 / (sign + z)
    b = x * y * a
    one = np.stack([1 + sign * x * x * a, sign * b, -sign * x], axis=1)
    two = np.stack([b, sign + y * y * a, -y], axis=1)
    turn = np.random.default_rng(9).random(len(up), np.float32) * np.float32(2 * np.pi)
    sine, cosine = np.sin(turn)[:, None], np.cos(turn)[:, None]
    one, two = one * cosine + two * sine, two * cosine - one * sine
    origin = np.asarray(places, np.float32) + up * np.float32(1e-4 * reach)
    closed = np.zeros(len(up), np.int32)
    direction, part = np.empty_like(up), np.empty_like(up)
    for r, t, h in zip(radius, angle, height, strict=True):
        np.multiply(one, np.float32(r * np.cos(t)), out=direction)
        direction += np.multiply(two, np.float32(r * np.sin(t)), out=part)
        direction += np.multiply(up, np.float32(h), out=part)
        closed += rays.blocked(origin, direction, reach)
    return (1 - closed / np.float32(count)).astype(np.float32)
