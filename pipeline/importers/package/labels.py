# SPDX-License-Identifier: Apache-2.0
"""Semantic labels on the parts of a package, so that people and tools find `front post` without knowing names."""

from __future__ import annotations

from pxr import Sdf

from pipeline.importers.package import prims

__all__ = ["label_parts"]

#: taxonomy of the labels
PART = "part"
#: parts beyond which names are numbers: scans and scenes
MOST = 100
#: words that say nothing about a part
_EMPTY = {"mesh", "node", "object", "geometry", "geo", "part", "group", "default", "shape", "model", "root", "scene",
          "primitive", "unnamed", "polysurface"}  # fmt: skip


def label_parts(layer: Sdf.Layer, geo: str = "/Asset/geo") -> None:
    """Apply `SemanticsLabelsAPI:part` to the parts below `geo` whose names are words; one part alone needs none.

    The parts are the first children that have sisters. Labels that are there stay.
    """
    scope = layer.GetPrimAtPath(geo)
    while scope and len(scope.nameChildren) == 1:
        scope = scope.nameChildren[0]
    parts = list(scope.nameChildren) if scope else []
    if not 1 < len(parts) <= MOST:
        return
    for part in parts:
        label = words_of(part.name)
        if (
            not label
            or part.typeName not in ("Mesh", "Xform", "Scope")
            or f"semantics:labels:{PART}" in part.attributes
        ):
            continue
        part.SetInfo("apiSchemas", _with(part, f"SemanticsLabelsAPI:{PART}"))
        prims.attribute(part, f"semantics:labels:{PART}", prims.T.TokenArray, [label])


def _with(part: Sdf.PrimSpec, schema: str) -> Sdf.TokenListOp:
    """The applied schemas of a prim and one more."""
    schemas = part.GetInfo("apiSchemas") if part.HasInfo("apiSchemas") else Sdf.TokenListOp()
    if schema not in schemas.GetAddedOrExplicitItems():
        if schemas.isExplicit:
            schemas.explicitItems = [*schemas.explicitItems, schema]
        else:
            schemas.prependedItems = [*schemas.prependedItems, schema]
    return schemas


def words_of(name: str) -> str:
    """`front_post_2` as `front post`; empty where the name says nothing."""
    words = [w for w in name.lower().split("_") if w and not w.isdigit() and w.rstrip("0123456789") not in _EMPTY]
    return " ".join(words)
