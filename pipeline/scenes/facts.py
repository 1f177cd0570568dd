# SPDX-License-Identifier: Apache-2.0
"""What is true of a scene at one time, for comparing shots (`pipeline.scenes.continuity`).

Noted are, for what stands in it: the asset and what it is pinned to, variant selections, the place and size in
the world, the pose of skeletons, what is bound to its meshes and what the bound materials
say, visibility; and of every light its type, place, intensity, colour, size, texture and links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel

from pipeline.scenes.bounds import to_metres

__all__ = ["Facts", "facts_of", "pinned_assets"]

ROOTS = ("/World/Assets", "/World/Set")
LIGHTS = "/World/Lights"


@dataclass
class Facts:
    """What is true of a stage at one time.

    Attributes
    ----------
    things
        Prim path to field to value, of assets and set pieces.
    lights
        The same of lights.
    """

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    lights: dict[str, dict[str, Any]] = field(default_factory=dict)


def pinned_assets(stage: Usd.Stage, project: Path) -> dict[str, str]:
    """Prim path to `asset pin` of everything that stands in a scene by reference."""
    return {
        str(prim.GetPath()): " ".join(part for part in (info.get("name", ""), _pin(prim, project)) if part)
        for prim in _things(stage)
        if (info := prim.GetAssetInfo())
    }


def facts_of(stage: Usd.Stage, project: Path, time: float) -> Facts:
    """What stands in a stage at a time code, and what lights it."""
    at = Usd.TimeCode(time)
    cache = UsdGeom.XformCache(at)
    facts = Facts()
    for prim in _things(stage):
        facts.things[str(prim.GetPath())] = {
            "asset": str(prim.GetAssetInfo().get("name", "")),
            "pin": _pin(prim, project),
            "variant": _selections(prim),
            "place": _place(cache, prim),
            "visibility": str(UsdGeom.Imageable(prim).ComputeVisibility(at)),
            "pose": _pose(prim, at),
            "material": _materials(prim, at),
        }
    root = stage.GetPrimAtPath(LIGHTS)
    for prim in Usd.PrimRange(root, Usd.TraverseInstanceProxies()) if root else ():
        if prim.HasAPI(UsdLux.LightAPI):
            facts.lights[str(prim.GetPath())] = {"place": _place(cache, prim), **_light(prim, at)}
    return facts


def _things(stage: Usd.Stage) -> Iterator[Usd.Prim]:
    """What stands in a scene: the models right below its groups."""
    for root in ROOTS:
        parent = stage.GetPrimAtPath(root)
        yield from parent.GetChildren() if parent else ()


def _pin(prim: Usd.Prim, project: Path) -> str:
    """The layer that a prim's own strongest reference names, relative to the project."""
    for spec in prim.GetPrimStack():
        operation = spec.GetInfo("references") if spec.HasInfo("references") else None
        if spec.path != prim.GetPath() or operation is None:
            continue
        for item in operation.GetAddedOrExplicitItems():
            if item.assetPath:
                target = Path(os.path.normpath(Path(spec.layer.realPath).parent / item.assetPath))
                return target.relative_to(project).as_posix() if target.is_relative_to(project) else item.assetPath
    return ""


def _selections(prim: Usd.Prim) -> dict[str, str]:
    sets = prim.GetVariantSets()
    return {name: sets.GetVariantSelection(name) for name in sets.GetNames()}


def _place(cache: UsdGeom.XformCache, prim: Usd.Prim) -> NDArray[np.float64]:
    matrix: NDArray[np.float64] = np.array(cache.GetLocalToWorldTransform(prim)) @ to_metres(prim.GetStage())
    return matrix


def _pose(prim: Usd.Prim, at: Usd.TimeCode) -> dict[str, NDArray[np.float64]]:
    """Skeleton path to the joints' transforms at a time."""
    cache = UsdSkel.Cache()
    poses = {}
    for each in Usd.PrimRange(prim, Usd.TraverseInstanceProxies()):
        if each.IsA(UsdSkel.Root):
            cache.Populate(UsdSkel.Root(each), Usd.TraverseInstanceProxies())
        if each.IsA(UsdSkel.Skeleton):
            query = cache.GetSkelQuery(UsdSkel.Skeleton(each))
            joints = query.ComputeJointLocalTransforms(at) if query else None
            if joints:
                poses[str(each.GetPath())] = np.array(joints)
    return poses


def _materials(prim: Usd.Prim, at: Usd.TimeCode) -> dict[str, Any]:
    """What is bound to each mesh below a prim, and what the bound materials' shaders say."""
    said: dict[str, Any] = {}
    bound: set[str] = set()
    walk = iter(Usd.PrimRange(prim, Usd.TraverseInstanceProxies()))
    for each in walk:
        if each.IsA(UsdGeom.PointInstancer):
            walk.PruneChildren()
        if not each.IsA(UsdGeom.Gprim):
            continue
        material, _ = UsdShade.MaterialBindingAPI(each).ComputeBoundMaterial()
        said[str(each.GetPath())] = str(material.GetPath()) if material else ""
        if material and str(material.GetPath()) not in bound:
            bound.add(str(material.GetPath()))
            for part in Usd.PrimRange(material.GetPrim(), Usd.TraverseInstanceProxies()):
                if part.IsA(UsdShade.Shader):
                    for given in UsdShade.Shader(part).GetInputs():
                        said[str(given.GetAttr().GetPath())] = _plain(given.Get(at))
    return said


def _light(prim: Usd.Prim, at: Usd.TimeCode) -> dict[str, Any]:
    said: dict[str, Any] = {"type": str(prim.GetTypeName())}
    for attribute in prim.GetAttributes():
        name = attribute.GetName()
        if name.startswith(("inputs:", "collection:")) or name == "treatAsPoint":
            said[name.removeprefix("inputs:")] = _plain(attribute.Get(at))
    for relationship in prim.GetRelationships():
        if relationship.GetName().startswith("collection:"):
            said[relationship.GetName()] = ", ".join(str(t) for t in relationship.GetTargets())
    said["visibility"] = str(UsdGeom.Imageable(prim).ComputeVisibility(at))
    return said


def _plain(value: Any) -> Any:
    """A value that compares: numbers as tuples, files by what they resolve to."""
    if isinstance(value, Sdf.AssetPath):
        return Path(value.resolvedPath or value.path).name
    if hasattr(value, "__len__") and not isinstance(value, str):
        return tuple(_plain(v) for v in value)
    return value
