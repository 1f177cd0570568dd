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
        Values are quaternions `(k, …, 4)` and what lies between them turns (slerp); the tolerance is an angle in
        radians, of whichever is off most.
    """
    count = len(times)
    if count <= 2:
        return np.arange(count)
    flat = values.reshape(count, -1).astype(np.float64, copy=False)
    kept = np.array([0, count - 1])
    left = np.arange(1, count - 1)
    while len(left):
        # all spans of a round at once: each span that is off gets the key where it is off most
        span = np.searchsorted(kept, left, side="right") - 1
        low, high = kept[span], kept[span + 1]
        share = (times[left] - times[low]) / np.maximum(times[high] - times[low], 1e-300)
        error = _off(flat, left, low, high, share, turning)
        starts = np.flatnonzero(np.diff(span, prepend=-1))
        worst = np.maximum.reduceat(error, starts)
        still = np.repeat(worst > tolerance, np.diff(starts, append=len(left)))
        if not still.any():
            break
        peak = np.flatnonzero((error == np.repeat(worst, np.diff(starts, append=len(left)))) & still)
        fresh = left[peak[np.flatnonzero(np.diff(span[peak], prepend=-1))]]
        kept = np.sort(np.concatenate([kept, fresh]))
        # what lies in a span that is good enough never has to be looked at again
        left = left[still & ~np.isin(left, fresh)]
    return kept


def _off(
    flat: Doubles, inner: NDArray[Any], low: NDArray[Any], high: NDArray[Any], share: Doubles, turning: bool
) -> Doubles:
    """How far each inner key is from what lies between its span's ends."""
    if not turning:
        line = flat[low] + share[:, None] * (flat[high] - flat[low])
        return np.asarray(np.abs(line - flat[inner]).max(axis=1))
    turns = flat.reshape(len(flat), -1, 4)
    true = turns[inner]
    between = slerp(turns[low], turns[high], share[:, None])
    # the chord of a small angle is exact where its cosine is all rounding
    apart = np.minimum(((between - true) ** 2).sum(-1), ((between + true) ** 2).sum(-1)).max(axis=1)
    return np.asarray(4 * np.arcsin(np.clip(np.sqrt(apart) / 2, 0, 1)))


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
