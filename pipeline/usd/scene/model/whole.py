# SPDX-License-Identifier: Apache-2.0
"""All of a stage together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.usd.scene.arrays import Doubles
from pipeline.usd.scene.model.deformation import Skeleton
from pipeline.usd.scene.model.geometry import Mesh
from pipeline.usd.scene.model.hierarchy import Node, Prototype, world_matrices
from pipeline.usd.scene.model.loss import Loss
from pipeline.usd.scene.model.motion import Clip
from pipeline.usd.scene.model.sights import Camera, Light
from pipeline.usd.scene.model.surfaces import Material

__all__ = ["Scene", "VariantMaterials"]


@dataclass(frozen=True, slots=True)
class VariantMaterials:
    """One variant that only changes materials.

    Attributes
    ----------
    name
        The variant's name, with its set in front where two sets have one of the same name.
    materials
        By node number: the materials of the mesh's slots under this variant. Other nodes keep theirs.
    """

    name: str
    prim: str
    variant_set: str
    variant: str
    materials: Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Scene:
    """A composed stage at one moment, with what moves.

    Attributes
    ----------
    source
        The root layer's identifier.
    meters_per_unit, up_axis
        The stage's own, before the scene was converted.
    """

    source: str
    name: str
    nodes: tuple[Node, ...]
    meshes: tuple[Mesh, ...]
    materials: tuple[Material, ...]
    prototypes: tuple[Prototype, ...] = ()
    skeletons: tuple[Skeleton, ...] = ()
    clips: tuple[Clip, ...] = ()
    cameras: tuple[Camera, ...] = ()
    lights: tuple[Light, ...] = ()
    variants: tuple[VariantMaterials, ...] = ()
    losses: tuple[Loss, ...] = ()
    meters_per_unit: float = 1.0
    up_axis: str = "Y"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def world_matrices(self) -> Doubles:
        """World transform of every node, `(nodes, 4, 4) float64`."""
        return world_matrices(self.nodes)
