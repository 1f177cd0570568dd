# SPDX-License-Identifier: Apache-2.0
"""How much of an albedo is light: the part of its brightness that normal and occlusion explain.

Paint differs in hue, shading within one hue: brightness is compared only among samples of like chromaticity.
Second-order spherical harmonics hold all that diffuse light can do to a normal (Ramamoorthi and Hanrahan, An
efficient representation for irradiance environment maps, 2001).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.albedo import Albedo
from pipeline.checks.body import Body
from pipeline.mesh.directions import sphere

SAMPLES = 6000
RAYS = 24
#: brightness that varies less than this (standard deviation of the natural logarithm) carries no light
FLAT = 0.08


def explained_by_light(samples: Albedo, body: Body) -> float:
    """R2 of log albedo on nine spherical harmonics of the normal and on occlusion, adjusted for their number."""
    step = max(1, len(samples.face) // SAMPLES)
    face, places, colour = samples.face[::step], samples.places[::step], samples.srgb[::step]
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    bright = np.log(np.maximum(linear @ np.array([0.2126, 0.7152, 0.0722]), 1e-3))
    normal = body.normals(face)
    design = np.column_stack([_harmonics(normal), _openness(body, places, normal)])
    hue = _chromaticity(colour)
    _, group = np.unique(hue, return_inverse=True)
    many = np.bincount(group)
    kept = many[group] >= 40
    if kept.sum() < 400:
        return 0.0
    target = _centred(bright[kept, None], group[kept])[:, 0]
    if target.std() < FLAT:
        return 0.0
    inputs = _centred(design[kept], group[kept])
    answer, *_ = np.linalg.lstsq(inputs, target, rcond=1e-8)
    rest = target - inputs @ answer
    share = 1 - (rest @ rest) / (target @ target)
    freedom = len(target) - inputs.shape[1] - int((many >= 40).sum())
    return float(max(0.0, 1 - (1 - share) * len(target) / max(freedom, 1)))


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
    """(k,) a number for each hue: shares of red and green in steps of a sixteenth, saturation from grey on."""
    share = colour / np.maximum(colour.sum(axis=1, keepdims=True), 1e-6)
    cell = np.floor(share[:, :2] * 16 + 0.5).astype(np.int64)
    return np.where(colour.max(axis=1) > 0.03, cell[:, 0] * 64 + cell[:, 1], -1)


def _centred(values: NDArray, group: NDArray) -> NDArray[np.float64]:
    """Values without the mean of their group."""
    many = np.bincount(group)
    mean = np.stack([np.bincount(group, values[:, i]) for i in range(values.shape[1])], axis=1)
    result: NDArray[np.float64] = values - (mean / np.maximum(many, 1)[:, None])[group]
    return result
