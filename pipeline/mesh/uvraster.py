# SPDX-License-Identifier: Apache-2.0
"""UV layouts as texels: which triangles cover the middle of which texel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: rows of triangles, and texels, worked on in one batch: bounds the memory
_BATCH = 1 << 17
#: a triangle that reaches over more rows or columns than this is left out: its layout is broken
_REACH = 1 << 14
#: faces that only touch cover nothing twice: this much of a texel inside the border does not count
_MARGIN = 1e-3


def covered(
    uv: NDArray, corners: NDArray, side: int, margin: float = _MARGIN
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Batches of texels and the triangles that cover their middles.

    Texels count on beyond the unit square, so UDIM tiles and tilings keep apart.

    Parameters
    ----------
    uv : (k, 2) float
    corners : (m, 3) int
    side
        Texels a UV unit.
    margin
        How far inside the border a middle must lie, texels; negative: how far outside it may.

    Yields
    ------
    column, row : (j,) int64
        Texel, row 0 at v = 0.
    triangle : (j,) int64
    """
    for start in range(0, len(corners), _BATCH):
        yield from _some(uv, corners[start : start + _BATCH], side, start, margin)


def _some(
    uv: NDArray, corners: NDArray, side: int, number: int, margin: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """`covered` for the triangles from `number` on."""
    place = np.stack([uv.take(corners[:, i], axis=0) for i in range(3)]).astype(np.float64) * side - 0.5
    low, high = place.min(axis=0), place.max(axis=0)
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(low).all(axis=1) & np.isfinite(high).all(axis=1) & ((high - low) < _REACH).all(axis=1)
        usable &= np.abs(low).max(axis=1) < 1 << 40
    first = np.ceil(np.where(usable, low[:, 1], 0)).astype(np.int64)
    rows = np.where(usable, np.floor(np.where(usable, high[:, 1], -1)).astype(np.int64) - first + 1, 0)
    chosen = np.flatnonzero(rows > 0)
    total = np.cumsum(rows[chosen])
    start = 0
    while start < len(chosen):
        done = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, done + _BATCH, side="right")), start + 1)
        for column, row, triangle in _scanned(chosen[start:stop], place, first, rows, margin):
            yield column, row, triangle + number
        start = stop


def _scanned(
    triangles: NDArray, place: NDArray, first: NDArray, rows: NDArray, margin: float
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """The texels of each row between the borders of each triangle."""
    many = rows[triangles]
    owner = np.repeat(np.arange(len(triangles)), many)
    y = first[triangles][owner] + np.arange(len(owner)) - np.repeat(np.cumsum(many) - many, many)
    a, b, c = (p[triangles] for p in place)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    sign = np.sign(area)
    left = np.full(len(owner), -np.inf)
    right = np.where(sign[owner] != 0, np.inf, -np.inf)
    for from_, to in ((a, b), (b, c), (c, a)):
        dx, dy = (sign * (to - from_)[:, i] for i in (0, 1))
        # inside where dx (y - from_y) - dy (x - from_x) exceeds the margin: solved for x
        free = dy * from_[:, 0] - dx * from_[:, 1] - margin * np.hypot(dx, dy)
        value = dx[owner] * y + free[owner]
        slope = dy[owner]
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = value / slope
        np.minimum(right, np.where(slope > 0, cut, np.inf), out=right)
        np.maximum(left, np.where(slope < 0, cut, -np.inf), out=left)
        right[(slope == 0) & (value <= 0)] = -np.inf
    filled = np.flatnonzero(right > left)
    begin = np.floor(left[filled]).astype(np.int64) + 1
    length = np.maximum(np.ceil(right[filled]).astype(np.int64) - begin, 0)
    who = triangles[owner[filled]]
    ends = np.cumsum(length)
    start = 0
    while start < len(filled):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _BATCH, side="right")), start + 1)
        span = length[start:stop]
        step = np.arange(int(span.sum())) - np.repeat(np.cumsum(span) - span, span)
        yield (
            np.repeat(begin[start:stop], span) + step,
            np.repeat(y[filled[start:stop]], span),
            np.repeat(who[start:stop], span),
        )
        start = stop
