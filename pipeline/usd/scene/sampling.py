# SPDX-License-Identifier: Apache-2.0
"""Samples over time: as many as straight lines need, and no more."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Doubles
from pipeline.usd.scene.xforms import decompose, slerp

__all__ = ["continuous", "reduced", "sample_transforms"]

#: samples of one prim
_MOST = 20_000
#: seconds under which a jump counts as one
_SHORTEST = 1e-3


def continuous(quaternions: Any) -> NDArray[Any]:
    """Quaternions over time `(k, …, 4)` with signs such that neighbours lie close."""
    q = np.array(quaternions, copy=True)
    dots = np.einsum("k...i,k...i->k...", q[1:], q[:-1])
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    q[1:] *= signs[..., None].astype(q.dtype)
    return q


def reduced(times: Doubles, values: NDArray[Any], tolerance: float, *, turning: bool = False) -> NDArray[np.int64]:
    """The numbers of the keys that must stay, so that what lies between them is off by `tolerance` at most.

    Parameters
    ----------
    times, values
        `(k,)`, `(k, …)`.
    turning
        Values are quaternions and what lies between them turns (slerp); the tolerance is an angle in radians.
    """
    count = len(times)
    if count <= 2:
        return np.arange(count)
    flat = values.reshape(count, -1)
    keep = np.zeros(count, bool)
    keep[[0, -1]] = True
    spans = [(0, count - 1)]
    while spans:
        low, high = spans.pop()
        if high - low < 2:
            continue
        inner = np.arange(low + 1, high)
        width = times[high] - times[low]
        share = (times[inner] - times[low]) / (width if width > 0 else 1.0)
        if turning:
            ends = np.broadcast_to(flat[low], (len(inner), 4)), np.broadcast_to(flat[high], (len(inner), 4))
            between = slerp(ends[0].astype(np.float64), ends[1].astype(np.float64), share)
            dots = np.abs(np.einsum("ki,ki->k", between, flat[inner]))
            error = 2 * np.arccos(np.clip(dots, 0, 1))
            error[error < 1e-6] = 0
        else:
            line = flat[low] + share[:, None] * (flat[high] - flat[low])
            error = np.abs(line - flat[inner]).max(axis=1)
        worst = int(error.argmax())
        if error[worst] > tolerance:
            middle = low + 1 + worst
            keep[middle] = True
            spans += [(low, middle), (middle, high)]
    return np.flatnonzero(keep)


def sample_transforms(
    at: Callable[[float], Doubles], times: Doubles, codes_per_second: float, tolerance: float
) -> tuple[Doubles, Doubles]:
    """Sample a moving transform so finely that lerp and slerp between samples stay within the tolerance.

    Parameters
    ----------
    at
        The `(4, 4)` transform at a time code.
    times
        `(k,)` time codes that are sampled in any case, rising.
    tolerance
        Metres of a point that is one of the stage's sizes away.

    Returns
    -------
    times, matrices
        `(n,)` time codes and `(n, 4, 4)`.
    """
    known: dict[float, Doubles] = {}

    def value(time: float) -> Doubles:
        if time not in known:
            known[time] = at(time)
        return known[time]

    every = list(times)
    # no span longer than a twelfth of a second is trusted: a full turn between two samples looks like rest
    step = codes_per_second / 12
    for low, high in pairwise(times.tolist()):
        pieces = int(np.ceil((high - low) / step)) if high - low > step else 1
        every += [low + (high - low) * k / pieces for k in range(1, min(pieces, _MOST // max(1, len(times))))]
    points = np.unique(np.array(every, dtype=np.float64))
    open_spans = np.ones(len(points) - 1, bool)
    shortest = _SHORTEST * codes_per_second
    while open_spans.any() and len(points) < _MOST:
        matrices = np.stack([value(t) for t in points.tolist()])
        t, q, s, _ = decompose(matrices)
        q = continuous(q)
        spans = np.flatnonzero(open_spans & (np.diff(points) > shortest))
        if not len(spans):
            break
        bad = np.zeros(len(points) - 1, bool)
        for share in (0.5, 0.23):
            between = points[spans] + share * (points[spans + 1] - points[spans])
            true = np.stack([value(x) for x in between.tolist()])
            bad[spans] |= _error(true, t, q, s, spans, share) > tolerance
        if not bad.any():
            break
        middle = (points[:-1][bad] + points[1:][bad]) / 2
        merged = np.sort(np.concatenate([points, middle]))
        fresh = np.isin(merged, middle)
        open_spans = fresh[1:] | fresh[:-1]
        points = merged
    return points, np.stack([value(t) for t in points.tolist()])


def _error(true: Doubles, t: Doubles, q: Doubles, s: Doubles, spans: Any, share: float) -> Doubles:
    """How far interpolation is off, of a point one unit away and of the origin, whichever is more."""
    from pipeline.usd.scene.xforms import compose

    shares = np.full(len(spans), share)
    place = t[spans] + share * (t[spans + 1] - t[spans])
    turn = slerp(q[spans], q[spans + 1], shares)
    size = s[spans] + share * (s[spans + 1] - s[spans])
    difference = np.abs(compose(place, turn, size) - true)[..., :3]
    return np.asarray(difference.sum(axis=1).max(axis=1))
