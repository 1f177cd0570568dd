# SPDX-License-Identifier: Apache-2.0
"""What moves: tracks by node, and the clips that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.arrays import Doubles, Floats

__all__ = ["Clip", "JointTrack", "TransformTrack", "VisibilityTrack", "WeightTrack"]


@dataclass(frozen=True, eq=False)
class TransformTrack:
    """A moving local transform: `times (k,) float64`, `matrices (k, 4, 4) float64`.

    The samples are dense enough that moving straight (and turning by slerp) between them stays within 0.05 % of
    the stage's size.
    """

    times: Doubles
    matrices: Doubles


@dataclass(frozen=True, eq=False)
class JointTrack:
    """Moving joints, each in its parent's space: `times (k,)`, `(k, j, 3)`, `(k, j, 4)`, `(k, j, 3) float32`."""

    times: Doubles
    translations: Floats
    rotations: Floats
    scales: Floats


@dataclass(frozen=True, eq=False)
class WeightTrack:
    """Blend shape weights: `times (k,)`, `weights (k, shapes) float32` in the order of `Mesh.blend_shapes`."""

    times: Doubles
    weights: Floats


@dataclass(frozen=True, eq=False)
class VisibilityTrack:
    """When a node and all beneath it show: `times (k,)`, `shown (k,) bool`, each held until the next."""

    times: Doubles
    shown: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Clip:
    """One take.

    Attributes
    ----------
    start, end
        Time codes of the stage; `seconds` is `(end - start) / time_codes_per_second`.
    transforms, weights, visibility
        By node number.
    joints
        By the number of the node that is the skeleton.
    """

    name: str
    start: float
    end: float
    time_codes_per_second: float
    transforms: Mapping[int, TransformTrack] = field(default_factory=dict)
    joints: Mapping[int, JointTrack] = field(default_factory=dict)
    weights: Mapping[int, WeightTrack] = field(default_factory=dict)
    visibility: Mapping[int, VisibilityTrack] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return (self.end - self.start) / self.time_codes_per_second
