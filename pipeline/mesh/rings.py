# SPDX-License-Identifier: Apache-2.0
"""Borders in order: the rings that open half-edges form around holes, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.distinct import firsts
from pipeline.mesh.edges import Edges
from pipeline.mesh.shells import components

__all__ = ["LONGEST", "Rings", "rings"]

#: a hole's border as a share of the diagonal, up to which it is closed without being asked for
LONGEST = 0.6
#: how often rings that touch themselves are cut; each round cuts all that do not enclose another cut
_CUTS = 64


@dataclass(frozen=True)
class Rings:
    """Closed rings of half-edges, each vertex at most once in a ring.

    Attributes
    ----------
    half : (h,) int32
        Half-edges, ring by ring, each ending where the next one of its ring begins.
    start : (r,) int64
        Where each ring begins in `half`.
    size : (r,) int64
        Half-edges of each ring.
    left : int
        Half-edges that are in no ring: their chain does not close.
    """

    half: NDArray[np.int32]
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    left: int

    @property
    def label(self) -> NDArray[np.int64]:
        """(h,) the ring of each half-edge."""
        return np.repeat(np.arange(len(self.size)), self.size)

    def chosen(self, mask: NDArray) -> Rings:
        """Only some of the rings."""
        size = self.size[mask]
        return Rings(self.half[mask[self.label]], np.cumsum(size) - size, size, self.left)


def rings(edges: Edges, half: NDArray) -> Rings:
    """Put open half-edges in order.

    A border that touches itself in a vertex is cut there, so that what comes out are simple rings.

    Parameters
    ----------
    edges
        Edges of the welded mesh.
    half : (b,) int
        Open half-edges.
    """
    half = np.asarray(half, np.int32)
    ends = edges.ends(half).astype(np.int64)
    following = _following(ends)
    chained = _whole(following)
    half, ends, following = half[chained], ends[chained], _renumbered(following, chained)
    for _ in range(_CUTS):
        ring, place = _ranked(following)
        one, other = _touching(ends[:, 0], ring, place)
        if len(one) == 0:
            break
        # to exchange what follows on two members of a ring makes two rings of it
        before = np.empty(len(following), np.int64)
        before[following] = np.arange(len(following))
        following[before[one]], following[before[other]] = other, one
    else:
        ring, place = _ranked(following)
    order = np.lexsort((place, ring))
    size = np.bincount(ring) if len(ring) else np.zeros(0, np.int64)
    found = Rings(half[order], np.cumsum(size) - size, size, int((~chained).sum()))
    simple = np.ones(len(size), bool)
    simple[ring[_touching(ends[:, 0], ring, place)[0]]] = False
    lost = int(size[~simple].sum())
    return found if not lost else Rings(**{**found.chosen(simple).__dict__, "left": found.left + lost})


def _following(ends: NDArray) -> NDArray[np.int64]:
    """(b,) a half-edge that begins where each ends, no one twice; -1 where none is free."""
    leaving, arriving = np.argsort(ends[:, 0], kind="stable"), np.argsort(ends[:, 1], kind="stable")
    begin, end = ends[leaving, 0], ends[arriving, 1]
    # the n-th to arrive at a vertex goes on with the n-th to leave it
    rank = np.arange(len(end)) - np.searchsorted(end, end)
    at = np.searchsorted(begin, end) + rank
    inside = np.minimum(at, len(begin) - 1)
    fits = (at < len(begin)) & (begin[inside] == end) if len(begin) else np.zeros(0, bool)
    result = np.full(len(ends), -1, np.int64)
    result[arriving[fits]] = leaving[at[fits]]
    return result


def _whole(following: NDArray) -> NDArray[np.bool_]:
    """(b,) the members of chains that close."""
    chain, count = components(_links(following), len(following))
    broken = np.zeros(count, bool)
    broken[chain[following < 0]] = True
    return np.asarray(~broken[chain])


def _links(following: NDArray) -> NDArray:
    going = np.flatnonzero(following >= 0)
    return np.stack([going, following[going]], axis=1)


def _renumbered(following: NDArray, kept: NDArray) -> NDArray[np.int64]:
    number = np.cumsum(kept) - 1
    return np.asarray(number[following[kept]], np.int64)


def _ranked(following: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ring of each member of a permutation, and how many steps it is from the ring's last member.

    By doubling: after k rounds everybody knows who comes 2^k steps on, or how far the end is.
    """
    count = len(following)
    if count == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    ring, _ = components(_links(following), count)
    head = np.flatnonzero(firsts(ring[np.argsort(ring, kind="stable")]))
    head = np.argsort(ring, kind="stable")[head]
    ahead = following.copy()
    steps = np.ones(count, np.int64)
    last = np.empty(count, np.int64)
    last[following] = np.arange(count)
    last = last[head]
    ahead[last], steps[last] = last, 0
    for _ in range(int(np.ceil(np.log2(max(count, 2)))) + 1):
        further = steps[ahead]
        if not further.any():
            break
        steps += further
        ahead = ahead[ahead]
    return ring.astype(np.int64), steps.max(initial=0) - steps


def _touching(vertex: NDArray, ring: NDArray, place: NDArray) -> tuple[NDArray, NDArray]:
    """Pairs of members of one ring that begin at one vertex; of pairs that enclose or cross others only the least."""
    order = np.lexsort((place, vertex, ring))
    again = np.flatnonzero(~firsts(vertex[order]) & ~firsts(ring[order]))
    if len(again) == 0:
        nobody = np.zeros(0, np.int64)
        return nobody, nobody
    one, other = order[again - 1], order[again]
    base = ring[one] * (int(place.max()) + 2)
    begin, end = base + place[one], base + place[other]
    ranked = np.argsort(end, kind="stable")
    # a stretch that begins no earlier than any that ended before it overlaps none of them
    latest = np.maximum.accumulate(begin[ranked])
    inner = begin[ranked] >= np.concatenate([[-1], latest[:-1]])
    inner &= begin[ranked] > np.concatenate([[-1], np.maximum.accumulate(np.where(inner, end[ranked], -1))[:-1]])
    chosen = ranked[inner]
    if len(chosen) == 0:
        chosen = ranked[:1]
    return one[chosen], other[chosen]
