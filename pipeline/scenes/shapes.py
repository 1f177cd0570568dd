# SPDX-License-Identifier: Apache-2.0
"""Shapes of blockouts: closed meshes in metres, Y up, standing on y = 0, their middle over the origin, front to +Z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UsageError

__all__ = ["SHAPES", "Opening", "Solid", "make_shape"]

ShapeName = Literal["box", "cylinder", "ramp", "stairs", "wall", "floor"]
SHAPES: tuple[ShapeName, ...] = ("box", "cylinder", "ramp", "stairs", "wall", "floor")
#: a comfortable step (rise) in metres: EN 16481 has 0.16 to 0.19
RISE = 0.175
SEGMENTS = 48

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Opening:
    """A door or window in a wall, in metres: its left edge from the wall's left end, its sill from the floor."""

    left: float
    sill: float
    width: float
    height: float


@dataclass(frozen=True)
class Solid:
    """A closed mesh.

    Attributes
    ----------
    points
        (n, 3) float64 metres.
    sizes
        (m,) corners of each face.
    corners
        Indices of points, face after face, counter-clockwise seen from outside.
    normals
        (corners, 3) where it is round; None where every face is flat.
    """

    points: Floats
    sizes: NDArray[np.int32]
    corners: NDArray[np.int32]
    normals: Floats | None = None

    def unwrapped(self) -> Floats:
        """(corners, 2) texture coordinates in metres: each face seen along the axis it faces most."""
        start = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        place = self.points[self.corners]
        a, b, c = place[start], place[start + 1], place[start + 2]
        axis = np.repeat(np.abs(np.cross(b - a, c - a)).argmax(1), self.sizes)
        u = np.where(axis == 0, place[:, 2], place[:, 0])
        v = np.where(axis == 1, place[:, 2], place[:, 1])
        return np.stack([u, v], axis=1)


def make_shape(
    shape: ShapeName,
    size: tuple[float, float, float],
    *,
    steps: int | None = None,
    openings: tuple[Opening, ...] = (),
) -> Solid:
    """A shape of a size.

    Parameters
    ----------
    size
        Width (x), height (y) and depth (z) in metres. A wall's depth is its thickness; a ramp and stairs rise from
        the front (+Z) to the back; the top of a floor is at y = 0.
    steps
        Of stairs; unless told, as many as are comfortable.
    openings
        Of a wall.

    Raises
    ------
    UsageError
        A size that is not positive, or an opening outside of its wall.
    """
    width, height, depth = size
    if not all(np.isfinite(size)) or min(size) <= 0:
        raise UsageError(f"{width:g}x{height:g}x{depth:g} m is no size", remedy="give three lengths above 0")
    if openings and shape != "wall":
        raise UsageError(f"a {shape} has no openings", remedy="make a wall")
    if shape == "cylinder":
        return _cylinder(width, height, depth)
    if shape == "ramp":
        return _prism(np.array([[-depth / 2, 0], [depth / 2, 0], [depth / 2, height]]), width)
    if shape == "stairs":
        count = steps or max(round(height / RISE), 1)
        if not 1 <= count <= 10_000:
            raise UsageError(f"{count} steps", remedy="give between 1 and 10,000")
        levels = np.arange(count)
        solid = levels[:, None] >= levels[None, :]  # column along the depth, row of height
        return _across(
            _grid(np.linspace(-depth / 2, depth / 2, count + 1), np.linspace(0, height, count + 1), solid, width)
        )
    if shape == "wall":
        return _wall(width, height, depth, openings)
    box = _grid(np.array([-width / 2, width / 2]), np.array([0.0, height]), np.ones((1, 1), bool), depth)
    return box if shape == "box" else Solid(box.points - [0, height, 0], box.sizes, box.corners)


def _wall(width: float, height: float, depth: float, openings: tuple[Opening, ...]) -> Solid:
    for one in openings:
        inside = one.left >= 0 and one.left + one.width <= width and one.sill >= 0 and one.sill + one.height < height
        if min(one.width, one.height) <= 0 or not inside:
            raise UsageError(
                f"an opening {one.width:g}x{one.height:g} m at {one.left:g}, {one.sill:g} is not inside a wall of "
                f"{width:g}x{height:g} m",
                remedy="make it smaller, or move it",
            )
    edges = [value for o in openings for value in (o.left, o.left + o.width)]
    rows = [value for o in openings for value in (o.sill, o.sill + o.height)]
    x, y = np.unique([0, *edges, width]), np.unique([0, *rows, height])
    across, up = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
    solid = np.ones((len(across), len(up)), bool)
    for o in openings:
        in_x, in_y = abs(across - o.left - o.width / 2) < o.width / 2, abs(up - o.sill - o.height / 2) < o.height / 2
        solid &= ~(in_x[:, None] & in_y[None, :])
    return _grid(x - width / 2, y, solid, depth)


