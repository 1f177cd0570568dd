# SPDX-License-Identifier: Apache-2.0
"""Delivery targets: what an engine or a viewer wants of a file (`config/targets.toml`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigError, UsageError
from pipeline.settings import load

__all__ = ["Geometry", "Names", "Target", "Textures", "load_target", "target_names"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Names(_Strict):
    """Prefixes that the engine's people put in front of names; empty leaves the name."""

    static_mesh: str = ""
    skeletal_mesh: str = ""
    material: str = ""
    texture: str = ""


class Geometry(_Strict):
    """What happens to geometry.

    Attributes
    ----------
    refine_level
        How often subdivision surfaces are refined.
    max_influences
        Joints that move one vertex: 4 or 8; weaker ones are dropped and the error is reported.
    lods
        Share of the triangles that each further level of detail keeps; empty for none.
    lod_names
        `_LOD{level}` and the like.
    collision
        `hulls`: convex hulls of the meshes are added.
    collision_names
        `unreal` (`UCX_<mesh>_01`), `godot` (`<mesh>-convcolonly`), `plain`.
    max_hulls
        Hulls of one mesh.
    concavity
        Share of the whole hull's volume that a further cut must save to be made.
    instancing
        `gpu`: one node with arrays (EXT_mesh_gpu_instancing); `nodes`: one node an instance.
    curves
        `tubes` or `lines`.
    tangents
        Write tangents where a normal map is bound.
    compression
        `none`, `quantize` (KHR_mesh_quantization), `meshopt` (quantized and EXT_meshopt_compression) or `draco`
        (KHR_draco_mesh_compression).
    position_bits, normal_bits, uv_bits
        Of Draco's quantisation: 14 bits are 1/16384 of a mesh's size.
    variants
        Variant sets that change only materials become KHR_materials_variants.
    """

    refine_level: int = Field(default=0, ge=0, le=5)
    max_influences: Literal[4, 8] = 8
    lods: tuple[float, ...] = ()
    lod_names: str = "{mesh}_LOD{level}"
    collision: Literal["none", "hulls"] = "none"
    collision_names: Literal["unreal", "godot", "plain"] = "plain"
    max_hulls: int = Field(default=16, ge=1, le=64)
    concavity: float = Field(default=0.01, gt=0, lt=1)
    instancing: Literal["gpu", "nodes"] = "gpu"
    curves: Literal["tubes", "lines"] = "tubes"
    tangents: bool = False
    compression: Literal["none", "quantize", "meshopt", "draco"] = "none"
    position_bits: int = Field(default=14, ge=8, le=30)
    normal_bits: int = Field(default=10, ge=4, le=30)
    uv_bits: int = Field(default=12, ge=4, le=30)
    variants: bool = True


class Textures(_Strict):
    """What happens to textures.

    Attributes
    ----------
    max_size
        Longer side in pixels; 0 leaves the size.
    format
        `keep`, `png`, `jpeg` (where there is no alpha) or `webp`.
    embed
        Inside the file where the format can (FBX); GLB and USDZ always do.
    pack_orm
        Occlusion, roughness and metallic in one picture, also where the stage has them apart.
    """

    max_size: int = Field(default=0, ge=0)
    format: Literal["keep", "png", "jpeg", "webp"] = "keep"
    embed: bool = True
    pack_orm: bool = True


class Target(_Strict):
    """One delivery target.

    Attributes
    ----------
    unit
        The unit of written numbers where the format lets one choose (FBX, OBJ, STL); GLB is always metres.
    up_axis
        `Y` or `Z`, for the same formats.
    budget_kb
        The size that a file should not pass; 0 for no limit. The result says when it does.
    usd
        USD files keep the stage's composition in copies of its layers, or become one flattened layer.
    sockets
        Empty transforms whose name starts so become sockets; empty for none.
    """

    name: str = ""
    title: str = ""
    unit: Literal["m", "cm", "mm"] = "m"
    up_axis: Literal["Y", "Z"] = "Y"
    budget_kb: int = Field(default=0, ge=0)
    sockets: str = ""
    usd: Literal["composed", "flattened"] = "composed"
    names: Names = Names()
    geometry: Geometry = Geometry()
    textures: Textures = Textures()


def target_names(project: Path | None = None) -> list[str]:
    """The targets that count for a project, in the order of the configuration."""
    return list(load("targets", project).get("targets", {}))


def load_target(name: str | Target | None, project: Path | None = None, **changes: Any) -> Target:
    """A target by name; None is the neutral one: nothing renamed, resized or added.

    Parameters
    ----------
    changes
        Keys of the target, by group where they are in one: `geometry={"compression": "meshopt"}`.

    Raises
    ------
    UsageError
        There is no such target.
    ConfigError
        Its table has a key or a value that means nothing.
    """
    if isinstance(name, Target):
        table: dict[str, Any] = name.model_dump()
    elif name is None:
        table = {}
    else:
        targets = load("targets", project).get("targets", {})
        if name not in targets:
            raise UsageError(f"unknown target {name!r}", remedy=f"use one of: {', '.join(targets)}")
        table = {"name": name, **targets[name]}
    for key, value in changes.items():
        old = table.get(key)
        table[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    try:
        return Target(**table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(x) for x in first["loc"])
        raise ConfigError(
            f"target {table.get('name', '')!r}: {key}: {first['msg']}",
            remedy="see the comments at the top of config/targets.toml",
        ) from error
