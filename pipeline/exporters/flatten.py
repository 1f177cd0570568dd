# SPDX-License-Identifier: Apache-2.0
"""One layer that says what a composed stage says, with every file it needs beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Ar, Sdf, Usd, UsdGeom, UsdShade, UsdUtils

from pipeline.errors import ExportError, GatesError
from pipeline.usd.scene.model import Scene
from pipeline.usd.scene.opening import private_stage, select_variants
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.textures import inner_name, read_texture

__all__ = ["flattened", "localise"]


def flattened(stage: Any, report: Report, *, variants: Mapping[str, str], prim: str | None) -> Any:
    """A layer of its own: composition, instances' prototypes and selected variants written out.

    Parameters
    ----------
    variants
        Selections as for `read_scene`.
    prim
        Only this prim, moved to the root with the transform and the material it has where it stands.
    """
    if variants:
        stage = private_stage(stage)
        select_variants(stage, variants, prim)
    for found in stage.Traverse():
        if not found.HasVariantSets():
            continue
        for name in found.GetVariantSets().GetNames():
            chosen = found.GetVariantSet(name)
            others = [v for v in chosen.GetVariantNames() if v != chosen.GetVariantSelection()]
            if others:
                report.lose(
                    found.GetPath(), f"variant set {name}", f"flattened as {chosen.GetVariantSelection() or 'none'}"
                )
    if prim is None:
        return stage.Flatten()
    return _alone(stage, prim)


def _alone(stage: Any, path: str) -> Any:
    """One prim as the root prim of a layer; what it relates to comes along."""
    source = stage.GetPrimAtPath(path)
    above = _above(source)
    material, _ = UsdShade.MaterialBindingAPI(source).ComputeBoundMaterial()
    mask = Usd.StagePopulationMask([source.GetPath()])
    if material:
        mask.Add(material.GetPath())
    masked = Usd.Stage.OpenMasked(stage.GetRootLayer(), stage.GetSessionLayer(), stage.GetPathResolverContext(), mask)
    masked.ExpandPopulationMask()
    layer = masked.Flatten()
    result = Usd.Stage.Open(layer)
    name = source.GetName()
    goal = Sdf.Path.absoluteRootPath.AppendChild(name)
    if source.GetPath() != goal:
        if result.GetPrimAtPath(goal):
            goal = Sdf.Path.absoluteRootPath.AppendChild(f"{name}_asset")
        editor = Usd.NamespaceEditor(result)
        editor.MovePrimAtPath(source.GetPath(), goal)
        if not editor.CanApplyEdits():
            raise ExportError("this prim cannot stand alone", prim=path, remedy="export the whole stage")
        editor.ApplyEdits()
    moved = result.GetPrimAtPath(goal)
    xformable = UsdGeom.Xformable(moved)
    if xformable and above and not xformable.GetResetXformStack():
        order = xformable.GetOrderedXformOps()
        parents = xformable.AddTransformOp(opSuffix="parents")
        for time, matrix in above.items():
            parents.Set(matrix, time)
        xformable.SetXformOpOrder([parents, *order])
    _inherited(source, moved)
    if material and not moved.HasAPI(UsdShade.MaterialBindingAPI):
        target = result.GetPrimAtPath(material.GetPath())
        if target:
            UsdShade.MaterialBindingAPI.Apply(moved).Bind(UsdShade.Material(target))
    result.SetDefaultPrim(moved)
    return result.GetRootLayer()


def _above(source: Any) -> dict[Any, Any]:
    """What a prim's parents do to it, by time; empty where they do nothing."""
    times: list[float] = []
    at = source.GetParent()
    while at and not at.IsPseudoRoot():
        if UsdGeom.Xformable(at):
            times += UsdGeom.Xformable(at).GetTimeSamples()
        at = at.GetParent()
    codes = [Usd.TimeCode(t) for t in sorted(set(times))] or [Usd.TimeCode.Default()]
    found = {code: UsdGeom.XformCache(code).GetParentToWorldTransform(source) for code in codes}
    still = all(np.allclose(np.array(matrix), np.eye(4)) for matrix in found.values())
    return {} if still else found


def _inherited(source: Any, moved: Any) -> None:
    """Author what a prim had from its parents: purpose and invisibility."""
    image, result = UsdGeom.Imageable(source), UsdGeom.Imageable(moved)
    if not image or not result:
        return
    if image.ComputePurpose() != result.ComputePurpose():
        result.CreatePurposeAttr(image.ComputePurpose())
    parent = UsdGeom.Imageable(source.GetParent())
    if parent and parent.ComputeVisibility(Usd.TimeCode.EarliestTime()) == UsdGeom.Tokens.invisible:
        result.CreateVisibilityAttr(UsdGeom.Tokens.invisible)


def localise(
    layer: Any,
    folder: Path,
    prefix: str,
    scene: Scene,
    report: Report,
    *,
    change: Callable[[str, bytes], tuple[str, bytes]] | None = None,
    drop_missing: bool = False,
) -> list[str]:
    """Copy every file that a flattened layer names into a folder and name it there.

    Parameters
    ----------
    folder, prefix
        Where the copies go, and how the layer writes that folder: `textures/`.
    scene
        The same stage as arrays; it knows where the stage lies.
    change
        Gets name and bytes, and may give others (a smaller picture).
    drop_missing
        A path that does not resolve becomes empty; otherwise it is written relative to the stage.

    Returns
    -------
    list of str
        The names of the copies.
    """
    root = Path(layer.realPath).parent if layer.realPath else Path(scene.source).parent
    given: dict[str, str] = {}
    taken: dict[str, bytes] = {}

    def store(source: str) -> str | None:
        try:
            data = read_texture(source)
        except GatesError:
            return None
        name = inner_name(source)
        if change is not None:
            name, data = change(name, data)
        stem, _, suffix = name.rpartition(".")
        for again in range(2, 10_000):
            if taken.get(name, data) == data:
                break
            name = f"{stem}_{again}.{suffix}"
        if name not in taken:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            taken[name] = data
        return name

    def place(path: str) -> str:
        if not path or path in given:
            return given.get(path, path)
        anchored = path if "[" in path or Path(path).is_absolute() else str(root / path)
        if UsdShade.UdimUtils.IsUdimIdentifier(path):
            tiles = UsdShade.UdimUtils.ResolveUdimTilePaths(anchored, layer)
            names = [store(str(tile)) for tile, _ in tiles]
            name = inner_name(path) if names and all(names) else None
        else:
            name = store(anchored)
        if name is not None:
            given[path] = prefix + name
        else:
            gone = drop_missing or bool(Ar.GetResolver().Resolve(anchored))  # a folder, or inside of a broken archive
            kept = "" if gone else _beside(anchored, root)
            what = "the path is left out" if gone else "the path stays as it was authored"
            report.lose("/", f"asset {_beside(anchored, root)}", f"it does not resolve: {what}")
            given[path] = kept
        return given[path]

    UsdUtils.ModifyAssetPaths(layer, place)
    return sorted(taken)


def _beside(path: str, root: Path) -> str:
    """A path that leads nowhere, relative to the stage as its author wrote it; flattening makes paths absolute."""
    if "[" in path or not Path(path).is_absolute():
        return path
    relative = Path(os.path.relpath(path, root)).as_posix()
    return relative if relative.startswith("..") else f"./{relative}"
