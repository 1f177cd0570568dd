# SPDX-License-Identifier: Apache-2.0
"""A flattened layer rearranged as a package: /Asset, geo, mtl; every target follows its prim."""

from __future__ import annotations

from collections.abc import Iterator

from pxr import Sdf, Usd, UsdGeom, UsdLux, UsdShade

from pipeline.importers.package import prims
from pipeline.importers.package.naming import Names
from pipeline.importers.scene import Scene

ROOT, GEO, MTL, PROTOTYPES = "/Asset", "/Asset/geo", "/Asset/mtl", "/Asset/prototypes"
_PROTOTYPE = "Flattened_Prototype_"


class Moves:
    """Where each path of the flattened layer goes; the longest prefix decides."""

    def __init__(self) -> None:
        self.roots: dict[Sdf.Path, Sdf.Path] = {}
        self.materials: dict[Sdf.Path, Sdf.Path] = {}

    def to(self, path: Sdf.Path) -> Sdf.Path | None:
        """The new path; None where it is not taken along."""
        for at in path.GetAncestorsRange():
            prim = at.GetPrimPath()
            for table in (self.materials, self.roots):
                if prim in table:
                    return path.ReplacePrefix(prim, table[prim])
        return None


def plan(stage: Usd.Stage, scene: Scene) -> Moves:
    """Decide where the root prims and the materials of a flattened stage go."""
    moves, names, materials = Moves(), Names(), Names()
    default = stage.GetDefaultPrim()
    packaged = bool(default and default.GetName() == "Asset" and default.GetChild("geo") and default.GetChild("mtl"))
    for root in stage.GetPseudoRoot().GetAllChildren():
        name, path = root.GetName(), root.GetPath()
        if name.startswith(_PROTOTYPE):
            moves.roots[path] = Sdf.Path(f"{PROTOTYPES}/{name}")
        elif packaged and root == default:
            moves.roots[path] = Sdf.Path(ROOT)
        elif not default or root == default or _holds_materials(root):
            moves.roots[path] = Sdf.Path(f"{GEO}/{names.take(name, 'part')}")
        elif root.IsDefined() and any(p.IsA(UsdGeom.Gprim) for p in Usd.PrimRange(root)):
            scene.lose(str(path), "prim", f"lies beside the default prim {default.GetPath()}")
    if packaged:
        return moves
    for prim in stage.TraverseAll():
        if prim.IsA(UsdShade.Material) and moves.to(prim.GetPath()) is not None and not _in_prototype(prim):
            moves.materials[prim.GetPath()] = Sdf.Path(f"{MTL}/{materials.take(prim.GetName(), 'material')}")
    return moves


def _holds_materials(root: Usd.Prim) -> bool:
    return any(p.IsA(UsdShade.Material) for p in Usd.PrimRange.AllPrims(root))


def _in_prototype(prim: Usd.Prim) -> bool:
    return any(str(p.name).startswith(_PROTOTYPE) for p in prim.GetPath().GetPrefixes()[:1])


def rearrange(flat: Sdf.Layer, moves: Moves, target: Sdf.Layer, scene: Scene) -> None:
    """Copy everything that is taken along into `target` and point targets, connections and references anew."""
    prims.define(target, ROOT, "Xform").SetInfo("kind", "component")
    prims.define(target, GEO, "Scope")
    prims.define(target, MTL, "Scope")
    for old, new in moves.roots.items():
        _parent(target, new)
        Sdf.CopySpec(flat, old, target, new)
    for old, new in moves.materials.items():
        Sdf.CopySpec(flat, old, target, new)
    for old in moves.materials:
        root = next(r for r in moves.roots if old.HasPrefix(r))
        copied = target.GetPrimAtPath(old.ReplacePrefix(root, moves.roots[root]))
        if copied is not None:
            del copied.nameParent.nameChildren[copied.name]
    _forget_origins(target)
    for spec in list(_pointing(flat)):
        _point(spec, target, moves, scene)
    if target.GetPrimAtPath(PROTOTYPES):
        # prototypes are drawn through their instances only
        target.GetPrimAtPath(PROTOTYPES).specifier = Sdf.SpecifierOver
    _drop_cameras_and_lights(target, scene)


def _forget_origins(layer: Sdf.Layer) -> None:
    """assetInfo names the file that it was; the package is another one."""

    def clear(path: Sdf.Path) -> None:
        if path.IsPrimPath() and (spec := layer.GetPrimAtPath(path)).HasInfo("assetInfo"):
            spec.ClearInfo("assetInfo")

    layer.Traverse(Sdf.Path.absoluteRootPath, clear)


def _parent(target: Sdf.Layer, path: Sdf.Path) -> None:
    parent = path.GetParentPath()
    if parent != Sdf.Path.absoluteRootPath and not target.GetPrimAtPath(parent):
        prims.define(target, str(parent), "Scope")


def _pointing(layer: Sdf.Layer) -> Iterator[Sdf.Spec]:
    """Specs that name other prims of the layer."""
    found: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, found.append)
    for path in found:
        spec = layer.GetObjectAtPath(path)
        if isinstance(spec, Sdf.RelationshipSpec) or (
            isinstance(spec, Sdf.AttributeSpec) and spec.HasInfo("connectionPaths")
        ) or (isinstance(spec, Sdf.PrimSpec) and spec.HasInfo("references")):  # fmt: skip
            yield spec


def _point(spec: Sdf.Spec, target: Sdf.Layer, moves: Moves, scene: Scene) -> None:
    new = moves.to(spec.path)
    copied = target.GetObjectAtPath(new) if new is not None else None
    if copied is None:
        return
    if isinstance(spec, Sdf.PrimSpec):
        items = [r for r in spec.referenceList.GetAddedOrExplicitItems() if not r.assetPath]
        copied.referenceList.ClearEdits()
        for r in items:
            to = moves.to(r.primPath)
            if to is not None:
                copied.referenceList.Append(Sdf.Reference("", to, r.layerOffset))
        return
    old = spec.connectionPathList if isinstance(spec, Sdf.AttributeSpec) else spec.targetPathList
    fresh = copied.connectionPathList if isinstance(spec, Sdf.AttributeSpec) else copied.targetPathList
    paths = [(p, moves.to(p)) for p in old.GetAddedOrExplicitItems()]
    for p, to in paths:
        if to is None:
            scene.lose(str(spec.path), f"target {p}", "is no part of what is brought in")
    fresh.ClearEdits()
    fresh.explicitItems = [to for _, to in paths if to is not None]


def _drop_cameras_and_lights(layer: Sdf.Layer, scene: Scene) -> None:
    found: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, lambda p: found.append(p) if p.IsPrimPath() else None)
    for path in found:
        spec = layer.GetPrimAtPath(path)
        if spec is None or not spec.typeName:
            continue
        kind = Usd.SchemaRegistry.GetTypeFromName(spec.typeName)
        light = kind.IsA(UsdLux.BoundableLightBase) or kind.IsA(UsdLux.NonboundableLightBase)
        if spec.typeName == "Camera" or light:
            what = "camera" if spec.typeName == "Camera" else "light"
            scene.lose(str(path), what, f"an asset has no {what}s; the scene has them")
            if spec.nameChildren:
                spec.typeName = "Xform"
            else:
                del spec.nameParent.nameChildren[spec.name]
