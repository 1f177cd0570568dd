# SPDX-License-Identifier: Apache-2.0
"""Which object and which material covers how much of each pixel, by rays spread over it."""

from __future__ import annotations

import numpy as np

from pipeline.render.camera import Camera
from pipeline.render.cryptomatte import ranked
from pipeline.render.draft.looks import Looks
from pipeline.render.draft.tracing import Hits, World
from pipeline.render.drawing import Drawing
from pipeline.render.lamps import Array

#: rays along a pixel's side
_SIDE = 4
#: see-through surfaces that a ray passes
_LAYERS = 6
#: pixels that are traced at once
_CHUNK = 1 << 16


def mattes(world: World, drawing: Drawing, camera: Camera, width: int, height: int) -> dict[str, Array]:
    """Numbers and coverage ``(h, w, RANKS)`` of shapes and surfaces.

    A surface that light passes counts by its opacity, what stands behind it by the rest. A lens out of focus
    spreads the rays over its aperture.

    Returns
    -------
    dict
        ``shape.numbers``, ``shape.coverage``, ``surface.numbers``, ``surface.coverage``.
    """
    looks = Looks(drawing.surfaces, None)
    clear = np.array([s.see_through for s in drawing.surfaces] + [False])
    total = width * height
    parts: dict[str, list[Array]] = {}
    for start in range(0, total, _CHUNK):
        count = min(_CHUNK, total - start)
        pixels, origins, directions = _rays(camera, start, count, width, height)
        seen = _seen(world, looks, clear, origins, directions)
        for name, table in (("shape", world.shape), ("surface", world.surface)):
            rows, triangle, weight = seen
            found = ranked(pixels[rows], table[triangle], weight / _SIDE**2, count)
            for kind, values in zip(("numbers", "coverage"), found, strict=True):
                parts.setdefault(f"{name}.{kind}", []).append(values)
    return {name: np.concatenate(held).reshape(height, width, -1) for name, held in parts.items()}


def _rays(camera: Camera, start: int, count: int, width: int, height: int) -> tuple[Array, Array, Array]:
    """The pixel (from `start`), origin and direction of every ray: one in each cell of a grid, shifted inside of it."""
    rng = np.random.default_rng(start)
    cells = np.stack(np.meshgrid(np.arange(_SIDE), np.arange(_SIDE)), axis=-1).reshape(1, -1, 2)
    spread = (cells + rng.random((count, _SIDE**2, 2))) / _SIDE
    number = np.arange(start, start + count)
    corner = np.stack([number % width, number // width], axis=1)[:, None]
    lens = rng.random((count * _SIDE**2, 2)) if camera.lens_radius > 0 else None
    origins, directions = camera.rays((corner + spread).reshape(-1, 2), width, height, lens)
    return np.repeat(np.arange(count), _SIDE**2), origins, directions


def _seen(world: World, looks: Looks, clear: Array, origins: Array, directions: Array) -> tuple[Array, Array, Array]:
    """Ray, triangle and weight of all that is seen."""
    rays, triangles, weights = [], [], []
    live, through = np.arange(len(origins)), np.ones(len(origins), np.float32)
    for _ in range(_LAYERS):
        hits = world.hits(origins, directions)
        kept = np.flatnonzero(hits.found)
        # the floor is nobody's
        kept = kept[world.shape[hits.triangle[kept]] >= 0] if len(kept) else kept
        if not len(kept):
            break
        triangle = hits.triangle[kept]
        opacity = np.ones(len(kept), np.float32)
        part = np.flatnonzero(clear[world.surface[triangle]])
        inner = kept[part]
        own = Hits(
            np.ones(len(part), bool), triangle[part], hits.u[inner], hits.v[inner], hits.distance[inner]
        )  # fmt: skip
        if len(part):
            opacity[part] = looks.at(world, own, directions[inner]).opacity
        rays.append(live[kept])
        triangles.append(triangle)
        weights.append(through[kept] * opacity)
        on = part[opacity[part] < 0.999]
        if not len(on):
            break
        ahead = kept[on]
        away = hits.distance[ahead] + world.step * 2
        origins = origins[ahead] + directions[ahead] * away[:, None]
        directions, live = directions[ahead], live[ahead]
        through = through[ahead] * (1 - opacity[on])
    if not rays:
        empty = np.zeros(0, np.int32)
        return empty, empty, np.zeros(0, np.float32)
    return np.concatenate(rays), np.concatenate(triangles), np.concatenate(weights)
