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
        What one unit of the file is: `m` (UnitScaleFactor 100) or `cm` (1). The geometry itself is in that
        unit; no node carries a scale for it.
    version
        7400, 7500, or 0: 7400 unless the file may pass 2 GiB.
    material
        The parameters that hold the PBR maps beside the classic ones: `gltf` (glTF Material, with
        occlusion), `physical` (Physical Material), `metal_rough` (PBR Material).
    textures
        `embed` puts the pictures into the file, `copy` writes them beside it into `<stem>.fbm/`.
    packed
        `split` takes the channel that an input reads out of a packed picture, since FBX cannot name a
        channel; `keep` leaves the picture as it is and reports the loss.
    triangulate
        Triangles in place of polygons.
    prefixes
        Put SM_, SK_, M_ and T_ before names, as Unreal's conventions want.
    sockets
        `unreal`: nulls named socket… become SOCKET_… beneath the mesh beside them.
    lod_groups
        `attribute`: a LodGroup attribute; `property`: a null with `fbx_type = LodGroup`.
    collision
        Hulls of convex decomposition, named UCX_<mesh>_NN.
    max_hulls
        Most hulls for one mesh.
    concavity
        How far a hull may stand from the surface, a share of the mesh's size, before it is split.
    vertex_colors
        `srgb` or `linear` numbers; the format does not say which and readers mostly take the first.
    tangents
        Write authored tangents and their binormals.
    """

    unit: Literal["m", "cm"] = "m"
    version: Literal[0, 7400, 7500] = 0
    material: Literal["gltf", "physical", "metal_rough"] = "gltf"
    textures: Literal["embed", "copy"] = "embed"
    packed: Literal["split", "keep"] = "split"
    triangulate: bool = False
    prefixes: bool = False
    sockets: Literal["", "unreal"] = ""
    lod_groups: Literal["attribute", "property"] = "attribute"
    collision: bool = False
    max_hulls: int = 16
    concavity: float = 0.05
    vertex_colors: Literal["srgb", "linear"] = "srgb"
    tangents: bool = True

    @property
    def scale(self) -> float:
        """Units of the file in a metre."""
        return 100.0 if self.unit == "cm" else 1.0
