# SPDX-License-Identifier: Apache-2.0
"""UV layouts as texels: which triangles cover the middle of which texel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: texels tried in one batch: bounds the memory
_BATCH = 1 << 19
#: a triangle that reaches over more texels than this is cut off: its layout is broken
_REACH = 1 << 24


def covered(
    uv: NDArray, corners: NDArray, side: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]]:
    """Batches of texels and the triangles that cover their middles.

    Texels count on beyond the unit square, so UDIM tiles and tilings keep apart.

    Parameters
    ----------
    uv : (k, 2) float
    corners : (m, 3) int
    side
        Texels a UV unit.

    Yields
    ------
    column, row : (j,) int64
        Texel, row 0 at v = 0.
    triangle : (j,) int32
    """
    place = [uv[corners[:, i]].astype(np.float64) * side - 0.5 for i in range(3)]
    low = np.ceil(np.minimum.reduce(place) - 1e-9)
    high = np.floor(np.maximum.reduce(place) + 1e-9)
    span = high - low + 1
    usable = np.isfinite(span).all(axis=1) & (span > 0).all(axis=1)
    texels = np.where(usable, np.prod(np.where(usable[:, None], span, 0), axis=1), 0)
    chosen = np.flatnonzero((texels > 0) & (texels < _REACH))
    total = np.cumsum(texels[chosen])
    start = 0
    while start < len(chosen):
        done = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, done + _BATCH, side="right")), start + 1)
        yield from _batch(chosen[start:stop], place, low, span)
        start = stop


def _batch(
    triangles: NDArray, place: list[NDArray], low: NDArray, span: NDArray
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]]:
    width = span[triangles, 0].astype(np.int64)
    many = width * span[triangles, 1].astype(np.int64)
    owner = np.repeat(np.arange(len(triangles)), many)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(many) - many, many)
    down, right = np.divmod(step, width[owner])
    who = triangles[owner]
    x = low[who, 0] + right
    y = low[who, 1] + down
    a, b, c = (p[triangles] for p in place)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    sign = np.sign(area)
    inside = sign[owner] != 0
    for from_, to in ((a, b), (b, c), (c, a)):
        edge = to - from_
        # strictly inside by a thousandth of a texel: faces that only touch cover nothing twice
        margin = 1e-3 * np.hypot(edge[:, 0], edge[:, 1])
        dx, dy, ox, oy, m, s = (v[owner] for v in (edge[:, 0], edge[:, 1], from_[:, 0], from_[:, 1], margin, sign))
        inside &= s * (dx * (y - oy) - dy * (x - ox)) > m
    yield x[inside].astype(np.int64), y[inside].astype(np.int64), who[inside].astype(np.int32)
