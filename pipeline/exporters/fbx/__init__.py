# SPDX-License-Identifier: Apache-2.0
"""FBX, binary 7.4 and 7.5, written from the flattened scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.exporters.seam import Reading
from pipeline.exporters.targets import Target
from pipeline.usd.scene import Loss, Scene

from .options import FbxOptions
from .writer import FbxWritten, write_fbx

#: coarser levels of detail can stand in the file
LEVELS = True

__all__ = ["FbxOptions", "FbxWritten", "options_of", "read_back", "reading", "write", "write_fbx"]


def options_of(target: Target) -> FbxOptions:
    """What a delivery target wants of an FBX file."""
    unreal = target.geometry.collision_names == "unreal"
    return FbxOptions(
        unit=target.unit,
        up_axis=target.up_axis,
        material="gltf" if target.geometry.collision_names == "godot" else "physical",
        textures="embed" if target.textures.embed else "copy",
        max_texture=target.textures.max_size,
        texture_format=target.textures.format,
        packed="keep" if unreal and target.textures.pack_orm else "split",
        static_prefix=target.names.static_mesh,
        skeletal_prefix=target.names.skeletal_mesh,
        material_prefix=target.names.material,
        texture_prefix=target.names.texture,
        sockets=target.sockets,
        lod_names=target.geometry.lod_names,
        lod_groups="property" if unreal else "attribute",
        collision=target.geometry.collision_names if target.geometry.collision == "hulls" else "",
        max_hulls=target.geometry.max_hulls,
        max_influences=target.geometry.max_influences if target.name else 0,
    )


def write(scene: Scene, out: Path, target: Target) -> list[Loss]:
    """Write the scene to `out`; what FBX cannot hold is returned, by prim."""
    return list(write_fbx(scene, out, options_of(target)).losses)


def reading(target: Target) -> dict[str, Any]:
    """Arguments for `read_scene`: FBX has no material variants; levels of detail are for engines."""
    return {
        "levels": bool(target.name),
        "follow": True,
        "refine_level": target.geometry.refine_level,
        "curves": target.geometry.curves,
    }


def read_back(path: Path) -> Reading:
    """Read the written file with Blender's importer (ufbx) and with assimp, where they are installed."""
    from pipeline.exporters.fbx.readback import read_fbx

    return read_fbx(path)
