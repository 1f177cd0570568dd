# SPDX-License-Identifier: Apache-2.0
"""A material once more, under another name."""

from __future__ import annotations

from pathlib import Path

from pxr import Sdf, Tf, Usd, UsdGeom, UsdShade

from pipeline.refiners.core.subject import Subject
from pipeline.usd.anchoring import is_local, relative

__all__ = ["copy_material"]


def copy_material(subject: Subject, source: UsdShade.Material, name: str) -> UsdShade.Material:
    """Author the same network beside the material, or in the asset's `mtl` where it lies outside the asset.

    Values, asset paths as they resolve, connections among its own nodes. A material of that name is taken as it is.
    """
    stage, start = subject.stage, source.GetPath()
    inside = start.HasPrefix(subject.prim.GetPath())
    scope = start.GetParentPath() if inside else subject.prim.GetPath().AppendChild("mtl")
    if not stage.GetPrimAtPath(scope):
        UsdGeom.Scope.Define(stage, scope)
    goal = scope.AppendChild(Tf.MakeValidIdentifier(name))
    if stage.GetPrimAtPath(goal):
        return UsdShade.Material(stage.GetPrimAtPath(goal))
    for prim in Usd.PrimRange(source.GetPrim()):
        made = stage.DefinePrim(prim.GetPath().ReplacePrefix(start, goal), prim.GetTypeName())
        for attribute in prim.GetAuthoredAttributes():
            copy = made.CreateAttribute(
                attribute.GetName(), attribute.GetTypeName(), attribute.IsCustom(), attribute.GetVariability()
            )
            value = attribute.Get()
            if isinstance(value, Sdf.AssetPath):
                value = _local(stage, attribute, value)
            if value is not None:
                copy.Set(value)
            for key, held in attribute.GetCustomData().items():
                copy.SetCustomDataByKey(key, held)
            targets = attribute.GetConnections()
            if targets:
                copy.SetConnections([t.ReplacePrefix(start, goal) for t in targets])
    return UsdShade.Material(stage.GetPrimAtPath(goal))


def _local(stage: Usd.Stage, attribute: Usd.Attribute, value: Sdf.AssetPath) -> Sdf.AssetPath:
    """The same file, named from the layer that is edited; UDIM tiles by their pattern."""
    resolved = value.resolvedPath
    if not resolved:
        stack = attribute.GetPropertyStack()
        resolved = stack[0].layer.ComputeAbsolutePath(value.path) if stack and is_local(value.path) else value.path
    layer = stage.GetEditTarget().GetLayer()
    outer, bracket, inner = resolved.partition("[")
    if not outer or not layer.realPath or not Path(outer).is_absolute():
        return Sdf.AssetPath(resolved or value.path)
    return Sdf.AssetPath(relative(Path(outer), Path(layer.realPath).parent) + bracket + inner)
