# SPDX-License-Identifier: Apache-2.0
"""Closed shells with unfolded sides: what the kit builds with.

Every piece is one closed, outward wound shell of quads (a triangle has -1 as its fourth corner) whose corners
carry texture coordinates in metres, local to their island and of positive area, so that one texel density
holds for all and grain runs along u. Metres, Y up, right-handed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Look:
    """How a piece is painted: its material, sRGB tint in 0-1, and a pattern with a second tint.

    `stripe` is the width of a stripe in metres, `axis` the island axis the stripes are counted along.
    """

    material: str
    tint: tuple[float, float, float]
    pattern: str = "plain"
    second: tuple[float, float, float] = (1.0, 1.0, 1.0)
    stripe: float = 0.2
    axis: int = 0


@dataclass(frozen=True)
class Piece:
    """One closed shell.

    Attributes
    ----------
    points
        (n, 3) float64, metres.
    faces
        (f, 4) int64, counter-clockwise from outside; -1 in the last column makes a triangle.
    uv
        (f, 4, 2) float64, metres in the island, lower left corner at 0.
    island
        (f,) int64, 0 … k-1.
    """

    points: Floats
    faces: Ints
    uv: Floats
    island: Ints
    look: Look

    @property
    def triangles(self) -> int:
        """How many triangles the faces make."""
        return int(len(self.faces) + (self.faces[:, 3] >= 0).sum())

    def moved(self, offset: ArrayLike) -> Piece:
        """The piece shifted by (3,) metres."""
        return replace(self, points=self.points + np.asarray(offset, float))

    def turned(self, axis: str, degrees: float, about: ArrayLike = (0, 0, 0)) -> Piece:
        """The piece rotated counter-clockwise about x, y or z through the point `about`."""
        i = "xyz".index(axis)
        a, b = (i + 1) % 3, (i + 2) % 3
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        matrix = np.eye(3)
        matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
        pivot = np.asarray(about, float)
        return replace(self, points=(self.points - pivot) @ matrix.T + pivot)

    def stretched(self, factors: ArrayLike) -> Piece:
        """The piece scaled per axis by (3,) positive factors."""
        return replace(self, points=self.points * np.asarray(factors, float))

    def dyed(self, look: Look) -> Piece:
        """The same shell with another look."""
        return replace(self, look=look)


def _origin(uv: Floats, faces: Ints, island: Ints) -> Floats:
    """`uv` with the lower left corner of each island at 0, unused corners at 0."""
    used = faces >= 0
    low = np.full((int(island.max()) + 1, 2), np.inf)
    np.minimum.at(low, np.repeat(island, used.sum(1)), uv[used])
    return np.where(used[..., None], uv - low[island][:, None, :], 0.0)


def loft(rings: ArrayLike, look: Look) -> Piece:
    """A tube through rings, closed by two flat caps, unfolded as one island.

    Parameters
    ----------
    rings
        (m, k, 3), k even; each ring counter-clockwise about the direction from the first to the last.
        The caps hang on the edge between ring points 0 and 1.
    """
    r = np.asarray(rings, float)
    m, k, _ = r.shape
    index = np.arange(m * k).reshape(m, k)
    nxt = np.roll(index, -1, axis=1)
    side = np.stack([index[:-1], nxt[:-1], nxt[1:], index[1:]], -1).reshape(-1, 4)

    lengths = np.linalg.norm(np.roll(r, -1, axis=1) - r, axis=2)
    widest = lengths[np.argmax(lengths.sum(1))]
    v = np.concatenate([[0.0], np.cumsum(widest)])
    v = v[-1] - v
    u = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(r, axis=0), axis=2).mean(1))])
    u0, v0 = np.meshgrid(u[:-1], v[:-1], indexing="ij")
    u1, v1 = np.meshgrid(u[1:], v[1:], indexing="ij")
    side_uv = np.stack([np.stack(p, -1) for p in ((u0, v0), (u0, v1), (u1, v1), (u1, v0))], axis=2).reshape(-1, 4, 2)

    axis = r[-1].mean(0) - r[0].mean(0)
    axis /= np.linalg.norm(axis)
    order = np.roll(np.arange(k), 1)
    i = np.arange(k // 2 - 1)
    quads = np.stack([order[i], order[i + 1], order[k - 2 - i], order[k - 1 - i]], -1)

    def cap(ring: Floats, at: float, outward: float) -> Floats:
        edge = ring[1] - ring[0]
        scale = (v[0] - v[1]) / np.linalg.norm(edge)
        along = edge / np.linalg.norm(edge)
        inward = np.cross(axis, along)
        local = ring - ring[0]
        return np.stack([at + outward * (local @ inward), v[0] - scale * (local @ along)], -1)

    start, end = cap(r[0], 0.0, -1.0), cap(r[-1], u[-1], 1.0)
    flipped = quads[:, ::-1]
    faces = np.concatenate([side, index[0][flipped], index[-1][quads]])
    uv = np.concatenate([side_uv, start[flipped], end[quads]])
    island = np.zeros(len(faces), np.int64)
    return Piece(r.reshape(-1, 3), faces, _origin(uv, faces, island), island, look)


def revolve(profile: ArrayLike, segments: int, look: Look, equator: int | None = None) -> Piece:
    """A body of revolution about +Y.

    Parameters
    ----------
    profile
        (m, 2) radius and height in metres from the bottom up; the first and the last radius are 0.
    equator
        None unrolls the side as a strip (rows with radius 0 become two discs); a row number unfolds the
        halves below and above it as two discs by their length along the profile.
    """
    p = np.asarray(profile, float)
    inner = p[1:-1]
    m = len(inner)
    angle = np.arange(segments) * (2 * np.pi / segments)
    ring = np.stack([np.sin(angle), np.zeros(segments), np.cos(angle)], -1)
    points = np.concatenate(
        [
            (inner[:, 0, None, None] * ring + np.array([0, 1, 0]) * inner[:, 1, None, None]).reshape(-1, 3),
            [[0, p[0, 1], 0], [0, p[-1, 1], 0]],
        ]
    )
    index = np.arange(m * segments).reshape(m, segments)
    nxt = np.roll(index, -1, axis=1)
    side = np.stack([index[:-1], nxt[:-1], nxt[1:], index[1:]], -1).reshape(-1, 4)
    none = np.full(segments, -1)
    low = np.stack([np.full(segments, m * segments), nxt[0], index[0], none], -1)
    high = np.stack([np.full(segments, m * segments + 1), index[-1], nxt[-1], none], -1)
    faces = np.concatenate([side, low, high])
    row = np.repeat(np.arange(m - 1), segments)

    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    sweep = np.append(angle, 2 * np.pi)
    cell = np.tile(np.arange(segments), m - 1)

    def disc(length: Floats | float, at: Floats, flip: Floats | float) -> Floats:
        return np.stack([length * np.sin(at) * flip, -length * np.cos(at)], -1)

    if equator is None:
        girth = 2 * np.pi * inner[:, 0].mean()
        u, v = arc[1:-1] - arc[1], (1 - sweep / (2 * np.pi)) * girth
        strip = [(row, cell), (row, cell + 1), (row + 1, cell + 1), (row + 1, cell)]
        side_uv = np.stack([np.stack([u[i], v[j]], -1) for i, j in strip], axis=1)
        side_island = np.zeros(len(side), np.int64)
        bottom, top = 1, 2
    else:
        below = row + 1 < equator
        reach = np.where(below[:, None], arc[1:-1][np.stack([row, row, row + 1, row + 1], -1)], 0)
        back = arc[-1] - arc[1:-1][np.stack([row, row, row + 1, row + 1], -1)]
        length = np.where(below[:, None], reach, back)
        flip = np.where(below, -1.0, 1.0)[:, None]
        corners = np.stack([sweep[cell], sweep[cell + 1], sweep[cell + 1], sweep[cell]], -1)
        side_uv = disc(length, corners, flip)
        side_island = np.where(below, 0, 1)
        bottom, top = 0, 1
    zero = np.zeros((segments, 2))
    a, b = sweep[:-1], sweep[1:]
    first, last = arc[1], arc[-1] - arc[-2]
    low_uv = np.stack([zero, disc(first, b, -1.0), disc(first, a, -1.0), zero], 1)
    high_uv = np.stack([zero, disc(last, a, 1.0), disc(last, b, 1.0), zero], 1)
    uv = np.concatenate([side_uv, low_uv, high_uv])
    island = np.concatenate([side_island, np.full(segments, bottom), np.full(segments, top)])
    return Piece(points, faces, _origin(uv, faces, island), island, look)


def sheet(grid: ArrayLike, uv: ArrayLike, thickness: float, look: Look) -> Piece:
    """A cloth or board of even thickness over a grid of points; two islands, the rim hangs on the first.

    Parameters
    ----------
    grid
        (m, n, 3) middle surface; columns run along u, rows along v, so the upper side is along du x dv.
    uv
        (m, n, 2) metres.
    thickness
        metres, split to both sides.
    """
    g, t = np.asarray(grid, float), np.asarray(uv, float)
    m, n, _ = g.shape
    du, dv = np.gradient(g, axis=1), np.gradient(g, axis=0)
    normal = np.cross(du, dv)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    top, under = g + normal * (thickness / 2), g - normal * (thickness / 2)
    index = np.arange(m * n).reshape(m, n)
    quad = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    flat = t.reshape(-1, 2)
    mirrored = flat * [-1.0, 1.0]

    border: list[tuple[Ints, tuple[float, float]]] = [
        (index[0, ::-1], (0.0, -1.0)),
        (index[:, 0], (-1.0, 0.0)),
        (index[-1], (0.0, 1.0)),
        (index[::-1, -1], (1.0, 0.0)),
    ]
    rims, rim_uv = [], []
    count = m * n
    for loop, outward in border:
        a, b = loop[:-1], loop[1:]
        rims.append(np.stack([a, b, b + count, a + count], -1))
        out = np.array(outward) * thickness
        rim_uv.append(np.stack([flat[a], flat[b], flat[b] + out, flat[a] + out], 1))
    faces = np.concatenate([quad, quad[:, ::-1] + count, *rims])
    uvs = np.concatenate([flat[quad], mirrored[quad[:, ::-1]], *rim_uv])
    island = np.zeros(len(faces), np.int64)
    island[len(quad) : 2 * len(quad)] = 1
    points = np.concatenate([top.reshape(-1, 3), under.reshape(-1, 3)])
    return Piece(points, faces, _origin(uvs, faces, island), island, look)


def boulder(radius: Floats | float, n: int, look: Look, bump: Floats | None = None) -> Piece:
    """A ball made of six grids of n x n quads, for stones and foliage; six islands.

    Parameters
    ----------
    radius
        (3,) half axes in metres, or one number.
    bump
        (w, 4): waves as (x, y, z frequency, share of the radius), summed as sines over the unit ball.
    """
    s = np.tan(np.linspace(-np.pi / 4, np.pi / 4, n + 1))
    a, b = np.meshgrid(s, s)
    one = np.ones_like(a)
    sides = np.stack(
        [np.stack(p, -1) for p in ((a, b, one), (-a, b, -one), (one, b, -a), (-one, b, a), (a, one, -b), (a, -one, b))]
    )
    unit = sides / np.linalg.norm(sides, axis=3, keepdims=True)
    flat = unit.reshape(-1, 3)
    _, first, weld = np.unique(np.round(flat, 9), axis=0, return_index=True, return_inverse=True)
    ball = flat[first]
    factor = np.ones(len(ball))
    if bump is not None:
        factor += (np.sin(ball @ bump[:, :3].T + np.arange(len(bump))) * bump[:, 3]).sum(1)
    size = np.broadcast_to(np.asarray(radius, float), (3,))
    points = ball * factor[:, None] * size
    index = weld.reshape(6, n + 1, n + 1)
    faces = np.stack([index[:, :-1, :-1], index[:, :-1, 1:], index[:, 1:, 1:], index[:, 1:, :-1]], -1)
    faces = faces.reshape(-1, 4)
    angle = np.arctan(s) * float(size.mean()) * 1.1
    x, y = np.meshgrid(angle, angle)
    g = np.stack([x, y], -1)
    one_uv = np.stack([g[:-1, :-1], g[:-1, 1:], g[1:, 1:], g[1:, :-1]], -2).reshape(-1, 4, 2)
    uv = np.tile(one_uv, (6, 1, 1))
    island = np.repeat(np.arange(6), n * n)
    return Piece(points, faces, _origin(uv, faces, island), island, look)
