# SPDX-License-Identifier: Apache-2.0
"""Meshes of a million triangles that an inspection may meet, each a worst case of something."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh
from numpy.typing import NDArray

#: points (n, 3) float32, triangles (m, 3) int32, UVs (n, 2) float32
Arrays = tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]


def smooth(triangles: int) -> Arrays:
    """A closed bumpy sphere, its layout the two hemispheres side by side."""
    ball = trimesh.creation.icosphere(subdivisions=max(1, round(np.log(triangles / 20) / np.log(4))))
    v = np.asarray(ball.vertices)
    bumps = 1 + 0.05 * np.sin(9 * v[:, 0]) * np.cos(7 * v[:, 1]) * np.sin(5 * v[:, 2] + 1)
    uv = np.stack([v[:, 0] * 0.24 + np.where(v[:, 2] > 0, 0.25, 0.75), v[:, 1] * 0.48 + 0.5], 1)
    return (v * bumps[:, None]).astype(np.float32), np.asarray(ball.faces, np.int32), uv.astype(np.float32)


def shuffled(triangles: int) -> Arrays:
    """The same in random order: the caches' worst case."""
    points, faces, uv = smooth(triangles)
    random = np.random.default_rng(0)
    place = random.permutation(len(points)).astype(np.int32)
    return points[np.argsort(place)], place[faces][random.permutation(len(faces))], uv[np.argsort(place)]


def handles(triangles: int) -> Arrays:
    """A torus: Euler's number proves nothing about its vertices."""
    side = int(np.sqrt(triangles / 2))
    return _rolled(side, side, lambda u, v: (
        (1 + 0.3 * np.cos(v)) * np.cos(u), 0.3 * np.sin(v), (1 + 0.3 * np.cos(v)) * np.sin(u)
    ))  # fmt: skip


def slivers(triangles: int) -> Arrays:
    """A torus of needles two hundred times as long as wide."""
    short = max(int(np.sqrt(triangles / 400)), 8)
    return _rolled(short, triangles // 2 // short, lambda u, v: (
        (1 + 0.3 * np.cos(v)) * np.cos(u), 0.3 * np.sin(v), (1 + 0.3 * np.cos(v)) * np.sin(u)
    ))  # fmt: skip


def seams(triangles: int) -> Arrays:
    """Every triangle with points of its own, as files without indices have them."""
    points, faces, uv = smooth(triangles)
    flat = faces.reshape(-1)
    return points[flat], np.arange(len(flat), dtype=np.int32).reshape(-1, 3), uv[flat]


def crumbs(triangles: int) -> Arrays:
    """Five thousand noisy bodies in a cloud, many of them through each other."""
    random = np.random.default_rng(1)
    ball = trimesh.creation.icosphere(2)
    many = max(triangles // len(ball.faces), 1)
    noise = 1 + 0.2 * random.random((many, len(ball.vertices), 1))
    place = random.normal(size=(many, 1, 3))
    points = ball.vertices * noise * random.uniform(0.01, 0.06, (many, 1, 1)) + place
    faces = ball.faces + (np.arange(many) * len(ball.vertices))[:, None, None]
    return _with_uv(points.reshape(-1, 3), faces.reshape(-1, 3))


def soup(triangles: int) -> Arrays:
    """Triangles anywhere, none joined to another, crossing each other everywhere."""
    random = np.random.default_rng(2)
    corner = random.random((triangles, 1, 3))
    points = (corner + random.normal(0, 0.01, (triangles, 3, 3))).reshape(-1, 3)
    return _with_uv(points, np.arange(len(points)).reshape(-1, 3))


def plane(triangles: int) -> Arrays:
    """A flat sheet."""
    side = int(np.sqrt(triangles / 2))
    u, v = (a.reshape(-1) for a in np.meshgrid(*[np.linspace(0, 1, side + 1)] * 2))
    return _with_uv(np.stack([u, np.zeros_like(u), v], 1), _grid(side + 1, side + 1, False))


def layers(triangles: int) -> Arrays:
    """Flat sheets one on the other in the same plane, not in the same places: everything touches everything."""
    points, faces, _ = plane(max(triangles // 16, 2))
    random = np.random.default_rng(3)
    moved = [points + random.random(3) * [0.1, 0, 0.1] for _ in range(16)]
    return _with_uv(np.concatenate(moved), np.concatenate([faces + i * len(points) for i in range(16)]))


def stacked(triangles: int) -> Arrays:
    """The same few faces again and again in the same place."""
    ball = trimesh.creation.icosphere(2)
    many = max(triangles // len(ball.faces), 1)
    points = np.tile(ball.vertices, (many, 1))
    return _with_uv(points, np.concatenate([ball.faces + i * len(ball.vertices) for i in range(many)]))


def fan(triangles: int) -> Arrays:
    """One vertex in every face."""
    turn = np.linspace(0, 2 * np.pi, triangles, endpoint=False)
    rim = np.stack([np.cos(turn), 0.1 * np.sin(40 * turn), np.sin(turn)], 1)
    i = np.arange(triangles)
    return _with_uv(
        np.vstack([[0, 1, 0], rim]), np.stack([np.zeros(triangles, int), 1 + i, 1 + (i + 1) % triangles], 1)
    )


def through(triangles: int) -> Arrays:
    """Two bumpy spheres half through each other."""
    points, faces, uv = smooth(triangles // 2)
    return (
        np.concatenate([points, points + np.float32([0.7, 0.1, 0])]),
        np.concatenate([faces, faces + np.int32(len(points))]),
        np.concatenate([uv, uv]),
    )


def jittered(triangles: int) -> Arrays:
    """A double surface whose layers run through each other nearly everywhere."""
    points, faces, uv = smooth(triangles // 2)
    random = np.random.default_rng(4)
    two = [points + random.normal(0, 1e-3, points.shape).astype(np.float32) for _ in range(2)]
    return np.concatenate(two), np.concatenate([faces, faces + np.int32(len(points))]), np.concatenate([uv, uv])


def _grid(rows: int, columns: int, closed: bool) -> NDArray[np.int64]:
    i, j = (a.reshape(-1) for a in np.meshgrid(*(np.arange(n - (not closed)) for n in (rows, columns)), indexing="ij"))
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = (i + 1) % rows * columns + j, (i + 1) % rows * columns + (j + 1) % columns
    return np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])


def _rolled(rows: int, columns: int, place: Callable[..., tuple[NDArray, NDArray, NDArray]]) -> Arrays:
    u, v = np.meshgrid(np.arange(rows) / rows * 2 * np.pi, np.arange(columns) / columns * 2 * np.pi, indexing="ij")
    return _with_uv(np.stack(place(u.reshape(-1), v.reshape(-1)), 1), _grid(rows, columns, True))


def _with_uv(points: NDArray, faces: NDArray) -> Arrays:
    low, high = points.min(axis=0), points.max(axis=0)
    uv = (points - low)[:, [0, 2]] / np.maximum(high - low, 1e-9)[[0, 2]]
    return points.astype(np.float32), np.ascontiguousarray(faces, np.int32), uv.astype(np.float32)


KINDS: dict[str, Callable[[int], Arrays]] = {
    made.__name__: made
    for made in (
        smooth, shuffled, handles, seams, slivers, crumbs, soup, plane, layers, stacked, fan, through, jittered
    )
}  # fmt: skip
