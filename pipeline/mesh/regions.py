# SPDX-License-Identifier: Apache-2.0
"""Faces grouped by colour: what the colours are, and borders that a person would draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.shells import components

__all__ = ["clusters", "joined", "smoothed"]

#: OKLab: side of the cells that colours are counted in, and the share of the area that makes a cell a colour
_CELL, _LEAST = 0.04, 0.004
#: two colours are one where faces of the colours between them are this common, as a share of the rarer
_VALLEY = 0.3


def clusters(
    lab: NDArray, weight: NDArray, count: int, apart: float, body: NDArray | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Group colours by weighted k-means from the farthest common colours; like ones, and shades of one, are joined.

    Two groups are joined where their middles are nearer than `apart`, or where the colours between them are about as
    common: then they are ends of one gradient.

    Parameters
    ----------
    lab : (f, 3) float
        OKLab of each face.
    weight : (f,) float
        Areas.
    count
        Groups at most.
    body : (f,) int, optional
        Faces of one body stay together.

    Returns
    -------
    label : (f,) int64
        The largest group is 0.
    centre : (k, 3) float64
    """
    if body is not None:
        total = np.maximum(np.bincount(body, weight), 1e-300)
        means = np.stack([np.bincount(body, weight * lab[:, k]) for k in range(3)], axis=1) / total[:, None]
        of_body, colours = clusters(means, total, count, apart)
        return of_body[body], colours
    cell, share = _cells(lab, weight)
    common = cell[share >= min(_LEAST, share.max())]
    mass = share[share >= min(_LEAST, share.max())]
    seeds = [int(np.argmax(mass))]
    for _ in range(count - 1):
        gap = np.min([np.linalg.norm(common - common[s], axis=1) for s in seeds], axis=0)
        if gap.max() < apart:
            break
        seeds.append(int(np.argmax(gap)))
    centre = common[seeds]
    for _ in range(20):
        near = _nearest(cell, centre)
        total = np.bincount(near, share, minlength=len(centre))
        new = np.stack([np.bincount(near, share * cell[:, k], minlength=len(centre)) for k in range(3)], axis=1)
        new = np.where(total[:, None] > 0, new / np.maximum(total, 1e-300)[:, None], centre)
        if np.allclose(new, centre, atol=1e-5):
            break
        centre = new
    group = _alike(centre, cell, share, apart)
    near = group[_nearest(lab, centre)]
    total = np.bincount(near, weight, minlength=len(centre))
    order = np.argsort(-total, kind="stable")[: int((total > 0).sum())]
    rank = np.zeros(len(centre), np.int64)
    rank[order] = np.arange(len(order))
    label = rank[near]
    middle = np.stack([np.bincount(label, weight * lab[:, k], minlength=len(order)) for k in range(3)], axis=1)
    return label, middle / np.maximum(total[order], 1e-300)[:, None]


def smoothed(
    label: NDArray, cost: NDArray, pairs: NDArray, length: NDArray, strength: float = 1.0
) -> NDArray[np.int64]:
    """Labels with short borders: each face weighs its own cost against its neighbours' labels (Besag's ICM, 1986).

    Parameters
    ----------
    label : (f,) int
    cost : (f, k) float
        Of each label at each face.
    pairs : (p, 2) int
        Faces that share an edge; `length` (p,) is its length.
    """
    faces, kinds = cost.shape
    a, b = pairs.T
    around = np.maximum(np.bincount(np.concatenate([a, b]), np.tile(length, 2), minlength=faces), 1e-300)
    result = np.asarray(label, np.int64)
    for turn in range(24):
        vote = np.bincount(
            np.concatenate([a * kinds + result[b], b * kinds + result[a]]), np.tile(length, 2), minlength=faces * kinds
        ).reshape(faces, kinds)
        total = cost + strength * (1 - vote / around[:, None])
        best = total.argmin(axis=1)
        rows = np.arange(faces)
        wants = total[rows, best] < total[rows, result] - 1e-9
        # by turns, so that two neighbours do not swap for ever
        wants &= (rows * np.int64(2654435761) >> 7) % 3 == turn % 3
        if not wants.any() and turn > 2:
            break
        result = np.where(wants, best, result)
    return result


