# SPDX-License-Identifier: Apache-2.0
"""Borders: the chains of open half-edges around holes and along the rims of sheets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.edges import Edges
from pipeline.mesh.shells import components


@dataclass(frozen=True)
class Loops:
    """Open borders of a mesh.

    Attributes
    ----------
    half : (b,) int32
        Open half-edges.
    label : (b,) int32
        The border each belongs to.
    count
        How many borders there are.
    length : (count,) float64
        Length of each border.
    """

    half: NDArray[np.int32]
    label: NDArray[np.int32]
    count: int
    length: NDArray[np.float64]


def loops(points: NDArray, edges: Edges, half: NDArray | None = None) -> Loops:
    """Borders of a mesh: open edges that hang together by their ends are one.

    Parameters
    ----------
    points : (n, 3) float
    edges
        Edges of the welded triangles.
    half : (b,) int32, optional
        Only these open half-edges; all of them where not given.
    """
    half = edges.open if half is None else np.asarray(half, np.int32)
    ends = edges.ends(half)
    used, compact = np.unique(ends, return_inverse=True)
    compact = compact.reshape(ends.shape)
    node, _ = components(compact, len(used))
    if len(half):
        kinds, label = np.unique(node[compact[:, 0]], return_inverse=True)
        count = len(kinds)
    else:
        label, count = np.zeros(0, np.int32), 0
    run = np.linalg.norm(points[ends[:, 1]].astype(np.float64) - points[ends[:, 0]], axis=1)
    return Loops(half, label.astype(np.int32), count, np.bincount(label, run, minlength=count).astype(np.float64))
