# SPDX-License-Identifier: Apache-2.0
"""Convex hulls for physics: few corners, and nothing of what they stand for outside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency, RefineError
from pipeline.mesh.faces import diagonal

__all__ = ["Hull", "convex_hull", "covering", "decomposed", "hull_volume", "outside", "reduced"]

#: vertices of a hull, (k, 3), and its triangles, (t, 3), wound outward
Hull = tuple[NDArray[np.float64], NDArray[np.int32]]

#: points whose distances to planes are computed at once
_CHUNK = 1 << 15


def convex_hull(points: NDArray, most: int = 0) -> Hull:
    """The convex hull of points; with fewer corners it is a little larger, so that no point is outside.

    Parameters
    ----------
    points : (n, 3) float
    most
        Vertices allowed. 0: all.

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
            corners = local[found.vertices]
            ways = (_grown(way(corners, most), corners) for way in (reduced, _spread))
            found = min((ConvexHull(way) for way in ways), key=lambda hull: float(hull.volume))
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
    """(k, 3) at most `most` of a hull's corners: again and again those farthest outside of the others' hull."""
    from scipy.spatial import ConvexHull

    spread = np.concatenate([np.eye(3), [[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]]])
    heights = corners @ spread.T
    chosen = np.unique(np.concatenate([heights.argmin(axis=0), heights.argmax(axis=0)]))[:most]
    while len(chosen) < most:
        planes = ConvexHull(corners[chosen]).equations
        distance = corners @ planes[:, :3].T + planes[:, 3]
        own = distance.max(axis=1)
        # the outermost of the planes that are passed most, a few at a time
        leading = distance.argmax(axis=0)
        order = leading[np.argsort(-own[leading], kind="stable")]
        more = order[np.sort(np.unique(order, return_index=True)[1])]
        more = more[own[more] > 1e-9][: min(8, most - len(chosen))]
        if not len(more):
            break
        chosen = np.union1d(chosen, more)
    return np.asarray(corners[chosen])


def _spread(corners: NDArray, most: int) -> NDArray:
    """(k, 3) at most `most` of a hull's corners: the furthest in directions spread by Fibonacci's spiral."""
    for share in (4, 3, 2, 1.5, 1):
        count = int(share * most)
        height = 1 - 2 * (np.arange(count) + 0.5) / count
        angle = np.pi * (1 + 5**0.5) * (np.arange(count) + 0.5)
        ring = np.sqrt(1 - height**2)
        directions = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
        chosen = np.unique((corners @ directions.T).argmax(axis=0))
        if len(chosen) <= most:
            break
    return np.asarray(corners[chosen])


def _grown(corners: NDArray, points: NDArray) -> NDArray:
    """The corners moved away from their middle until no point is outside of their hull, in shares of their box."""
    from scipy.spatial import ConvexHull

    low, high = corners.min(axis=0), corners.max(axis=0)
    side = np.where(high > low, high - low, 1.0)
    middle = (low + high) / 2
    shape, inside = (corners - middle) / side, (points - middle) / side
    planes = ConvexHull(shape).equations
    # a plane n x + d = 0 about the middle reaches the point p when it is moved out by n p / -d
    reach = (inside @ planes[:, :3].T / np.maximum(-planes[:, 3], 1e-9)).max()
    return np.asarray(shape * max(float(reach), 1.0) * (1 + 1e-9) * side + middle)


def outside(points: NDArray, hulls: list[Hull]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """How far points lie outside of every hull, (n,), negative inside, and which hull is nearest, (n,).

    The distance is to the farthest plane that is passed: the true distance or less.
    """
    gap = np.full(len(points), np.inf)
    which = np.zeros(len(points), np.int32)
    for number, (corners, faces) in enumerate(hulls):
        a, b, c = (corners[faces[:, i]] for i in range(3))
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal, axis=1)
        flat = length < 1e-12 * max(float(length.max(initial=0)), 1e-300)
        normal, a = normal[~flat] / length[~flat, None], a[~flat]
        height = np.einsum("ij,ij->i", normal, a)
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            distance = (points[part] @ normal.T - height).max(axis=1)
            nearer = distance < gap[part]
            which[part][nearer] = number
            gap[part] = np.where(nearer, distance, gap[part])
    return gap, which


def covering(hulls: list[Hull], points: NDArray, most: int) -> list[Hull]:
    """Hulls that hold all points: one that is outside of every hull is taken into the nearest.

    Parameters
    ----------
    points : (n, 3) float
        Of the surface that the hulls stand for.
    most
        Vertices of one hull.
    """
    if not hulls:
        return hulls
    gap, which = outside(points, hulls)
    out = gap > 1e-7 * max(diagonal(points), 1e-300)
    result = list(hulls)
    for number in np.unique(which[out]).tolist():
        more = points[out & (which == number)]
        result[number] = convex_hull(np.concatenate([hulls[number][0], more]), most)
    return result


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
            "coacd is not installed", remedy="pip install 'sevengates[mesh]', or leave cutter=gates"
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
