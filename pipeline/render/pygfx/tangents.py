# SPDX-License-Identifier: Apache-2.0
"""Tangents of vertices, for pictures of normals: along rising u, with the side that v rises to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.render.drawing import Shape
from pipeline.render.lamps import Array
from pipeline.render.vectors import cross, dot, unit


def with_normals(shape: Shape) -> Shape:
    """A shape whose flat faces have corners of their own with the face's normal; others as they are."""
    if shape.normals is not None:
        return shape
    corners = shape.triangles.ravel()
    points = shape.points[corners]
    a, b, c = points[0::3], points[1::3], points[2::3]
    return replace(
        shape, points=points, normals=np.repeat(unit(cross(b - a, c - a)), 3, axis=0).astype(np.float32),
        triangles=np.arange(len(corners), dtype=np.int32).reshape(-1, 3),
        uvs={name: uv[corners] for name, uv in shape.uvs.items()},
        colour=None if shape.colour is None else shape.colour[corners],
        opacity=None if shape.opacity is None else shape.opacity[corners],
    )  # fmt: skip


def tangents(shape: Shape, st: Array) -> Array:
    """``(v, 4) float32``: unit tangent and the sign of the bitangent, for coordinates ``(v, 2)`` with v upwards."""
    assert shape.normals is not None
    faces, points = shape.triangles, shape.points
    a, b, c = (points[faces[:, k]] for k in range(3))
    d1, d2 = st[faces[:, 1]] - st[faces[:, 0]], st[faces[:, 2]] - st[faces[:, 0]]
    # times the area in the layout, so that large triangles count more
    along_u = (b - a) * d2[:, 1:] - (c - a) * d1[:, 1:]
    along_v = (c - a) * d1[:, :1] - (b - a) * d2[:, :1]
    turned = np.sign(d1[:, :1] * d2[:, 1:] - d2[:, :1] * d1[:, 1:])
    u, v = (_gathered(values * turned, faces, len(points)) for values in (along_u, along_v))
    normals = np.asarray(shape.normals, np.float64)
    tangent = unit(u - dot(u, normals)[:, None] * normals, np.roll(normals, 1, axis=1))
    side = np.where(dot(cross(normals, tangent), v) < 0, -1.0, 1.0)
    return np.concatenate([tangent, side[:, None]], axis=1).astype(np.float32)


def _gathered(values: Array, faces: Array, count: int) -> Array:
    corners = faces.ravel()
    spread = np.repeat(values, 3, axis=0)
    return np.stack([np.bincount(corners, spread[:, k], count) for k in range(3)], axis=1)
