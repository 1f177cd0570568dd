# SPDX-License-Identifier: Apache-2.0
"""One flattened scene, read once from the composed stage, for exporters, checks and renderers."""

from __future__ import annotations

from pipeline.usd.scene.draws import Draw, bounds, draws, group_matrices
from pipeline.usd.scene.model import (
    BlendShape,
    Camera,
    Clip,
    Input,
    InstanceGroup,
    JointTrack,
    Light,
    Loss,
    Material,
    Mesh,
    Node,
    PointsTrack,
    Primvar,
    Prototype,
    Scene,
    Shape,
    Skeleton,
    Skin,
    Slot,
    Texture,
    TextureTransform,
    TransformTrack,
    VariantMaterials,
    VisibilityTrack,
    WeightTrack,
    world_matrices,
)
from pipeline.usd.scene.opening import open_stage
from pipeline.usd.scene.posing import posed_points, shape_weights
from pipeline.usd.scene.read import DEFAULT_PURPOSES, read_scene
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.textures import read_texture
from pipeline.usd.scene.xforms import compose, decompose

__all__ = [
    "DEFAULT_PURPOSES",
    "BlendShape",
    "Camera",
    "Clip",
    "Draw",
    "Input",
    "InstanceGroup",
    "JointTrack",
    "Light",
    "Loss",
    "Material",
    "Mesh",
    "Node",
    "PointsTrack",
    "Primvar",
    "Prototype",
    "Report",
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
    "bounds",
    "compose",
    "decompose",
    "draws",
    "group_matrices",
    "open_stage",
    "posed_points",
    "read_scene",
    "read_texture",
    "shape_weights",
    "world_matrices",
]
