# SPDX-License-Identifier: Apache-2.0
"""Main colours of pictures (k-means in CIE Lab), and how far two palettes lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.references.foreground import background
from pipeline.references.pictures import Floats, read_picture
from pipeline.usd.colour import ciede2000, lab_of_srgb


@dataclass(frozen=True)
class Palette:
    """Colours with their shares, largest first: `rgb` (k, 3) sRGB in 0-1, `share` (k,)."""

    rgb: Floats
    share: Floats

    def codes(self) -> list[str]:
        """`#rrggbb` of each."""
        return ["#{:02x}{:02x}{:02x}".format(*np.round(c * 255).astype(int)) for c in self.rgb]


def extract(paths: Sequence[Path], colours: int = 8) -> Palette:
    """The main colours of pictures, their background left out; deterministic."""
    pixels = []
    for path in paths:
        colour, alpha = read_picture(path)
        keep = ~background(colour, alpha)
        pixels.append(colour[keep] if keep.any() else colour.reshape(-1, 3))
    return clustered(np.concatenate(pixels), colours)


def clustered(rgb: Floats, colours: int = 8) -> Palette:
    """The main colours of pixels (n, 3), sRGB in 0-1: k-means in Lab, started from the farthest points."""
    values = lab_of_srgb(rgb)
    centre = [values[np.argmin(np.linalg.norm(values - values.mean(0), axis=1))]]
    distance = np.linalg.norm(values - centre[0], axis=1)
    for _ in range(min(colours, len(np.unique(np.round(values), axis=0))) - 1):
        # the 99th percentile instead of the farthest point: one stray pixel is no colour
        pick = np.argsort(distance)[int(0.99 * (len(distance) - 1))]
        centre.append(values[pick])
        distance = np.minimum(distance, np.linalg.norm(values - values[pick], axis=1))
    means = np.array(centre)
    label = np.zeros(len(values), int)
    for _ in range(20):
        label = np.argmin(((values[:, None] - means[None]) ** 2).sum(2), axis=1)
        count = np.bincount(label, minlength=len(means))
        total = np.stack([np.bincount(label, values[:, i], len(means)) for i in range(3)], -1)
        moved = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], means)
        if np.allclose(moved, means, atol=1e-3):
            break
        means = moved
    count = np.bincount(label, minlength=len(means))
    mean_rgb = np.stack([np.bincount(label, rgb[:, i], len(means)) for i in range(3)], -1)
    order = np.argsort(-count, kind="stable")
    order = order[count[order] > 0]
    return Palette(mean_rgb[order] / count[order][:, None], count[order] / count.sum())


def palette_of(path: Path, colours: int = 6) -> list[tuple[float, float, float]]:
    """The main colours of one picture, largest share first, sRGB in 0-1."""
    return [(float(r), float(g), float(b)) for r, g, b in extract([path], colours).rgb]


def difference(one: Palette, other: Palette) -> float:
    """Earth mover's distance of two palettes: the mean CIEDE2000 by which one has to be repainted into the other.

    Shares are moved, colours are the ground distance (Rubner, Tomasi, Guibas, "The Earth Mover's Distance as a Metric
    for Image Retrieval", 2000); the transport is solved exactly.
    """
    from scipy.optimize import linprog

    cost = ciede2000(lab_of_srgb(one.rgb)[:, None], lab_of_srgb(other.rgb)[None])
    rows, columns = cost.shape
    leaves = np.kron(np.eye(rows), np.ones(columns))
    arrives = np.kron(np.ones(rows), np.eye(columns))
    # one of the equations follows from the others
    equations = np.concatenate([leaves, arrives])[:-1]
    amounts = np.concatenate([one.share / one.share.sum(), other.share / other.share.sum()])[:-1]
    solved = linprog(cost.reshape(-1), A_eq=equations, b_eq=amounts, bounds=(0, None), method="highs")
    return float(solved.fun) if solved.success else float(cost.max())
