# SPDX-License-Identifier: Apache-2.0
"""Inputs of UsdPreviewSurface networks get the types that the specification names.

Many exporters write `float3 inputs:diffuseColor` or `token inputs:varname`; most renderers forgive it, USD's
validators and some readers do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pxr import Sdf

T = Sdf.ValueTypeNames
_TYPES: Mapping[str, Mapping[str, Any]] = {
    "UsdPreviewSurface": {
        **dict.fromkeys(("diffuseColor", "emissiveColor", "specularColor"), T.Color3f),
        **dict.fromkeys(("roughness", "metallic", "clearcoat", "clearcoatRoughness", "opacity"), T.Float),
        **dict.fromkeys(("opacityThreshold", "ior", "displacement", "occlusion"), T.Float),
        "normal": T.Normal3f, "useSpecularWorkflow": T.Int, "opacityMode": T.Token,
    },
    "UsdUVTexture": {
        "file": T.Asset, "st": T.Float2, "fallback": T.Float4, "scale": T.Float4, "bias": T.Float4,
        "wrapS": T.Token, "wrapT": T.Token, "sourceColorSpace": T.Token,
    },
    "UsdTransform2d": {"in": T.Float2, "rotation": T.Float, "scale": T.Float2, "translation": T.Float2},
    **{f"UsdPrimvarReader_{kind}": {"varname": T.String} for kind in ("float2", "float3", "float", "float4", "normal")},
}  # fmt: skip


def correct(layer: Sdf.Layer) -> list[str]:
    """Retype inputs whose values fit; says how many of which."""
    changed: dict[str, int] = {}
    shaders: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, lambda p: shaders.append(p) if p.IsPrimPath() else None)
    for path in shaders:
        prim = layer.GetPrimAtPath(path)
        identifier = prim.attributes.get("info:id") if prim.typeName == "Shader" else None
        if identifier is None:
            continue
        wanted = _TYPES.get(identifier.default, {})
        for name, kind in wanted.items():
            spec = prim.attributes.get(f"inputs:{name}")
            if spec is not None and spec.typeName != kind and _retype(prim, spec, kind):
                key = f"{identifier.default}.{name}"
                changed[key] = changed.get(key, 0) + 1
    return [f"{n} inputs {key} got the type of the specification" for key, n in sorted(changed.items())]


def _retype(prim: Sdf.PrimSpec, spec: Sdf.AttributeSpec, kind: Any) -> bool:
    """Make the attribute anew with its connections; its value must be castable, or absent."""
    value = spec.default
    connections = list(spec.connectionPathList.GetAddedOrExplicitItems())
    samples = spec.layer.ListTimeSamplesForPath(spec.path)
    if samples or (value is not None and kind.type != spec.typeName.type and not isinstance(value, str)):
        return False
    name = spec.name
    prim.RemoveProperty(spec)
    fresh = Sdf.AttributeSpec(prim, name, kind)
    if value is not None:
        fresh.default = value
    if connections:
        fresh.connectionPathList.explicitItems = connections
    return True
