# SPDX-License-Identifier: Apache-2.0
"""From the scene's Y-up metres to the file's axes and unit; no node carries the conversion."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["FileSpace"]

Doubles = NDArray[np.float64]

#: Y up to Z up, row vectors: (x, y, z) becomes (x, -z, y)
_Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


@dataclass(frozen=True)
class FileSpace:
    """Axes and unit of a file.

    Attributes
    ----------
    unit
        Units of the file in a metre.
    up_axis
        Y (front +Z) or Z (front -Y), right-handed.
    turn
        `(3, 3)` rotation for row vectors, from Y-up to the file.
    """

    unit: float = 1.0
    up_axis: Literal["Y", "Z"] = "Y"
    turn: Doubles = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "turn", _Z_UP if self.up_axis == "Z" else np.eye(3))

    @property
    def same(self) -> bool:
        """Y-up metres, as the scene."""
        return self.unit == 1.0 and self.up_axis == "Y"

    def points(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Positions or offsets `(n, 3)` in the file's space; unchanged float32 where it is the scene's."""
        if self.same:
            return points
        moved = points.astype(np.float64) * self.unit
        return moved if self.up_axis == "Y" else moved @ self.turn

    def directions(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Directions `(n, 3)`."""
        return values if self.up_axis == "Y" else values @ self.turn

    def matrices(self, matrices: Doubles) -> Doubles:
        """Transforms `(..., 4, 4)` between spaces, local or world, as transforms between turned ones."""
        if self.same:
            return matrices
        result = matrices.copy()
        if self.up_axis != "Y":
            result[..., :3, :3] = self.turn.T @ matrices[..., :3, :3] @ self.turn
            result[..., 3, :3] = matrices[..., 3, :3] @ self.turn
        result[..., 3, :3] *= self.unit
        return result

    def axes(self, axes: Doubles) -> Doubles:
        """What stands before a turned node's transform so that `axes` still hold: `axes @ turn`."""
        result = axes.copy()
        result[:3, :3] = axes[:3, :3] @ self.turn
        return result
