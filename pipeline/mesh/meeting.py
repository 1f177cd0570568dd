# SPDX-License-Identifier: Apache-2.0
"""Meshes that close each other: halves of a body, panels that meet edge to edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.topology import NEAR
from pipeline.mesh.weld import weld

__all__ = ["closed_by_others"]


def closed_by_others(rims: list[NDArray[np.float64]]) -> dict[int, NDArray[np.bool_]]:
    """For each mesh, which of its open edges coincide with open edges of exactly one other mesh.

    Parameters
    ----------
    rims : each (h, 2, 3) float
        Both ends of a mesh's open edges, all meshes in one space.
    """
    if not sum(map(len, rims)):
        return {}
    places = np.concatenate([np.asarray(r, np.float64).reshape(-1, 2, 3) for r in rims])
    whose = np.repeat(np.arange(len(rims)), [len(r) for r in rims])
    size = float(np.linalg.norm(np.ptp(places.reshape(-1, 3), axis=0)))
    vertex = weld(places.reshape(-1, 3), NEAR * size).index.reshape(-1, 2).astype(np.int64)
    low, high = vertex.min(axis=1), vertex.max(axis=1)
    key = low * (int(vertex.max()) + 1) + high
    _, edge, many = np.unique(key, return_inverse=True, return_counts=True)
    edge = edge.reshape(-1)
    order = np.argsort(edge, kind="stable")
    start = np.cumsum(many) - many
    differs = np.zeros(len(many), bool)
    pair = many == 2
    differs[pair] = whose[order[start[pair]]] != whose[order[start[pair] + 1]]
    closed = differs[edge]
    return {n: closed[whose == n] for n in range(len(rims)) if len(rims[n])}
