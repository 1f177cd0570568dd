# SPDX-License-Identifier: Apache-2.0
"""Variants made again from nothing: what an overlay cannot take away, a whole work layer can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.gates.evidence import ASSETS

if TYPE_CHECKING:
    from pxr import Sdf

    from pipeline.project import Project

__all__ = ["empty_variant"]


def empty_variant(project: Project, asset: str, *nested: tuple[str, str]) -> bool:
    """Take everything out of a variant of an asset; returns whether there was such a variant.

    Parameters
    ----------
    nested
        (set, variant) from the outside in: `("candidate", "c01"), ("style", "open")`.
    """
    path = _variant_path(asset, nested)
    stage = project.open_stage()
    held = [layer for layer in stage.GetLayerStack(includeSessionLayers=False) if layer.GetPrimAtPath(path)]
    if not held:
        return False
    outside = [layer for layer in held if layer.realPath != str(project.work_path)]
    with project.edit(whole=bool(outside)) as edit:
        layer = edit.GetEditTarget().GetLayer()
        spec = layer.GetPrimAtPath(path)
        for name in [p.name for p in spec.nameChildren]:
            del spec.nameChildren[name]
        for name in [p.name for p in spec.properties]:
            del spec.properties[name]
        for name in list(spec.variantSets.keys()):
            del spec.variantSets[name]
        for field in spec.ListInfoKeys():
            if field not in ("specifier", "typeName"):
                spec.ClearInfo(field)
    return True


def _variant_path(asset: str, nested: tuple[tuple[str, str], ...]) -> Sdf.Path:
    from pxr import Sdf

    path = Sdf.Path(f"{ASSETS}/{asset}")
    for name, variant in nested:
        path = path.AppendVariantSelection(name, variant)
    return path
