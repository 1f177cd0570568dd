# SPDX-License-Identifier: Apache-2.0
"""Convex hulls for physics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency, RefineError
from pipeline.mesh.faces import diagonal

__all__ = ["Hull", "convex_hull", "decomposed", "hull_volume", "reduced"]

#: vertices of a hull, (k, 3), and its triangles, (t, 3), wound outward
Hull = tuple[NDArray[np.float64], NDArray[np.int32]]


def convex_hull(points: NDArray, most: int = 0) -> Hull:
    """The convex hull of points.

    Parameters
    ----------
    points : (n, 3) float
    most
        Vertices allowed; fewer by keeping those that reach furthest in evenly spread directions. 0: all.

    Raises
    ------
    RefineError
        The points lie in a plane.
    """
    from scipy.spatial import ConvexHull, QhullError

    places = np.asarray(points, np.float64)
    middle, size = places.mean(axis=0), max(diagonal(places), 1e-300)
    local = (places - middle) / size
    try:
        found = ConvexHull(local)
        if most and len(found.vertices) > most:
            found = ConvexHull(reduced(local[found.vertices], most))
    except QhullError as error:
        raise RefineError("the points lie in a plane and have no hull", remedy="use a box collider") from error
    used, faces = np.unique(found.simplices, return_inverse=True)
    corners = found.points[used]
    faces = faces.reshape(-1, 3)
    # qhull's triangles are not wound; its plane equations look outward
    a, b, c = (corners[faces[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), found.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return corners * size + middle, faces.astype(np.int32)


def reduced(corners: NDArray, most: int) -> NDArray:
    """(k, 3) at most `most` of a hull's corners: the furthest in directions spread by Fibonacci's spiral."""
    for share in (4, 3, 2, 1.5, 1):
        count = int(share * most)
        step = np.arange(count) + 0.5
        height = 1 - 2 * step / count
        angle = np.pi * (1 + 5**0.5) * step
        ring = np.sqrt(1 - height**2)
        directions = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
        chosen = np.unique((corners @ directions.T).argmax(axis=0))
        if len(chosen) <= most:
            break
    return np.asarray(corners[chosen])


def hull_volume(hull: Hull) -> float:
    """Volume of a hull."""
    points, faces = hull
    a, b, c = (points[faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def decomposed(points: NDArray, faces: NDArray, most: int, threshold: float, vertices: int) -> list[Hull]:
    """Convex pieces of a concave solid (CoACD, Wei et al. 2022, MIT).

    Parameters
    ----------
    most
        Pieces allowed.
    threshold
        Concavity that is accepted, 0.01 to 1.
    vertices
        Vertices of each piece.

    Raises
    ------
    MissingDependency
        coacd is not installed.
    """
    try:
        import coacd
    except ImportError as error:
        raise MissingDependency(
            "coacd is not installed", remedy="pip install 'sevengates[mesh]', or use mode=shells"
        ) from error
    coacd.set_log_level("error")
    pieces = coacd.run_coacd(
        coacd.Mesh(np.asarray(points, np.float64), np.asarray(faces, np.int32)),
        threshold=threshold,
        max_convex_hull=most,
        seed=1,
        preprocess_resolution=30,
        resolution=1000,
        mcts_iterations=60,
    )
    return [convex_hull(piece[0], vertices) for piece in pieces]
