# SPDX-License-Identifier: Apache-2.0
"""From the stage's units and up axis to Y-up metres.

The conversion goes into points, offsets and transforms themselves, so that no node of the result scales by 100
or turns by 90 degrees. With `p' = p @ C` a local transform M becomes `inverse(C) @ M @ C`; C is a rotation by
right angles times one number, so a scale stays a scale along the axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Doubles, Floats

__all__ = ["Space"]

#: row-vector rotations to Y up: for each target axis, the source axis and its sign
_AXES = {"Y": ((0, 1), (1, 1), (2, 1)), "Z": ((0, 1), (2, 1), (1, -1)), "X": ((1, -1), (0, 1), (2, 1))}


class Space:
    """One stage's conversion.

    Parameters
    ----------
    meters_per_unit
        The stage's.
    up_axis
        `Y`, `Z` or `X`.
    """

    def __init__(self, meters_per_unit: float = 1.0, up_axis: str = "Y") -> None:
        self.scale = float(meters_per_unit)
        up_axis = up_axis if up_axis in _AXES else "Y"  # a broken layer may say anything
        self.up_axis = up_axis
        self.order = [axis for axis, _ in _AXES[up_axis]]
        self.signs = np.array([sign for _, sign in _AXES[up_axis]], np.float32)
        self.turned = up_axis != "Y"
        rotation = np.zeros((4, 4))
        for target, (axis, sign) in enumerate(_AXES[up_axis]):
            rotation[axis, target] = sign
        rotation[3, 3] = 1.0
        #: (4, 4) the rotation alone
        self.rotation = rotation
        self.convert = rotation * np.array([self.scale] * 3 + [1.0])
        self.inverse = np.linalg.inv(self.convert)
        self.identity = not self.turned and self.scale == 1.0

    def points(self, values: Any) -> Floats:
        """Positions or offsets, `(…, 3)`, to metres with Y up; the input itself where nothing changes."""
        array: NDArray[Any] = np.asarray(values)
        if self.identity:
            return array if array.dtype == np.float32 else array.astype(np.float32)
        if not self.turned:
            return (array * np.float32(self.scale)).astype(np.float32, copy=False)
        out = np.empty(array.shape, np.float32)
        factors = self.signs * np.float32(self.scale)
        for target, axis in enumerate(self.order):
            np.multiply(array[..., axis], factors[target], out=out[..., target], casting="same_kind")
        return out

    def vectors(self, values: Any) -> Floats:
        """Directions, `(…, 3)`: turned, not scaled."""
        array: NDArray[Any] = np.asarray(values)
        if not self.turned:
            return array.astype(np.float32, copy=False)
        return np.asarray(array[..., self.order] * self.signs, np.float32)

    def scales(self, values: Any) -> Floats:
        """Scale factors along the axes, `(…, 3)`: the axes change places."""
        array: NDArray[Any] = np.asarray(values).astype(np.float32, copy=False)
        return array[..., self.order] if self.turned else array

    def quaternions(self, values: Any) -> Floats:
        """Rotations `(…, 4)` as `(x, y, z, w)`: the axis is turned."""
        array: NDArray[Any] = np.asarray(values).astype(np.float32, copy=False)
        if not self.turned:
            return array
        return np.concatenate([self.vectors(array[..., :3]), array[..., 3:]], axis=-1)

    def matrices(self, values: Any) -> Doubles:
        """Transforms `(…, 4, 4)` between converted spaces."""
        array: Doubles = np.array(values, dtype=np.float64)
        if self.identity:
            return array
        if not self.turned:
            array[..., 3, :3] *= self.scale
            return array
        return np.asarray(self.inverse @ array @ self.convert)
