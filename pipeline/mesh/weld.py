# SPDX-License-Identifier: Apache-2.0
"""Welding: one vertex for every position, so that topology sees solids and not UV seams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.distinct import firsts

#: points worked on at once: they stay in the processor's cache
_BATCH = 1 << 14
_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


@dataclass(frozen=True)
class Weld:
    """Which points are one vertex.

    Attributes
    ----------
    index : (n,) int32
        The vertex of each point.
    first : (k,) int32
        One point of each vertex: `points[first]` are the positions of the vertices.
    """

    index: NDArray[np.int32]
    first: NDArray[np.int32]

    @property
    def count(self) -> int:
        """How many vertices there are."""
        return len(self.first)


def weld(
    points: NDArray,
    tolerance: float | NDArray = 0.0,
    among: NDArray | None = None,
    reach: NDArray | None = None,
    owner: NDArray | None = None,
) -> Weld:
    """Make one vertex of the points that lie at the same place.

    Parameters
    ----------
    points : (n, 3) float32 or float64
    tolerance
        Points closer than this are one as well, in the unit of `points`; 0 asks for equality. One for each point
        where there are owners, the same for all points of one.
    among : (n,) bool, optional
        Only these points are compared within the tolerance (the open border, say); equality counts for all.
    reach : (n,) float, optional
        A smaller tolerance of single points: two are one where both reach the other.
    owner : (n,) int, optional
        Ascending; points of different owners are never one.
    """
    exact = _weld_equal(np.ascontiguousarray(points), owner)
    if np.max(tolerance, initial=0) <= 0:
        return exact
    chosen = np.arange(exact.count)
    if among is not None:
        wanted = np.zeros(exact.count, bool)
        wanted[exact.index[among]] = True
        chosen = np.flatnonzero(wanted)
    return _weld_near(points, exact, chosen, tolerance, reach, owner)


def _weld_equal(points: NDArray, owner: NDArray | None = None) -> Weld:
    word = np.uint32 if points.dtype == np.float32 else np.uint64
    places: NDArray = points.astype(np.float32 if word is np.uint32 else np.float64)
    places += 0.0  # -0 is 0
    return alike(places.view(word), owner)


def alike(bits: NDArray, owner: NDArray | None = None) -> Weld:
    """Which rows are equal, bit by bit.

    Parameters
    ----------
    bits : (n, c) uint32 or uint64
    owner : (n,) int, optional
        Rows of different owners are never one.
    """
    n = len(bits)
    if n == 0:
        return Weld(np.zeros(0, np.int32), np.zeros(0, np.int32))
    key = np.empty(n, np.uint64)
    for start in range(0, n, _BATCH):
        key[start : start + _BATCH] = _hashed(bits[start : start + _BATCH])
    if owner is not None:
        bits = np.column_stack([bits, owner.astype(bits.dtype)])
        key ^= (owner.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX[0])
    order, fresh = _grouped(key)
    made = _from_runs(order, fresh)
    if made.count == n:
        return made
    lead = made.first.take(made.index)
    astray = np.zeros(n, bool)
    for column in bits.T:
        astray |= column != column.take(lead)
    if not astray.any():
        return made
    # different positions share a key: those few runs are sorted by position
    run = np.cumsum(fresh, dtype=np.int32)
    mixed = np.zeros(int(run[-1]) + 1, bool)
    mixed[run[astray[order]]] = True
    member = np.flatnonzero(mixed[run])
    some = order[member]
    order[member] = some[np.lexsort((some, *bits[some].T, run[member]))]
    fresh[member[1:]] |= np.any(bits[order[member[1:]]] != bits[order[member[1:] - 1]], axis=1)
    return _from_runs(order, fresh)


def _hashed(bits: NDArray) -> NDArray[np.uint64]:
    """(k,) a number for each row of words."""
    key = np.zeros(len(bits), np.uint64)
    part = np.empty(len(bits), np.uint64)
    shifted = np.empty(len(bits), np.uint64)
    for axis in range(bits.shape[1]):
        part[:] = bits[:, axis]
        for shift, by in ((15, _MIX[axis]), (29, _MIX[axis - 1])):
            np.right_shift(part, np.uint64(shift), out=shifted)
            part ^= shifted
            part *= np.uint64(by)
        key += part
    return key


def _grouped(key: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Points with equal keys one after the other, each group in order, and where a group begins.

    The upper bits of the key and the point share a word: values are sorted, which is quicker than finding an order.
    """
    deep = np.uint64((1 << len(key).bit_length()) - 1)
    key = key & ~deep
    key |= np.arange(len(key), dtype=np.uint64)
    key.sort()
    order = (key & deep).astype(np.int32)
    key &= ~deep
    fresh = np.empty(len(key), bool)
    fresh[0] = True
    np.not_equal(key[1:], key[:-1], out=fresh[1:])
    return order, fresh


