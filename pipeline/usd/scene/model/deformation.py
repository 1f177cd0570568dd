# SPDX-License-Identifier: Apache-2.0
"""What deforms meshes: skeletons, skins, blend shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.usd.scene.arrays import Doubles, Floats, Ints

__all__ = ["BlendShape", "Shape", "Skeleton", "Skin"]


@dataclass(frozen=True, eq=False)
class Skin:
    """Which joints move which points.

    Attributes
    ----------
    joints
        `(n, k) int32` into the skeleton's joints; k is as authored and may be any number.
    weights
        `(n, k) float32`; each row sums to one, or to zero where nothing moves the point.
    bind
        `(4, 4)` the mesh's geomBindTransform: mesh space to skeleton space when bound.
    method
        `classicLinear` or `dualQuaternion`.
    rigid
        One set of influences moves the whole mesh.
    """

    joints: Ints
    weights: Floats
    bind: Doubles
    method: str = "classicLinear"
    rigid: bool = False


@dataclass(frozen=True, eq=False)
class Shape:
    """Sparse offsets from the mesh's points: `points[indices] += weight * offsets`.

    Attributes
    ----------
    weight
        The blend shape's weight at which these offsets count in full (1 for the shape itself).
    indices
        `(m,) int32` into the points; None where there is one offset a point.
    offsets, normal_offsets
        `(m, 3) float32`, metres.
    """

    weight: float
    indices: Ints | None
    offsets: Floats
    normal_offsets: Floats | None = None

    def dense(self, count: int) -> Floats:
        """The offsets of all points, `(count, 3) float32`."""
        result = np.zeros((count, 3), np.float32)
        if self.indices is None:
            result[: len(self.offsets)] = self.offsets[:count]
        else:
            result[self.indices] = self.offsets
        return result


@dataclass(frozen=True, eq=False)
class BlendShape:
    """A named shape with its in-betweens.

    Attributes
    ----------
    shapes
        By rising weight; in-betweens and the shape itself, whose weight is 1.
    """

    name: str
    path: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joints, parents first.

    Attributes
    ----------
    joints
        The joints' paths inside the skeleton: `Root/Hip/Leg`.
    names
        jointNames, or the last elements of the paths; unique.
    parents
        `(j,) int32`, -1 for a root.
    bind
        `(j, 4, 4)` bind pose in skeleton space.
    rest
        `(j, 4, 4)` rest pose, each joint in its parent's space.
    pose
        `(j, 4, 4)` the pose at the time that was read, each joint in its parent's space.
    """

    name: str
    path: str
    joints: tuple[str, ...]
    names: tuple[str, ...]
    parents: Ints
    bind: Doubles
    rest: Doubles
    pose: Doubles