def _grid(x: Floats, y: Floats, solid: NDArray[np.bool_], depth: float) -> Solid:
    """The solid cells (columns, rows) of a grid in x and y, made `depth` thick along z, without inner faces."""
    columns, rows = solid.shape
    numbers = np.arange((columns + 1) * (rows + 1)).reshape(columns + 1, rows + 1)
    flat = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    back = np.column_stack([flat, np.full(len(flat), -depth / 2)])
    front = np.column_stack([flat, np.full(len(flat), depth / 2)])
    far = len(flat)  # the front's points come after the back's
    i, j = np.nonzero(solid)
    a, b, c, d = numbers[i, j], numbers[i + 1, j], numbers[i + 1, j + 1], numbers[i, j + 1]
    faces = [np.column_stack([a, b, c, d]) + far, np.column_stack([a, d, c, b])]
    padded = np.pad(solid, 1)
    for shift, first, second in (((-1, 0), d, a), ((1, 0), b, c), ((0, -1), a, b), ((0, 1), c, d)):
        bare = ~padded[i + 1 + shift[0], j + 1 + shift[1]]
        p, q = first[bare], second[bare]
        faces.append(np.column_stack([p, p, q, q]) + np.array([far, 0, 0, far]))
    quads = np.concatenate(faces)
    return _compact(np.concatenate([back, front]), np.full(len(quads), 4), quads.ravel())


def _across(solid: Solid) -> Solid:
    """What was built along x turned to go along -z, its first column in front."""
    turned = solid.points[:, [2, 1, 0]] * np.array([1.0, 1.0, -1.0])
    return Solid(turned, solid.sizes, solid.corners)


def _prism(outline: Floats, width: float) -> Solid:
    """A convex outline in (-z, y), counter-clockwise, drawn along x."""
    n = len(outline)
    ends = [np.column_stack([np.full(n, x), outline[:, 1], -outline[:, 0]]) for x in (-width / 2, width / 2)]
    ring = np.arange(n)
    nxt = (ring + 1) % n
    sides = np.column_stack([ring + n, ring, nxt, nxt + n])
    corners = np.concatenate([ring[::-1], ring + n, sides.ravel()])
    return Solid(np.concatenate(ends), np.array([n, n, *([4] * n)], np.int32), np.asarray(corners, np.int32))


def _cylinder(width: float, height: float, depth: float) -> Solid:
    angle = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    ring = np.column_stack([np.sin(angle) * width / 2, np.zeros(SEGMENTS), np.cos(angle) * depth / 2])
    numbers = np.arange(SEGMENTS)
    nxt = (numbers + 1) % SEGMENTS
    sides = np.column_stack([numbers, nxt, nxt + SEGMENTS, numbers + SEGMENTS])
    corners = np.concatenate([numbers[::-1], numbers + SEGMENTS, sides.ravel()])
    sizes = np.array([SEGMENTS, SEGMENTS, *([4] * SEGMENTS)], np.int32)
    round_ = np.column_stack([np.sin(angle) / width, np.zeros(SEGMENTS), np.cos(angle) / depth])
    round_ /= np.linalg.norm(round_, axis=1, keepdims=True)
    flat = np.repeat([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]], SEGMENTS, axis=0)
    normals = np.concatenate([flat, round_[sides.ravel() % SEGMENTS]])
    return Solid(
        np.concatenate([ring, ring + np.array([0.0, height, 0.0])]), sizes, np.asarray(corners, np.int32), normals
    )


def _compact(points: Floats, sizes: NDArray[np.int64], corners: NDArray[np.int64]) -> Solid:
    """Without the points that no face uses."""
    used, numbers = np.unique(corners, return_inverse=True)
    return Solid(points[used], np.asarray(sizes, np.int32), np.asarray(numbers.ravel(), np.int32))