def _from_runs(order: NDArray[np.int32], fresh: NDArray[np.bool_]) -> Weld:
    """Number the vertices by their first point, so that welding a welded mesh changes nothing.

    Points stand in order within a run, so the first of a run is its first point.
    """
    if fresh.all():
        whole = np.arange(len(order), dtype=np.int32)
        return Weld(whole, whole)
    leads = np.zeros(len(order), bool)
    leads[order[fresh]] = True
    number = np.cumsum(leads, dtype=np.int32) - 1
    index = np.empty(len(order), np.int32)
    start = np.flatnonzero(fresh)
    index[order] = np.repeat(number[order[start]], np.diff(start, append=len(order)))
    return Weld(index, np.flatnonzero(leads).astype(np.int32))


def _weld_near(
    points: NDArray,
    exact: Weld,
    chosen: NDArray,
    tolerance: float | NDArray,
    reach: NDArray | None,
    owner: NDArray | None,
) -> Weld:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    places = np.asarray(points[exact.first[chosen]], np.float64)
    usable = np.isfinite(places).all(axis=1)
    chosen, places = chosen[usable], places[usable]
    if len(chosen) < 2:
        return exact
    if owner is None:
        pairs = cKDTree(places).query_pairs(tolerance, output_type="ndarray")
    else:
        pairs = _pairs_apart(places, np.asarray(tolerance)[exact.first[chosen]], owner[exact.first[chosen]])
    if reach is not None and len(pairs):
        apart = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
        pairs = pairs[apart <= reach[exact.first[chosen]][pairs].min(axis=1)]
    if len(pairs) == 0:
        return exact
    a, b = chosen[pairs[:, 0]], chosen[pairs[:, 1]]
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(exact.count, exact.count))
    count, label = connected_components(graph, directed=False)
    first = np.full(count, len(points), np.int32)
    np.minimum.at(first, label, exact.first)
    rank = np.argsort(first)
    number = np.empty(count, np.int32)
    number[rank] = np.arange(count, dtype=np.int32)
    return Weld(number[label][exact.index], first[rank])


def _pairs_apart(places: NDArray, tolerance: NDArray, owner: NDArray) -> NDArray:
    """(p, 2) places of the same owner that lie within its tolerance: those of each owner stand in a space of their own.

    Lengths count in tolerances, and owners lie three of them apart along a fourth axis.
    """
    from scipy.spatial import cKDTree

    usable = np.flatnonzero(tolerance > 0)
    begin = np.flatnonzero(firsts(owner[usable]))
    if not len(usable):
        return np.zeros((0, 2), np.int64)
    corner = np.minimum.reduceat(places[usable], begin)
    own = np.repeat(np.arange(len(begin)), np.diff(begin, append=len(usable)))
    scaled = (places[usable] - corner[own]) / tolerance[usable, None]
    found = cKDTree(np.column_stack([scaled, 3.0 * own])).query_pairs(1.0, output_type="ndarray")
    result: NDArray = usable[found]
    return result
