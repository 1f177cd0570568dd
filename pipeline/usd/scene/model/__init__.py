# SPDX-License-Identifier: Apache-2.0
"""The flattened scene: what a composed stage says, as arrays.

Conventions, everywhere in this package:

* **Space.** Y up, right-handed, metres. Points, offsets, transforms, bind matrices, tracks, camera and light
  sizes were converted when they were read; no node carries a unit or axis conversion.
* **Matrices** are `(4, 4) float64` in USD's row-vector convention: `p' = p @ M`, translation in `M[3, :3]`,
  `world = local @ parent_world`. Their memory is what glTF calls column-major.
* **Quaternions** are `(x, y, z, w)`.
* **Time** is in seconds from the start of the clip.
* **Colours** are linear Rec. 709.
* **UVs** have their origin at the lower left, as in USD.
* Arrays may be read-only views into USD's own memory: copy before you change one.
"""

from __future__ import annotations

from pipeline.usd.scene.arrays import Doubles, Floats, Interpolation, Ints
from pipeline.usd.scene.model.deformation import BlendShape, Shape, Skeleton, Skin
from pipeline.usd.scene.model.geometry import Mesh, PointsTrack, Primvar, Slot
from pipeline.usd.scene.model.hierarchy import InstanceGroup, Node, Prototype, world_matrices
from pipeline.usd.scene.model.loss import Loss
from pipeline.usd.scene.model.motion import Clip, JointTrack, TransformTrack, VisibilityTrack, WeightTrack
from pipeline.usd.scene.model.sights import Camera, Light
from pipeline.usd.scene.model.surfaces import PREVIEW_SURFACE, Input, Material, Texture, TextureTransform
from pipeline.usd.scene.model.whole import Scene, VariantMaterials

__all__ = [
    "PREVIEW_SURFACE",
    "BlendShape",
    "Camera",
    "Clip",
    "Doubles",
    "Floats",
    "Input",
    "InstanceGroup",
    "Interpolation",
    "Ints",
    "JointTrack",
    "Light",
    "Loss",
    "Material",
    "Mesh",
    "Node",
    "PointsTrack",
    "Primvar",
    "Prototype",
    "Scene",
    "Shape",
    "Skeleton",
    "Skin",
    "Slot",
    "Texture",
    "TextureTransform",
    "TransformTrack",
    "VariantMaterials",
    "VisibilityTrack",
    "WeightTrack",
    "world_matrices",
]
