# SPDX-License-Identifier: Apache-2.0
"""The root layer of a delivered package: one component whose variants are the styles, each behind a payload."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pxr import Kind, Sdf, Usd, UsdGeom

from pipeline.usd.records import valid_name
from pipeline.usd.writing import replace_layer

__all__ = ["STYLE", "write_package_root"]

STYLE = "style"
#: root metadata that a layer and what it references must agree on
_SHARED = ("upAxis", "metersPerUnit", "timeCodesPerSecond", "framesPerSecond", "startTimeCode", "endTimeCode")


def write_package_root(path: Path, asset: str, styles: Mapping[str, str], selected: str = "") -> None:
    """Write the layer that scenes reference.

    Parameters
    ----------
    path
        The layer, beside which the styles' layers lie.
    styles
        Style to the layer's path relative to `path`, as `usd/stall_open.usd`.
    selected
        The style it shows by itself; unless told, the first.
    """
    layer = Sdf.Layer.CreateAnonymous(".usda")
    first = Sdf.Layer.FindOrOpen(str(path.parent / next(iter(styles.values()))))
    for key in _SHARED:
        if first.pseudoRoot.HasInfo(key):
            layer.pseudoRoot.SetInfo(key, first.pseudoRoot.GetInfo(key))
    stage = Usd.Stage.Open(layer, Usd.Stage.LoadNone)  # payloads lie beside `path`, not beside this layer
    prim = UsdGeom.Xform.Define(stage, f"/{valid_name(asset)}").GetPrim()
    stage.SetDefaultPrim(prim)
    model = Usd.ModelAPI(prim)
    model.SetKind(Kind.Tokens.component)
    model.SetAssetName(asset)
    variants = prim.GetVariantSets().AddVariantSet(STYLE)
    for style, relative in styles.items():
        variants.AddVariant(style)
        variants.SetVariantSelection(style)
        with variants.GetVariantEditContext():
            prim.GetPayloads().AddPayload(f"./{relative}")
            hint = _extents(path.parent / relative)
            if hint is not None:
                UsdGeom.ModelAPI(prim).SetExtentsHint(hint)
    variants.SetVariantSelection(selected if selected in styles else next(iter(styles)))
    replace_layer(path, layer)


def _extents(path: Path) -> list[object] | None:
    """What a reader who loads no payload may take the bounds from."""
    stage = Usd.Stage.Open(str(path))
    prim = stage.GetDefaultPrim()
    purposes = [UsdGeom.Tokens.default_, UsdGeom.Tokens.render]
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), purposes).ComputeLocalBound(prim).ComputeAlignedRange()
    return None if box.IsEmpty() else [box.GetMin(), box.GetMax()]