def joined(label: NDArray, area: NDArray, pairs: NDArray, length: NDArray, least: float) -> NDArray[np.int64]:
    """Labels without crumbs: a patch of less than the share `least` of its group's surroundings takes the neighbours'.

    Patches that border on nothing stay.
    """
    result = np.asarray(label, np.int64)
    a, b = pairs.T
    kinds = int(result.max()) + 1
    for _ in range(16):
        same = result[a] == result[b]
        patch, count = components(pairs[same], len(result))
        size = np.bincount(patch, area, minlength=count)
        small = size < least * area.sum()
        one, two = patch[a[~same]], patch[b[~same]]
        edge = length[~same]
        side = np.concatenate([one, two])
        vote = np.bincount(
            side * kinds + np.concatenate([result[b[~same]], result[a[~same]]]), np.tile(edge, 2),
            minlength=count * kinds,
        ).reshape(count, kinds)  # fmt: skip
        # the smallest first: of two crumbs side by side only one moves
        lowest = np.full(count, np.inf)
        np.minimum.at(lowest, one, size[two])
        np.minimum.at(lowest, two, size[one])
        moves = small & (vote.max(axis=1) > 0) & (size <= lowest)
        if not moves.any():
            break
        result = np.where(moves[patch], vote.argmax(axis=1)[patch], result)
    return result


def _cells(lab: NDArray, weight: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(c, 3) mean colour of each cell that has any, and (c,) its share of the weight."""
    step = np.floor(lab / _CELL).astype(np.int64) + 512
    key = (step[:, 0] << 20) | (step[:, 1] << 10) | step[:, 2]
    _, cell = np.unique(key, return_inverse=True)
    total = np.bincount(cell.reshape(-1), weight)
    mean = np.stack([np.bincount(cell.reshape(-1), weight * lab[:, k]) for k in range(3)], axis=1)
    return mean / np.maximum(total, 1e-300)[:, None], total / max(float(total.sum()), 1e-300)


def _nearest(colours: NDArray, centre: NDArray) -> NDArray[np.int64]:
    best = np.full(len(colours), np.inf)
    label = np.zeros(len(colours), np.int64)
    for number, one in enumerate(centre):
        away = ((colours - one) ** 2).sum(axis=1)
        nearer = away < best
        best, label = np.where(nearer, away, best), np.where(nearer, number, label)
    return label


def _alike(centre: NDArray, cell: NDArray, share: NDArray, apart: float) -> NDArray[np.int64]:
    """(k,) which group each middle belongs to."""
    links = []
    for first in range(len(centre)):
        for second in range(first + 1, len(centre)):
            way = centre[second] - centre[first]
            far = float(np.linalg.norm(way))
            if far < apart or not _valley(centre[first], way, far, cell, share):
                links.append((first, second))
    pairs = np.array(links, np.int64).reshape(-1, 2)
    return np.asarray(components(pairs, len(centre))[0], np.int64)


def _valley(start: NDArray, way: NDArray, far: float, cell: NDArray, share: NDArray) -> bool:
    """Whether colours between two middles are rare: counted in steps along the line, within a cell of it."""
    along = (cell - start) @ way / far**2
    off = np.linalg.norm(cell - start - along[:, None] * way, axis=1)
    near = (off < 1.5 * _CELL) & (along > -0.5) & (along < 1.5)
    steps = max(round(far / _CELL), 3)
    place = np.floor((along[near] + 0.5) * steps).astype(np.int64).clip(0, 2 * steps - 1)
    many = np.bincount(place, share[near], minlength=2 * steps)
    half = steps // 2
    one, two = many[: half + (steps - half) // 2 + 1].max(), many[-(half + (steps - half) // 2 + 1) :].max()
    between = many[half + 1 : half + steps - 1]
    lowest = between.min() if len(between) else 0.0
    return bool(lowest < _VALLEY * min(one, two))
