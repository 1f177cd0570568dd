# SPDX-License-Identifier: Apache-2.0
"""Skin weights of one mesh as rows, in the order of the skeleton's joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, UsdGeom, UsdSkel, Vt

from pipeline.errors import RefineError
from pipeline.mesh.weights import limited
from pipeline.refiners.core import Part, Subject

__all__ = ["SkinRows"]


@dataclass
class SkinRows:
    """Joints and weights of each point.

    Attributes
    ----------
    part
        The mesh.
    joints : (n, k) int64, weights : (n, k) float64
        One row only where the mesh is bound rigidly. Influences that name no joint have weight 0 and joint 0.
    own
        The mesh's own list of joints (`skel:joints`), which the authored indices count in; empty where it has none.
    """

    part: Part
    joints: NDArray[np.int64]
    weights: NDArray[np.float64]
    own: list[str]
    changed: bool = False
    said: bool = False

    @classmethod
    def read(cls, part: Part, joints: Sequence[str]) -> SkinRows:
        """The rows of a bound mesh; `joints` are those of its skeleton as authored.

        Raises
        ------
        RefineError
            They do not fit its points.
        """
        found = []
        for name in ("skel:jointIndices", "skel:jointWeights"):
            primvar = part.mesh.primvars.get(name)
            if primvar is None:
                raise RefineError(
                    f"{name} is missing or does not fit the points", prim=part.path, remedy="bind it again"
                )
            width = primvar.width
            values = primvar.values if primvar.indices is None else primvar.rows()[primvar.indices].reshape(-1)
            found.append(values.reshape(-1, len(values) if primvar.interpolation == "constant" else width))
        index, weight = found[0].astype(np.int64), found[1].astype(np.float64)
        if index.shape != weight.shape:
            raise RefineError("joint indices and weights differ in number", prim=part.path, remedy="bind it again")
        own = [str(x) for x in UsdSkel.BindingAPI(part.prim).GetJointsAttr().Get() or ()]
        number = {joint: i for i, joint in reversed(list(enumerate(joints)))}
        table = np.array([number.get(j, -1) for j in own]) if own else np.arange(len(joints))
        table = table if len(table) else np.array([-1])
        known = (index >= 0) & (index < len(table))
        index = table[np.where(known, index, 0)]
        known &= index >= 0
        rows = cls(part, np.where(known, index, 0), np.where(known, weight, 0.0), own)
        rows.changed = bool((~known & (weight != 0)).any())
        return rows

    @property
    def rigid(self) -> bool:
        """One row moves the whole mesh."""
        return len(self.joints) == 1 and len(self.part.mesh.points) != 1

    def renumber(self, place: NDArray[np.integer]) -> None:
        """Joint j is now `place[j]`."""
        self.joints = place[self.joints].astype(np.int64)
        self.changed = True

    def renamed(self, names: dict[str, str]) -> None:
        """The joints of its own list have new names."""
        new = [names.get(j, j) for j in self.own]
        self.said = self.said or new != self.own
        self.own = new

    def take(self, joints: NDArray, weights: NDArray) -> int:
        """Other rows instead; returns how many points are moved differently."""
        count = int(max(self.joints.max(initial=0), joints.max(initial=0))) + 1
        gap = np.abs(_dense(self.joints, self.weights, count) - _dense(joints, weights, count)).max(axis=1)
        changed = int((gap > 1e-5).sum())
        if changed or joints.shape[1] < self.joints.shape[1]:
            self.joints, self.weights, self.changed = joints.astype(np.int64), weights.astype(np.float64), True
        return changed

    def place(self) -> NDArray[np.float64]:
        """(n, 3) the points in the skeleton's space, as they were bound."""
        bind = UsdSkel.BindingAPI(self.part.prim).GetGeomBindTransformAttr().Get()
        matrix = np.eye(4) if bind is None else np.array(bind, np.float64)
        return np.asarray(self.part.mesh.points @ matrix[:3, :3] + matrix[3, :3])

    def rescue(self) -> int:
        """Points that nothing moves follow their nearest neighbour; returns how many there were."""
        value = np.where(np.isfinite(self.weights) & (self.weights > 0), self.weights, 0)
        lost = value.sum(axis=1) <= 0
        if not lost.any():
            return 0
        self.weights = value
        if lost.all() or self.rigid:
            self.joints[lost], self.weights[lost, 0] = 0, 1.0
        else:
            from scipy.spatial import cKDTree

            points = self.part.mesh.points
            held = np.flatnonzero(~lost)
            near = held[cKDTree(points[held]).query(points[lost])[1]]
            self.joints[lost], self.weights[lost] = self.joints[near], value[near]
        self.changed = True
        return int(lost.sum())

    def limit(self, most: int) -> tuple[int, float]:
        """At most so many joints a point, rows that sum to one; returns how many points changed, and the most lost."""
        if self.joints.shape[1] <= most and self._sound():
            return 0, 0.0
        value = np.where(np.isfinite(self.weights) & (self.weights > 0), self.weights, 0)
        joints, weights = limited(self.joints, value, most)
        total = np.maximum(value.sum(axis=1), 1e-30)
        strongest = np.partition(_merged(self.joints, value), -min(most, value.shape[1]), axis=1)
        lost = 1 - strongest[:, -most:].sum(axis=1) / total
        return self.take(joints, weights), float(lost.max(initial=0))

    def _sound(self) -> bool:
        """Rows that sum to one, no weight negative, no joint named twice with a weight."""
        weights = self.weights
        if not np.isfinite(weights).all() or (weights < 0).any() or np.abs(weights.sum(axis=1) - 1).max() > 1e-5:
            return False
        order = np.sort(np.where(weights > 0, self.joints, -1 - np.arange(self.joints.shape[1])), axis=1)
        return bool(np.all(order[:, 1:] != order[:, :-1]))

    def write(self, subject: Subject) -> None:
        """Author what changed; indices count in the skeleton's joints afterwards."""
        binding = UsdSkel.BindingAPI(self.part.prim)
        if self.changed:
            api = UsdGeom.PrimvarsAPI(self.part.prim)
            width = self.joints.shape[1]
            over = UsdGeom.Tokens.constant if self.rigid else UsdGeom.Tokens.vertex
            index = api.CreatePrimvar("skel:jointIndices", Sdf.ValueTypeNames.IntArray, over, width)
            weight = api.CreatePrimvar("skel:jointWeights", Sdf.ValueTypeNames.FloatArray, over, width)
            for primvar in (index, weight):
                if primvar.IsIndexed():
                    primvar.BlockIndices()
            index.Set(Vt.IntArray.FromNumpy(np.ascontiguousarray(self.joints.reshape(-1), np.int32)))
            weight.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(self.weights.reshape(-1), np.float32)))
            if self.own:
                binding.GetJointsAttr().Block()
            subject.forget(self.part)
        elif self.said:
            binding.GetJointsAttr().Set(Vt.TokenArray(self.own))
            subject.changed = True


def _dense(joints: NDArray, weights: NDArray, count: int) -> NDArray[np.float64]:
    dense = np.zeros((len(joints), count))
    np.add.at(dense, (np.arange(len(joints))[:, None], joints), np.where(np.isfinite(weights), weights, 0))
    return dense


def _merged(joints: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """The weights with those of a joint that is named twice added to the first."""
    order = np.argsort(joints, axis=1, kind="stable")
    index, value = np.take_along_axis(joints, order, 1), np.take_along_axis(weights, order, 1)
    for column in range(index.shape[1] - 1, 0, -1):
        same = index[:, column] == index[:, column - 1]
        value[same, column - 1] += value[same, column]
        value[same, column] = 0
    return np.asarray(value)
