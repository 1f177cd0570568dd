# SPDX-License-Identifier: Apache-2.0
"""Winding: which faces look the other way than the shell they belong to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.edges import Edges
from pipeline.mesh.shells import Shells, components


def minority(shells: Shells, area: NDArray) -> NDArray[np.bool_]:
    """(m,) faces that must be turned so that every shell is wound one way, the smaller area of each shell.

    On a shell that has only one side (a Möbius strip) no choice serves; conflicts stay.

    Parameters
    ----------
    shells
        The mesh's shells.
    area : (m,) float
        Area of each face.
    """
    edges = shells.edges
    if not edges.conflicting.any():
        return np.zeros(len(edges.faces), bool)
    patch, count = _patches(edges)
    side = _two_sides(edges, patch, count)[patch]
    other = np.bincount(shells.label, area * side, minlength=shells.count)
    turn = other * 2 > np.bincount(shells.label, area, minlength=shells.count)
    return side ^ turn[shells.label]


def _patches(edges: Edges) -> tuple[NDArray[np.int32], int]:
    """Faces that hang together without a conflict."""
    return components(edges.paired[~edges.conflicting] // 3, len(edges.faces))


def _two_sides(edges: Edges, patch: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Colour patches so that patches in conflict differ, by the components of the double cover."""
    a, b = patch[edges.paired[edges.conflicting] // 3].T
    cover = np.concatenate([np.stack([a, b + count], 1), np.stack([a + count, b], 1)])
    label, _ = components(cover, 2 * count)
    # a patch is on the side of its component's first node: the smaller of its two labels' first member
    first = np.full(label.max() + 1, 2 * count)
    np.minimum.at(first, label, np.arange(2 * count))
    return first[label[:count]] > first[label[count:]]
