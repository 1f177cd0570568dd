# SPDX-License-Identifier: Apache-2.0
"""Sockets: empty transforms whose name begins as a target says, where things are attached in the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.usd.scene.model import Doubles, Scene
from pipeline.usd.scene.report import Report

__all__ = ["Socket", "sockets"]


@dataclass(frozen=True, eq=False)
class Socket:
    """One socket: the node of the mesh that it belongs to, its `(4, 4)` transform beneath it, its name."""

    owner: int
    matrix: Doubles
    name: str


def sockets(scene: Scene, prefix: str, report: Report) -> dict[int, Socket]:
    """The sockets of a scene by node number; empty where there is no prefix.

    Engines take sockets from beneath a mesh: one that stands beside a mesh moves under it. One with no mesh beside or
    above it stays an empty node and is reported.
    """
    if not prefix:
        return {}
    nodes, world = scene.nodes, scene.world_matrices
    parents = {n.parent for n in nodes}
    found: dict[int, Socket] = {}
    for i, node in enumerate(nodes):
        says = node.mesh, node.camera, node.light, node.instances, node.skeleton
        if i in parents or not node.name.lower().startswith(prefix.lower()) or any(x is not None for x in says):
            continue
        owner = node.parent
        if owner < 0 or nodes[owner].mesh is None:
            beside = [k for k, n in enumerate(nodes) if n.parent == node.parent and n.mesh is not None and not n.lod]
            if not beside:
                report.lose(node.path, "socket", "there is no mesh beside or above it; an empty node it is")
                continue
            owner = beside[0]
        local = world[i] @ np.linalg.pinv(world[owner])
        found[i] = Socket(owner, local, prefix + node.name[len(prefix) :])
    return found
