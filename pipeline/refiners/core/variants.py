# SPDX-License-Identifier: Apache-2.0
"""Where opinions go: into the selected candidate, into an existing variant, or into a new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pxr import Sdf, Usd, UsdUtils

from pipeline.errors import RefineError, UsageError
from pipeline.usd.anchoring import is_local

__all__ = ["CANDIDATES", "editing"]

#: the variant set whose variants are candidates
CANDIDATES = "candidate"


@contextmanager
def editing(prim: Usd.Prim, variant: str | None, new_variant: str | None) -> Iterator[str | None]:
    """Edit `prim` inside a variant while the block runs; yields `SET=NAME`, or None without a variant.

    An asset with candidates is always edited inside one, since an opinion outside would beat them all. A new
    candidate begins as a copy of the selected one; a new variant of another set lies inside the candidate.

    Raises
    ------
    RefineError
        The asset has candidates and none is selected, or the variant exists or is missing.
    """
    candidate = _selected_candidate(prim)
    with ExitStack() as stack:
        told = None
        target = _pair(new_variant or variant)
        if target and target[0] == CANDIDATES:
            if new_variant:
                _copy_variant(prim, CANDIDATES, candidate, target[1])
            told = stack.enter_context(_inside(prim, *target, must_exist=True))
        else:
            if candidate is not None:
                told = stack.enter_context(_inside(prim, CANDIDATES, candidate, must_exist=True))
            if target:
                told = stack.enter_context(_inside(prim, *target, must_exist=not new_variant))
        yield told


@contextmanager
def _inside(prim: Usd.Prim, set_name: str, name: str, must_exist: bool) -> Iterator[str]:
    stage = prim.GetStage()
    sets = prim.GetVariantSets()
    there = sets.HasVariantSet(set_name) and name in sets.GetVariantSet(set_name).GetVariantNames()
    if must_exist and not there:
        known = ", ".join(sets.GetVariantSet(set_name).GetVariantNames()) if sets.HasVariantSet(set_name) else ""
        raise RefineError(
            f"there is no variant {set_name}={name}", prim=str(prim.GetPath()),
            remedy=f"use one of: {known}" if known else "make it with --new-variant",
        )  # fmt: skip
    if not must_exist and there:
        raise RefineError(
            f"the variant {set_name}={name} exists already", prim=str(prim.GetPath()),
            remedy="choose another name, or edit it with --variant",
        )  # fmt: skip
    variants = sets.GetVariantSet(set_name)
    if not there:
        variants = sets.AddVariantSet(set_name, Usd.ListPositionFrontOfPrependList)
        variants.AddVariant(name)
    session = Usd.EditTarget(stage.GetSessionLayer())
    path = prim.GetPath()
    held = stage.GetSessionLayer().GetPrimAtPath(path)
    before = dict(held.variantSelections).get(set_name) if held else None
    existed = bool(held)
    with Usd.EditContext(stage, session):
        variants.SetVariantSelection(name)
    try:
        with variants.GetVariantEditContext(stage.GetEditTarget().GetLayer()):
            yield f"{set_name}={name}"
    finally:
        with Usd.EditContext(stage, session):
            if before:
                variants.SetVariantSelection(before)
            else:
                variants.ClearVariantSelection()
                spec = stage.GetSessionLayer().GetPrimAtPath(path)
                if spec and not existed:
                    stage.GetSessionLayer().RemoveInertSceneDescription()


def _selected_candidate(prim: Usd.Prim) -> str | None:
    sets = prim.GetVariantSets()
    if not sets.HasVariantSet(CANDIDATES):
        return None
    selected = sets.GetVariantSelection(CANDIDATES)
    if not selected:
        raise RefineError(
            "the asset has candidates and none is selected", prim=str(prim.GetPath()),
            remedy="select one with `gates candidates ASSET --select NAME`, or name it with --variant",
        )  # fmt: skip
    return str(selected)


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    set_name, equals, name = text.partition("=")
    if not equals or not Sdf.Path.IsValidPathString(f"/Asset{{{set_name}={name}}}") or not name:
        raise UsageError(
            f"{text!r} is not SET=NAME",
            remedy="write it like style=low; a name has letters, digits, underscores and dashes",
        )
    return set_name, name


def _copy_variant(prim: Usd.Prim, set_name: str, source: str | None, name: str) -> None:
    """Make `name` in the edit target say all that `source` says in the stage's own layers."""
    stage = prim.GetStage()
    variants = prim.GetVariantSets().GetVariantSet(set_name)
    if name in variants.GetVariantNames():
        raise RefineError(
            f"the candidate {name} exists already", prim=str(prim.GetPath()), remedy="choose another name"
        )
    if source is None:
        raise RefineError(
            "the asset has no candidate to begin from", prim=str(prim.GetPath()), remedy="generate or ingest one"
        )
    goal = stage.GetEditTarget().GetLayer()
    selected = prim.GetPath().AppendVariantSelection(set_name, source)
    merged = Sdf.Layer.CreateAnonymous(".usda")
    root = Sdf.Path("/Copy")
    for layer in stage.GetLayerStack(includeSessionLayers=False):
        spec = layer.GetPrimAtPath(selected)
        if not spec:
            continue
        piece = Sdf.Layer.CreateAnonymous(".usda")
        Sdf.CreatePrimInLayer(piece, root)
        # a variant's spec copied onto a prim
        Sdf.CopySpec(layer, selected, piece, root)
        UsdUtils.ModifyAssetPaths(piece, lambda asset, layer=layer: _moved(asset, layer, goal))
        UsdUtils.StitchLayers(merged, piece)
    if not merged.GetPrimAtPath(root):
        raise RefineError(
            f"the candidate {source} comes through an arc and cannot be copied here", prim=str(prim.GetPath()),
            remedy="refine it in the layer that defines its variants",
        )  # fmt: skip
    variants.AddVariant(name)
    path = stage.GetEditTarget().MapToSpecPath(prim.GetPath()).AppendVariantSelection(set_name, name)
    Sdf.CopySpec(merged, root, goal, path)


def _moved(asset: str, layer: Sdf.Layer, goal: Sdf.Layer) -> str:
    if not is_local(asset) or Path(asset).is_absolute() or not layer.realPath or not goal.realPath:
        return asset
    path = Path(os.path.relpath(Path(layer.realPath).parent / asset, Path(goal.realPath).parent)).as_posix()
    return path if path.startswith("..") else f"./{path}"
