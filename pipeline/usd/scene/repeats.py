# SPDX-License-Identifier: Apache-2.0
"""What PointInstancers repeat: prototypes, read once, and the instances of each instancer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pxr import UsdGeom

from pipeline.usd.scene.above import Above
from pipeline.usd.scene.instances import read_instances
from pipeline.usd.scene.model import InstanceGroup, Node, Prototype
from pipeline.usd.scene.swarms import swarm_samples

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import SceneReader

__all__ = ["Repeats"]


class Repeats:
    """The prototypes of one reading, by path and purpose."""

    def __init__(self, reader: SceneReader) -> None:
        self.reader = reader
        self._number: dict[tuple[str, str], int] = {}
        self._paths: list[str] = []
        self._nodes: list[list[Node] | None] = []

    def prototypes(self) -> tuple[Prototype, ...]:
        """All of them as they stand now, by number."""
        return tuple(Prototype(path, tuple(nodes or ())) for path, nodes in zip(self._paths, self._nodes, strict=True))

    def instancer(self, prim: Any, own: Above, index: int) -> InstanceGroup | None:
        """The instances of a PointInstancer; its prototypes are read first.

        Parameters
        ----------
        index
            Its node, whose instances may move; -1 inside of a prototype.
        """
        reader = self.reader
        instancer = UsdGeom.PointInstancer(prim)
        numbers = []
        for target in instancer.GetPrototypesRel().GetForwardedTargets():
            root = reader.stage.GetPrimAtPath(target)
            numbers.append(self._prototype(root, own) if root and root.IsActive() else -1)
            if numbers[-1] < 0:
                reader.report.lose(prim.GetPath(), "prototype", f"<{target}> is not there")
        samples = swarm_samples(prim)
        if samples and max(samples) > min(samples):
            if index >= 0 and reader.clips:
                reader.swarms[index] = prim
            else:
                reader.report.reduce(prim.GetPath(), "animated instances", "as at the time that was read")
        return read_instances(prim, reader.time, reader.space, tuple(numbers), reader.report)

    def _prototype(self, root: Any, own: Above) -> int:
        reader = self.reader
        key = (str(root.GetPath()), own.purpose)
        known = self._number.get(key)
        if known is not None:
            if self._nodes[known] is None:
                reader.report.lose(root.GetPath(), "point instancer", "it repeats itself")
                return -1
            return known
        number = self._number[key] = len(self._nodes)
        self._paths.append(key[0])
        self._nodes.append(None)
        nodes: list[Node] = []
        image = UsdGeom.Imageable(root)
        visible = not image or image.ComputeVisibility(reader.time) != "invisible"
        purpose = own.purpose if own.purpose != "default" or not image else str(image.ComputePurpose())
        reader.walk([root], nodes, Above(purpose=purpose, visible=visible), main=False)
        self._unreset(root, nodes)
        self._nodes[number] = nodes
        return number

    def _unreset(self, root: Any, nodes: list[Node]) -> None:
        """A prototype's prim that resets its transform counts from the prototype's parent."""
        if not any(n.parent < 0 for n in nodes[1:]):
            return
        cache = UsdGeom.XformCache(self.reader.time)
        parent = self.reader.space.matrices(np.array(cache.GetLocalToWorldTransform(root.GetParent())))
        back = np.linalg.inv(parent)
        for i, node in enumerate(nodes[1:], 1):
            if node.parent < 0:
                nodes[i] = replace(node, matrix=(np.eye(4) if node.matrix is None else node.matrix) @ back)
