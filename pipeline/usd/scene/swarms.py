# SPDX-License-Identifier: Apache-2.0
"""PointInstancers whose instances move: a node with a track for each instance, in place of arrays that stand still."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom

from pipeline.usd.scene.model import Doubles, InstanceGroup, Node, Scene, TransformTrack
from pipeline.usd.scene.report import BROKEN

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import SceneReader

__all__ = ["expand_swarms", "swarm_samples"]

_MOVING = ("positions", "orientations", "orientationsf", "scales", "velocities", "angularVelocities")
_CHANGING = ("protoIndices", "ids", "invisibleIds")
#: matrices of one instancer beyond which its instances stand still
_MOST = 200_000


def swarm_samples(prim: Any) -> list[float]:
    """Time codes at which something of an instancer's instances is sampled."""
    found: list[float] = []
    for name in (*_MOVING, *_CHANGING):
        attribute = prim.GetAttribute(name)
        if attribute:
            found += attribute.GetTimeSamples()
    return found


def expand_swarms(
    scene: Scene, reader: SceneReader, inside: Callable[[list[float]], Doubles], seconds: Callable[[Doubles], Doubles]
) -> tuple[Scene, dict[int, TransformTrack]]:
    """The scene with nodes in place of moving instances, and their tracks by node number.

    Parameters
    ----------
    inside
        From samples, the time codes inside of the range with both its ends.
    seconds
        Time codes to seconds from the range's start.
    """
    nodes = list(scene.nodes)
    tracks: dict[int, TransformTrack] = {}
    for number, prim in reader.swarms.items():
        group = nodes[number].instances
        if group is None:
            continue
        codes = inside(swarm_samples(prim))
        if _has_velocities(prim):  # between samples instances fly on, they do not go straight
            codes = np.unique(np.concatenate([codes, *(codes[:-1] + s * np.diff(codes) for s in (0.25, 0.5, 0.75))]))
        try:
            moved = _moved(prim, group, codes)
        except BROKEN:
            moved = None
        if moved is None:
            why = "instances come and go, or do not fit: as at the time that was read"
            reader.report.reduce(prim.GetPath(), "animated instances", why)
            continue
        if moved.size > 16 * _MOST:
            reader.report.reduce(prim.GetPath(), "animated instances", f"{moved.shape[1]} are too many to move each")
            continue
        nodes[number] = replace(nodes[number], instances=None)
        _add(nodes, tracks, number, group, scene, reader.space.matrices(moved), seconds(codes))
    return replace(scene, nodes=tuple(nodes)), tracks


def _has_velocities(prim: Any) -> bool:
    return any(
        attribute and attribute.HasAuthoredValue()
        for attribute in (prim.GetAttribute("velocities"), prim.GetAttribute("angularVelocities"))
    )


def _moved(prim: Any, group: InstanceGroup, codes: Doubles) -> Doubles | None:
    """Transforms `(k, n, 4, 4)` of a group's instances; None where they are not the same ones throughout."""
    instancer = UsdGeom.PointInstancer(prim)
    first: tuple[Any, Any] | None = None
    rows = []
    chosen: NDArray[np.int64] | None = None
    for code in codes.tolist():
        time = Usd.TimeCode(code)
        kinds = np.asarray(instancer.GetProtoIndicesAttr().Get(time) or (), np.int64)
        mask = np.asarray(instancer.ComputeMaskAtTime(time) or (), bool)
        if first is None:
            first = (kinds, mask)
            ids = instancer.GetIdsAttr().Get(time)
            numbers = np.asarray(ids, np.int64) if ids and len(ids) == len(kinds) else np.arange(len(kinds))
            chosen = np.flatnonzero(np.isin(numbers, group.ids))
        elif not (np.array_equal(first[0], kinds) and np.array_equal(first[1], mask)):
            return None
        found = instancer.ComputeInstanceTransformsAtTime(
            time, time, UsdGeom.PointInstancer.ExcludeProtoXform, UsdGeom.PointInstancer.IgnoreMask
        )
        matrices = np.asarray(found, np.float64)
        if chosen is None or len(matrices) != len(kinds) or len(chosen) != len(group.ids):
            return None
        rows.append(matrices[chosen])
    result = np.stack(rows)
    return result if np.isfinite(result).all() else None


def _add(
    nodes: list[Node],
    tracks: dict[int, TransformTrack],
    number: int,
    group: InstanceGroup,
    scene: Scene,
    moved: Doubles,
    times: Doubles,
) -> None:
    """Add a node for each instance with its prototype's nodes beneath it."""
    still = np.ptp(moved, axis=0).max(axis=(1, 2)) == 0
    for k, (kind, own) in enumerate(zip(group.prototype.tolist(), group.ids.tolist(), strict=True)):
        prototype = scene.prototypes[group.prototypes[kind]]
        if not prototype.nodes:
            continue
        name = f"{prototype.nodes[0].name}_{own}"
        path = f"{group.path}/{name}"
        root = len(nodes)
        nodes.append(Node(name, path, number, moved[0, k]))
        if not still[k]:
            tracks[root] = TransformTrack(times, moved[:, k])
        for node in prototype.nodes:
            parent = root if node.parent < 0 else root + 1 + node.parent
            below = path + node.path[len(prototype.path) :]
            lods = tuple(root + 1 + level for level in node.lods)
            nodes.append(replace(node, path=below, parent=parent, lods=lods))
