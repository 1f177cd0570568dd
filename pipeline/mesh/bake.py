# SPDX-License-Identifier: Apache-2.0
"""From a surface to texels: where each texel lies, and the padding around.

Grids are `(side, side, …)` with row 0 at v = 0; pictures have their first row at the top, so flip before writing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.uvraster import covered

__all__ = ["Padding", "Texels", "dilated", "gathered", "texels"]


#: middles this near a triangle, texels, count as its own where nobody else covers them
_TOUCH = 1e-3


@dataclass(frozen=True, eq=False)
class Texels:
    """Texels that a layout covers, in the order of the triangles that cover them.

    Attributes
    ----------
    side
        Texels along the unit square.
    index : (k,) int64
        `row * side + column`.
    triangle : (k,) int
        Which triangle covers the texel.
    shared
        Texels of the unit square that more than one triangle covers.
    """

    side: int
    index: NDArray[np.int64]
    triangle: NDArray
    shared: int
    _cell: NDArray
    _planes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)

    def part(self, which: slice | NDArray) -> Texels:
        """Some of them."""
        return replace(
            self, index=self.index[which], triangle=self.triangle[which], _cell=self._cell[which], shared=0
        )  # fmt: skip

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """(k, 3) barycentric coordinates in the triangle."""
        plane = self._planes[self.triangle]
        x, y = self._cell[:, 0], self._cell[:, 1]
        result = np.empty((len(x), 3))
        for i in (0, 1):
            result[:, i + 1] = plane[:, 3 * i] * x + plane[:, 3 * i + 1] * y + plane[:, 3 * i + 2]
        np.clip(result[:, 1:], 0, 1, out=result[:, 1:])
        result[:, 0] = np.maximum(1 - result[:, 1] - result[:, 2], 0)
        return result

    def grid(self, values: NDArray, empty: float = 0.0) -> NDArray[np.float32]:
        """(side, side, c) values laid out; `empty` where no texel is."""
        flat = np.full((self.side * self.side, *values.shape[1:]), empty, np.float32)
        flat[self.index] = values
        return flat.reshape(self.side, self.side, *values.shape[1:])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(side, side) where texels are."""
        flat = np.zeros(self.side * self.side, bool)
        flat[self.index] = True
        return flat.reshape(self.side, self.side)


def texels(
    uv: NDArray, corners: NDArray, side: int, shift: tuple[float, float] = (0.0, 0.0), rank: NDArray | None = None
) -> Texels:
    """The texels of the unit square that triangles cover; UVs outside repeat into it.

    Parameters
    ----------
    uv : (k, 2) float, corners : (t, 3) int
    shift
        Where in each texel to look, in texels from its middle.
    rank : (t,) int, optional
        Where several triangles cover a texel, the one of the lowest rank has it; without it, the first.
    """
    moved = np.asarray(uv, np.float64) - np.array(shift) / side
    planes = _planes(moved * side - 0.5, corners)
    index, cell, owner = _cover(moved, corners, side)
    shared = int((np.bincount(index, minlength=side * side) > 1).sum())
    # middles on an edge belong to nobody by then: whoever touches them has them
    near, near_cell, toucher = _cover(moved, corners, side, -_TOUCH)
    held = np.full(side * side, -1, np.int32)
    held[index] = owner
    more = held[near] != toucher
    strict = len(index)
    index, cell = np.concatenate([index, near[more]]), np.concatenate([cell, near_cell[more]])
    owner = np.concatenate([owner, toucher[more]])
    worth = np.zeros(len(index), np.int64) if rank is None else 2 * np.asarray(rank, np.int64)[owner]
    worth[strict:] += 1
    order = np.argsort(worth, kind="stable")[::-1] if worth.any() else np.arange(len(index))[::-1]
    chosen = np.empty(side * side, np.int64)
    chosen[index[order]] = order  # the last one written is the best
    mine = chosen[index] == np.arange(len(index))
    return Texels(side, index[mine], owner[mine], shared, cell[mine], planes)


def _cover(uv: NDArray, corners: NDArray, side: int, *margin: float) -> tuple[NDArray, NDArray, NDArray]:
    """Index in the unit square, (k, 2) column and row, and triangle of everything covered."""
    columns, rows, owners = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for column, row, triangle in covered(uv, corners, side, *margin):
        columns.append(column.astype(np.int32))
        rows.append(row.astype(np.int32))
        owners.append(triangle.astype(np.int32))
    x, y, owner = (np.concatenate(parts) for parts in (columns, rows, owners))
    return (y % side).astype(np.int64) * side + x % side, np.stack([x, y], axis=1), owner


def _planes(place: NDArray, corners: NDArray) -> NDArray[np.float64]:
    """(t, 6) the second and third barycentric coordinate as `a x + b y + c` of the layout's texels."""
    a, b, c = (place[corners[:, i]] for i in range(3))
    u, v = b - a, c - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    inverse = 1 / np.where(area != 0, area, 1)
    one = np.stack([v[:, 1], -v[:, 0]], 1) * inverse[:, None]
    two = np.stack([-u[:, 1], u[:, 0]], 1) * inverse[:, None]
    return np.concatenate(
        [one, -np.einsum("ij,ij->i", one, a)[:, None], two, -np.einsum("ij,ij->i", two, a)[:, None]], axis=1
    )


def gathered(values: NDArray, found: Texels) -> NDArray:
    """(k, c) corner values (t, 3, c) at the texels."""
    result: NDArray = np.einsum("ki,kic->kc", found.weights.astype(values.dtype), values[found.triangle])
    return result


class Padding:
    """Texels outside a mask take the nearest inside, so that filtering finds no edge.

    Parameters
    ----------
    mask : (h, w) bool
    width
        How far, texels; 0 fills everything.
    """

    def __init__(self, mask: NDArray, width: int = 0) -> None:
        self.source: NDArray[np.int64] | None = None
        if mask.all() or not mask.any():
            return
        from scipy.ndimage import distance_transform_edt

        distance, (row, column) = distance_transform_edt(~mask, return_indices=True)
        near = (distance > 0) & ((distance <= width) if width else True)
        self.target = np.flatnonzero(near)
        self.source = row[near].astype(np.int64) * mask.shape[1] + column[near]

    def fill(self, grid: NDArray) -> NDArray:
        """The (h, w, …) grid with its padding."""
        if self.source is None:
            return grid
        flat = grid.reshape(grid.shape[0] * grid.shape[1], *grid.shape[2:]).copy()
        flat[self.target] = flat[self.source]
        return flat.reshape(grid.shape)


def dilated(grid: NDArray, mask: NDArray, padding: int = 0) -> NDArray:
    """A grid `(h, w, …)` with its padding: see `Padding`."""
    return Padding(mask, padding).fill(grid)
