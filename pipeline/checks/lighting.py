# SPDX-License-Identifier: Apache-2.0
"""How much of an albedo is light: the part of its brightness that normal and occlusion foretell.

Paint differs in hue, shading within one hue: brightness is compared only among samples of like chromaticity.
Light falls alike on all of an object, paint does not: what was learned on one half of the surface (every other
body, or every other cell of space) must hold on the other. Second-order spherical harmonics hold all that diffuse
light can do to a normal (Ramamoorthi and Hanrahan, An efficient representation for irradiance environment maps,
2001).

Faint occlusion explains little of the brightness where paint is lively, and is there all the same: within one small
cell of space, one body and one hue, paint knows nothing of creases. So the slope of brightness on occlusion is measured
cell by cell, and how far the cells agree says how sure it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.albedo import Albedo
from pipeline.checks.body import Body
from pipeline.mesh.directions import sphere
from pipeline.mesh.distinct import distinct

SAMPLES = 14000
RAYS = 24
#: brightness that varies less than this (standard deviation of the natural logarithm) carries no light
FLAT = 0.08
#: from this many bodies on, halves are made of bodies; else of cells, so many along the longest side
BODIES, CELLS = 8, 8
#: cells along the longest side in which creases are compared with what lies beside them, and samples that one needs
SMALL, FEW = 10, 8
#: so many colours that cover this share of the surface are a palette: flat paint, not light
PALETTE, COVERED = 16, 0.8


@dataclass(frozen=True)
class Brightness:
    """Samples of an albedo with what light would depend on.

    Attributes
    ----------
    places, normal : (k, 3) float64
    log : (k,) float64
        Natural logarithm of luminance.
    hue, shell : (k,) int
        Chromaticity in steps, and the body each lies on.
    open : (k,) float64
        Logarithm of the share of the hemisphere that is free.
    """

    places: NDArray[np.float64]
    normal: NDArray[np.float64]
    log: NDArray[np.float64]
    hue: NDArray[np.int64]
    shell: NDArray[np.int32]
    open: NDArray[np.float64]


def brightness(samples: Albedo, body: Body) -> Brightness | None:
    """What is compared; None where the paint is a palette of few flat colours."""
    step = max(1, len(samples.face) // SAMPLES)
    face, places, colour = samples.face[::step], samples.places[::step], samples.srgb[::step]
    if _palette(colour):
        return None
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    bright = np.log(np.maximum(linear @ np.array([0.2126, 0.7152, 0.0722]), 1e-3))
    normal = body.normals(face)
    hue, shell = _chromaticity(colour), body.shell[face]
    return Brightness(places, normal, bright, hue, shell, _openness(body, places, normal))


def explained_by_light(found: Brightness) -> float:
    """R2 of log albedo on eight spherical harmonics of the normal and on occlusion, foretold for the other half."""
    half = _halves(found.places, found.shell)
    _, group = np.unique(found.hue * 2 + half, return_inverse=True)
    kept = np.bincount(group)[group] >= 30
    if kept.sum() < 400 or half[kept].all() or not half[kept].any():
        return 0.0
    target = _centred(found.log[kept, None], group[kept])[:, 0]
    if target.std() < FLAT:
        return 0.0
    design = np.column_stack([_harmonics(found.normal[kept]), found.open[kept]])
    inputs = _centred(design, group[kept])
    return float(np.clip(np.mean([_foretold(inputs, target, half[kept] == side) for side in (0, 1)]), 0, 1))


def occlusion_in_paint(found: Brightness) -> tuple[float, float]:
    """How strongly creases are darkened, and how sure that is.

    Returns
    -------
    strength
        Slope of log brightness on that of half ambient occlusion, `0.5 + 0.5 free`: 1 where it is painted in so.
    certainty
        The slope over its standard error, the cells of space taken as independent.
    """
    half = np.log(0.5 + 0.5 * np.exp(found.open))
    low = found.places.min(axis=0)
    size = max(float(np.ptp(found.places, axis=0).max()) / SMALL, 1e-30)
    x, y, z = (np.floor((found.places - low) / size).astype(np.int64).clip(0, SMALL)).T
    cell = (x * 64 + y) * 64 + z
    _, group = np.unique((cell << 32) + (found.shell.astype(np.int64) << 12) + found.hue, return_inverse=True)
    kept = np.bincount(group)[group] >= FEW
    if kept.sum() < 400:
        return 0.0, 0.0
    inputs = _centred(np.column_stack([half, found.log])[kept], group[kept])
    occlusion, bright = inputs.T
    _, block = np.unique(cell[kept], return_inverse=True)
    square = np.bincount(block, occlusion * occlusion)
    both = np.bincount(block, occlusion * bright)
    if square.sum() < 1e-4 * kept.sum() or len(square) < 10:  # nothing is occluded: no crease to compare
        return 0.0, 0.0
    strength = float(both.sum() / square.sum())
    error = float(np.sqrt(np.sum((both - strength * square) ** 2)) / square.sum())
    return strength, strength / max(error, 1e-12)


def _palette(colour: NDArray) -> bool:
    """Whether a few colours, each of one exact value, cover most of the surface."""
    code = (np.round(colour * 255).astype(np.int64) * np.array([1 << 16, 1 << 8, 1])).sum(axis=1)
    many = np.sort(np.bincount(np.searchsorted(distinct(code), code)))[::-1]
    return bool(many[:PALETTE].sum() >= COVERED * len(code))


def _foretold(inputs: NDArray, target: NDArray, known: NDArray[np.bool_]) -> float:
    """R2 on the unknown samples of what was fitted on the known ones, a little ridge against chance."""
    x, y = inputs[known], target[known]
    ridge = 1e-3 * len(x) * np.eye(x.shape[1])
    answer = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    rest = target[~known] - inputs[~known] @ answer
    return float(1 - (rest @ rest) / max(target[~known] @ target[~known], 1e-12))


def _halves(places: NDArray, shell: NDArray) -> NDArray[np.int64]:
    """(k,) 0 or 1: two halves of the surface that hold all directions, but not the same paint."""
    many = np.bincount(shell)
    if np.count_nonzero(many >= 0.01 * len(shell)) >= BODIES:
        rank = np.empty(len(many), np.int64)
        rank[np.argsort(-many)] = np.arange(len(many))
        result: NDArray[np.int64] = rank[shell] % 2
        return result
    low = places.min(axis=0)
    cell = np.floor((places - low) / max(float(np.ptp(places, axis=0).max()) / CELLS, 1e-30)).astype(np.int64)
    checker: NDArray[np.int64] = cell.sum(axis=1) % 2
    return checker


def _harmonics(n: NDArray) -> NDArray[np.float64]:
    """(k, 8) real spherical harmonics of first and second order, without their constants."""
    x, y, z = n.T
    return np.stack([x, y, z, x * y, y * z, x * z, 3 * y * y - 1, x * x - z * z], axis=1)


def _openness(body: Body, places: NDArray, normal: NDArray) -> NDArray[np.float64]:
    """(k,) share of the hemisphere above each place that is free, by cosine; within a quarter of the size."""
    free = np.zeros(len(places))
    total = np.zeros(len(places))
    lifted = places + normal * (1e-4 * body.size)
    for direction in sphere(RAYS):
        cosine = normal @ direction
        above = np.flatnonzero(cosine > 0)
        towards = np.broadcast_to(direction, (len(above), 3))
        blocked = body.rays.blocked(lifted[above], towards, 0.25 * body.size)
        total[above] += cosine[above]
        free[above] += cosine[above] * ~blocked
    return np.log(np.maximum(free / np.maximum(total, 1e-9), 0.05))


def _chromaticity(colour: NDArray) -> NDArray[np.int64]:
    """(k,) a number for each hue: shares of red and green in steps of a sixteenth, all near-black ones alike."""
    share = colour / np.maximum(colour.sum(axis=1, keepdims=True), 1e-6)
    cell = np.floor(share[:, :2] * 16 + 0.5).astype(np.int64)
    return np.where(colour.max(axis=1) > 0.03, cell[:, 0] * 64 + cell[:, 1], 2000)


def _centred(values: NDArray, group: NDArray) -> NDArray[np.float64]:
    """Values without the mean of their group."""
    many = np.bincount(group)
    mean = np.stack([np.bincount(group, values[:, i]) for i in range(values.shape[1])], axis=1)
    result: NDArray[np.float64] = values - (mean / np.maximum(many, 1)[:, None])[group]
    return result
