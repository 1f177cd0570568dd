# SPDX-License-Identifier: Apache-2.0
"""What may be chosen when an FBX file is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FbxOptions:
    """Choices of the FBX writer.

    Attributes
    ----------
    unit
        What one unit of the file is: `m` (UnitScaleFactor 100), `cm` (1) or `mm` (0.1). The geometry itself
        is in that unit; no node carries a scale for it.
    up_axis
        `Y` (front +Z) or `Z` (front -Y); the geometry itself is turned.
    version
        7400, 7500, or 0: 7400 unless the file may pass 2 GiB.
    material
        The parameters that hold the PBR maps beside the classic ones: `physical` (Physical Material, which most
        readers know and which has no occlusion), `gltf` (glTF Material, whose emission Blender leaves dark),
        `metal_rough` (PBR Material).
    textures
        `embed` puts the pictures into the file, `copy` writes them beside it into `<stem>.fbm/`.
    packed
        `split` takes the channel that an input reads out of a packed picture, since FBX cannot name a
        channel; `keep` leaves the picture as it is and reports the loss.
    max_texture
        Longer side of a picture in pixels; 0 leaves it.
    texture_format
        `keep`, `png` or `jpeg`.
    triangulate
        Triangles in place of polygons.
    static_prefix, skeletal_prefix, material_prefix, texture_prefix
        What stands before names that do not begin so already.
    sockets
        Empty nodes whose names begin so (in any case of letters) become sockets: children of the mesh beside
        them; empty for none.
    lod_names
        Name of a level of detail; `{mesh}` and `{level}` are filled in.
    lod_groups
        `attribute`: a LodGroup attribute; `property`: a null with `fbx_type = LodGroup`.
    collision
        Hulls of convex decomposition: `unreal` (UCX_<mesh>_NN at the root), `godot` (<mesh>-convcolonly
        beneath the mesh), `plain` (<mesh>_collision_NN beneath the mesh); empty for none.
    max_hulls
        Most hulls for one mesh.
    concavity
        Share of the whole hull's volume that a further cut must save to be made.
    max_influences
        Joints that move one point; weaker ones are dropped and reported. 0 keeps all.
    vertex_colors
        `srgb` or `linear` numbers; the format does not say which and readers mostly take the first.
    tangents
        Write authored tangents and their binormals.
    """

    unit: Literal["m", "cm", "mm"] = "m"
    up_axis: Literal["Y", "Z"] = "Y"
    version: Literal[0, 7400, 7500] = 0
    material: Literal["physical", "gltf", "metal_rough"] = "physical"
    textures: Literal["embed", "copy"] = "embed"
    packed: Literal["split", "keep"] = "split"
    max_texture: int = 0
    texture_format: str = "keep"
    triangulate: bool = False
    static_prefix: str = ""
    skeletal_prefix: str = ""
    material_prefix: str = ""
    texture_prefix: str = ""
    sockets: str = ""
    lod_names: str = "{mesh}_LOD{level}"
    lod_groups: Literal["attribute", "property"] = "attribute"
    collision: Literal["", "unreal", "godot", "plain"] = ""
    max_hulls: int = 16
    concavity: float = 0.01
    max_influences: int = 0
    vertex_colors: Literal["srgb", "linear"] = "srgb"
    tangents: bool = True

    @property
    def units_per_metre(self) -> float:
        """Units of the file in a metre."""
        return {"m": 1.0, "cm": 100.0, "mm": 1000.0}[self.unit]
