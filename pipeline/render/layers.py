# SPDX-License-Identifier: Apache-2.0
"""Depth, normals and ids through the middle of every pixel."""

from __future__ import annotations

import numpy as np

from pipeline.render.camera import Camera
from pipeline.render.draft.tracing import Hits, World
from pipeline.render.drawing import Drawing
from pipeline.render.lamps import Array
from pipeline.render.mattes import mattes
from pipeline.render.vectors import dot, unit


def centres(width: int, height: int) -> Array:
    """``(h * w, 2)`` pixel middles, rows from the top."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def raster(
    world: World, hits: Hits, normals: Array, camera: Camera, directions: Array, shape: tuple[int, int]
) -> dict[str, Array]:
    """Layers of rays whose hits are known: metres along the view, world normals, numbers (-1: nothing)."""
    height, width = shape
    depth = np.where(hits.found, hits.distance * (directions @ -camera.axes[2]), np.inf).astype(np.float32)
    own = np.where(hits.found, world.shape[hits.triangle], -1) if len(world.shape) else np.full(len(depth), -1)
    look = np.where(hits.found, world.surface[hits.triangle], -1) if len(world.shape) else own
    look = np.where(look == world.floor_surface, -1, look)
    return {
        "depth": depth.reshape(height, width),
        "normal": normals.reshape(height, width, 3),
        "shape": own.reshape(height, width),
        "surface": look.reshape(height, width),
    }


def traced_layers(world: World, drawing: Drawing, camera: Camera, width: int, height: int) -> dict[str, Array]:
    """The layers of a picture with its mattes, traced anew; normals without normal maps."""
    origins, directions = camera.rays(centres(width, height), width, height)
    hits = world.hits(origins, directions)
    normals = np.zeros((len(origins), 3), np.float32)
    rows = np.flatnonzero(hits.found)
    corners = world.triangles[hits.triangle[rows]]
    a, b, c = (world.points[corners[:, k]] for k in range(3))
    face = unit(np.cross(b - a, c - a))
    weights = np.stack([1 - hits.u - hits.v, hits.u, hits.v], axis=1)[rows]
    smooth = unit(np.einsum("nk,nkj->nj", weights, world.normals[corners]), face)
    shown = np.where(world.faceted[hits.triangle[rows]][:, None], face, smooth)
    normals[rows] = np.where((dot(face, directions[rows]) > 0)[:, None], -shown, shown)
    plain = raster(world, hits, normals, camera, directions, (height, width))
    return plain | mattes(world, drawing, camera, width, height)
