# SPDX-License-Identifier: Apache-2.0
"""Prims and attributes written straight to a layer: no stage, so thousands of parts cost little."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Sdf, Vt

from pipeline.importers.scene import Floats, Ints, Primvar

T = Sdf.ValueTypeNames


def define(layer: Sdf.Layer, path: str, kind: str) -> Sdf.PrimSpec:
    """A prim with `def` and its type; parents are made as they are needed."""
    spec = Sdf.CreatePrimInLayer(layer, path)
    spec.specifier = Sdf.SpecifierDef
    spec.typeName = kind
    return spec


def attribute(
    prim: Sdf.PrimSpec, name: str, kind: Any, value: Any = None, *, uniform: bool = False, **metadata: Any
) -> Sdf.AttributeSpec:
    """An attribute with its default; metadata such as `interpolation` goes with it."""
    variability = Sdf.VariabilityUniform if uniform else Sdf.VariabilityVarying
    spec = Sdf.AttributeSpec(prim, name, kind, variability)
    if value is not None:
        spec.default = value
    for key, content in metadata.items():
        spec.SetInfo(key, content)
    return spec


def connect(prim: Sdf.PrimSpec, name: str, kind: Any, source: str) -> None:
    """An attribute that takes its value from the property `source`."""
    spec = Sdf.AttributeSpec(prim, name, kind)
    spec.connectionPathList.Prepend(source)


def relate(prim: Sdf.PrimSpec, name: str, target: str) -> None:
    """A relationship to one prim."""
    spec = Sdf.RelationshipSpec(prim, name, custom=False, variability=Sdf.VariabilityUniform)
    spec.targetPathList.Prepend(target)


def apply_api(prim: Sdf.PrimSpec, *names: str) -> None:
    """Applied schemas, added to those the prim has."""
    old = prim.GetInfo("apiSchemas").prependedItems if prim.HasInfo("apiSchemas") else []
    op = Sdf.TokenListOp()
    op.prependedItems = [*old, *(n for n in names if n not in old)]
    prim.SetInfo("apiSchemas", op)


def vec3(values: Floats) -> Any:
    """(n, 3) as USD's float vectors."""
    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32).reshape(-1, 3))


def vec2(values: Floats) -> Any:
    """(n, 2) as USD's float vectors."""
    return Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(values, np.float32).reshape(-1, 2))


def floats(values: Floats) -> Any:
    """(n,) as USD's floats."""
    return Vt.FloatArray.FromNumpy(np.ascontiguousarray(values, np.float32).ravel())


def ints(values: Ints) -> Any:
    """(n,) as USD's integers."""
    return Vt.IntArray.FromNumpy(np.ascontiguousarray(values, np.int32).ravel())


def primvar(prim: Sdf.PrimSpec, name: str, kind: Any, source: Primvar, values: Any) -> None:
    """`primvars:<name>` with its interpolation and, where there are any, its indices."""
    attribute(prim, f"primvars:{name}", kind, values, interpolation=source.interpolation)
    if source.indices is not None:
        attribute(prim, f"primvars:{name}:indices", T.IntArray, ints(source.indices))
