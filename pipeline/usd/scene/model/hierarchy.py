# SPDX-License-Identifier: Apache-2.0
"""Nodes and what stands at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.arrays import Doubles, Floats, Ints

__all__ = ["InstanceGroup", "Node", "Prototype", "world_matrices"]


@dataclass(frozen=True, eq=False)
class InstanceGroup:
    """A PointInstancer: many copies of few prototypes. Invisible and inactive ones are out.

    Attributes
    ----------
    prototypes
        Numbers into `Scene.prototypes`.
    prototype
        `(n,) int32` into `prototypes`.
    translations, rotations, scales
        `(n, 3)`, `(n, 4)`, `(n, 3) float32` in the node's space; the prototype's root has its own transform beneath.
    ids
        `(n,) int64`.
    """

    path: str
    prototypes: tuple[int, ...]
    prototype: Ints
    translations: Floats
    rotations: Floats
    scales: Floats
    ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A prim in the hierarchy.

    Attributes
    ----------
    parent
        Number of the parent in the same list, -1 for a root. Parents stand before children.
    matrix
        `(4, 4)` local transform at the time that was read; None for the identity.
    mesh
        Number into `Scene.meshes`; instances of one mesh share it.
    materials
        For each slot of the mesh, the number of its material, or -1.
    skeleton
        The node is a skeleton: number into `Scene.skeletons`.
    skin_root
        The mesh is skinned by the skeleton that is this node, in the same list.
    weights
        `(shapes,)` blend shape weights at the time that was read.
    instance_of
        The path of the native prototype that the node is an instance of.
    lods
        Node numbers of the coarser levels of detail of this node, finest first; their own `lod` is 1, 2, …
    lod_screen_sizes
        Share of the picture's area beneath which each of them serves; empty where nothing says it.
    """

    name: str
    path: str
    parent: int = -1
    matrix: Doubles | None = None
    mesh: int | None = None
    materials: tuple[int, ...] = ()
    camera: int | None = None
    light: int | None = None
    instances: InstanceGroup | None = None
    skeleton: int | None = None
    skin_root: int | None = None
    weights: Floats | None = None
    instance_of: str = ""
    lod: int = 0
    lods: tuple[int, ...] = ()
    purpose: str = "default"
    lod_screen_sizes: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Prototype:
    """The subtree that a PointInstancer repeats; node 0 is its root, with the root's own transform."""

    path: str
    nodes: tuple[Node, ...]


def world_matrices(nodes: Sequence[Node]) -> Doubles:
    """World transform of each of the nodes, `(nodes, 4, 4)`; parents stand before children."""
    result = np.empty((len(nodes), 4, 4))
    identity = np.eye(4)
    for i, node in enumerate(nodes):
        if node.matrix is None:
            result[i] = identity if node.parent < 0 else result[node.parent]
        else:
            result[i] = node.matrix if node.parent < 0 else node.matrix @ result[node.parent]
    return result
