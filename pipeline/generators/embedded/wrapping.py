# SPDX-License-Identifier: Apache-2.0
"""Unwrapping a single shell and painting it from pictures taken along the axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xatlas

from pipeline.generators.embedded.model import Mesh, Model, corner_normals
from pipeline.generators.embedded.paint import Surface
from pipeline.generators.embedded.pieces import Floats, Ints
from pipeline.generators.embedded.splatting import splat

Axes = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


def unwrap(points: Floats, faces: Ints) -> Floats:
    """(t, 3, 2) texture coordinates in 0-1 without overlap, all islands of positive area."""
    _, index, uv = xatlas.parametrize(points.astype(np.float32), faces.astype(np.uint32))
    corners = np.asarray(uv, np.float64)[np.asarray(index, np.int64)]
    edge = corners[:, 1:] - corners[:, :1]
    mirrored = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0] < 0
    return _unmirrored(corners, np.asarray(index, np.int64), mirrored)


def _unmirrored(corners: Floats, index: Ints, mirrored: np.ndarray) -> Floats:
    """Charts of negative area mirrored inside their own box."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = int(index.max()) + 1
    rows = index[:, [0, 1, 2]].reshape(-1)
    columns = index[:, [1, 2, 0]].reshape(-1)
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    chart = label[index[:, 0]]
    share = np.bincount(chart, mirrored, count) / np.maximum(np.bincount(chart, minlength=count), 1)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, np.repeat(chart, 3), corners[..., 0].reshape(-1))
    np.maximum.at(high, np.repeat(chart, 3), corners[..., 0].reshape(-1))
    flip = (share > 0.5)[chart][:, None]
    result = corners.copy()
    result[..., 0] = np.where(flip, (low + high)[chart][:, None] - corners[..., 0], corners[..., 0])
    return result


def project_colours(
    points: Floats,
    triangles: Ints,
    pictures: Mapping[str, Floats],
    views: Mapping[str, Axes],
    side: int,
    notes: Sequence[str],
) -> Model:
    """A one-material model whose albedo comes from orthographic pictures that fill the body's bounds.

    Each texel blends the views its normal faces, by the fourth power of the cosine; what no view faces takes
    the nearest blend.
    """
    faces = np.concatenate([triangles, np.full((len(triangles), 1), -1)], axis=1)
    uv = np.zeros((len(faces), 4, 2))
    uv[:, :3] = unwrap(points, triangles)
    normals = corner_normals(points, faces, 75.0)
    mesh = Mesh("body", "body", "body", points, faces, uv, normals)
    field = splat([mesh], side)
    normal, place, covered = field[..., :3], field[..., 3:6], field[..., 6] > 0
    low, high = points.min(0), points.max(0)
    relative = (place - low) / (high - low)
    total, weight = np.zeros((side, side, 3)), np.full((side, side, 1), 1e-9)
    for view, picture in pictures.items():
        right, up, eye = (np.asarray(a, float) for a in views[view])
        u = _signed(relative, right)
        v = _signed(relative, up)
        h, w = picture.shape[:2]
        column = np.clip((u * w).astype(int), 0, w - 1)
        row = np.clip(((1 - v) * h).astype(int), 0, h - 1)
        facing = np.clip(normal @ eye, 0.02, 1)[..., None] ** 4
        total += picture[row, column] * facing
        weight += facing
    colour = total / weight
    if not covered.all():
        from scipy.ndimage import distance_transform_edt

        _, near = distance_transform_edt(~covered, return_indices=True)
        colour = colour[near[0], near[1]]
    luminance = (colour @ np.array([0.2126, 0.7152, 0.0722]))[..., None]
    colour = np.clip(colour + np.clip(34 / 255 - luminance, 0, None), 0, 238 / 255)
    flat = np.zeros((side, side, 3), np.uint8)
    flat[:] = (128, 128, 255)
    surface = Surface(np.round(colour * 255).astype(np.uint8), flat, np.full((side, side), 190, np.uint8), 0.0)
    return Model((mesh,), {"body": surface}, tuple(notes))


def _signed(relative: Floats, axis: Floats) -> Floats:
    i = int(np.flatnonzero(axis)[0])
    values: Floats = relative[..., i] if axis[i] > 0 else 1 - relative[..., i]
    return values
