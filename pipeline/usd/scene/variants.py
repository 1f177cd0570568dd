# SPDX-License-Identifier: Apache-2.0
"""Variant sets: those that only change materials are read, the others are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pxr import UsdShade

from pipeline.usd.scene.materials import read_material
from pipeline.usd.scene.model import Material, Node, Scene, VariantMaterials
from pipeline.usd.scene.variant_sets import is_level_set, variant_sets

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import SceneReader

__all__ = ["read_material_variants"]

#: variants tried in one scene
_MOST = 256
_GEOMETRY = ("Mesh", "Sphere", "Cube", "Cone", "Cylinder", "Capsule", "Plane", "BasisCurves", "Points",
             "PointInstancer", "Camera", "SkelRoot", "Skeleton")  # fmt: skip


def read_material_variants(scene: Scene, reader: SceneReader, given: Mapping[str, str], root: str | None) -> Scene:
    """The scene with one entry for each variant of the sets that only change materials.

    Parameters
    ----------
    given
        The caller's selections: those sets were chosen on purpose and are left alone.
    root
        The exported subtree.
    """
    stage = reader.stage
    # the walk's list and the scene's nodes are the same nodes in the same order
    nodes = scene.nodes
    kept: list[tuple[str, str, str, dict[int, tuple[int, ...]]]] = []
    tried = 0
    for path, name, variants, selection in variant_sets(stage, root):
        if len(variants) < 2 or is_level_set(name) or name in given or f"{path}{{{name}}}" in given:
            continue
        others = [v for v in variants if v != selection]
        if _changes_geometry(stage, path, name) or tried + len(variants) > _MOST:
            shown = selection or "no variant"
            reader.report.reduce(
                path, f"variant set {name}", f"{shown} is exported; {', '.join(others[:8])} change more than materials"
            )
            continue
        tried += len(variants)
        kept += _tried(stage, reader, nodes, (path, name, variants, selection))
    if not kept:
        return replace(scene, losses=reader.report.losses)
    counts: dict[str, int] = {}
    for _, _, variant, _ in kept:
        counts[variant] = counts.get(variant, 0) + 1
    rows = tuple(
        VariantMaterials(
            variant if counts[variant] == 1 else f"{path.rsplit('/', 1)[-1]} {name}: {variant}",
            path, name, variant, materials,
        )
        for path, name, variant, materials in kept
    )  # fmt: skip
    return replace(scene, variants=rows, materials=tuple(reader.looks.materials), losses=reader.report.losses)


def _changes_geometry(stage: Any, path: str, name: str) -> bool:
    """Whether some variant of a set brings prims that are drawn, or other layers."""
    for spec in stage.GetPrimAtPath(path).GetPrimStack():
        variant_set = spec.variantSets.get(name)
        if variant_set is None:
            continue
        for variant in variant_set.variants.values():
            specs = [variant.primSpec]
            while specs:
                one = specs.pop()
                if one.hasReferences or one.hasPayloads or one.typeName in _GEOMETRY:
                    return True
                if any(p.name in {"points", "visibility", "active", "xformOpOrder"} for p in one.properties):
                    return True
                specs += list(one.nameChildren)
                if one.variantSets:
                    return True
    return False


def _tried(
    stage: Any, reader: SceneReader, nodes: tuple[Node, ...], of: tuple[str, str, list[str], str]
) -> list[tuple[str, str, str, dict[int, tuple[int, ...]]]]:
    """Select each variant in turn and look up the materials of what lies beneath."""
    path, name, variants, selection = of
    beneath = [
        i for i, n in enumerate(nodes)
        if n.mesh is not None and not n.lod and (n.path == path or n.path.startswith(path + "/"))
    ]  # fmt: skip
    rows: dict[str, dict[int, tuple[int, ...]]] = {}
    contents: dict[str, list[tuple[Material, int]]] = {}
    for material_path, number in reader.looks.by_path.items():
        contents.setdefault(material_path, []).append((reader.looks.materials[number], number))
    for variant in variants:
        stage.GetPrimAtPath(path).GetVariantSet(name).SetVariantSelection(variant)
        rows[variant] = _bound(stage, reader, nodes, beneath, contents, variant)
    chosen = stage.GetPrimAtPath(path).GetVariantSet(name)
    if selection:
        chosen.SetVariantSelection(selection)
    else:
        chosen.ClearVariantSelection()
    changed = {i for i in beneath if any(rows[v].get(i) != nodes[i].materials for v in variants)}
    if not changed:
        return []
    return [(path, name, v, {i: rows[v][i] for i in changed if i in rows[v]}) for v in variants]


def _bound(
    stage: Any,
    reader: SceneReader,
    nodes: tuple[Node, ...],
    beneath: list[int],
    contents: dict[str, list[tuple[Material, int]]],
    variant: str,
) -> dict[int, tuple[int, ...]]:
    """The materials of each node's slots as the stage now binds them."""
    prims, owners = [], []
    for i in beneath:
        prim = stage.GetPrimAtPath(nodes[i].path)
        mesh_number = nodes[i].mesh
        if not prim or mesh_number is None:
            continue
        for slot, part in enumerate(reader.bodies.meshes[mesh_number].slots):
            subset = prim.GetChild(part.name) if part.name != prim.GetName() else None
            prims.append(subset if subset else prim)
            owners.append((i, slot))
    found, _ = UsdShade.MaterialBindingAPI.ComputeBoundMaterials(prims)
    rows: dict[int, list[int]] = {i: list(nodes[i].materials) for i, _ in owners}
    fresh: dict[str, int] = {}
    for (i, slot), material in zip(owners, found, strict=True):
        if not material:
            rows[i][slot] = -1
            continue
        key = str(material.GetPath())
        if key not in fresh:
            fresh[key] = _number(reader, material.GetPrim(), contents.setdefault(key, []), variant)
        rows[i][slot] = fresh[key]
    return {i: tuple(row) for i, row in rows.items()}


def _number(reader: SceneReader, prim: Any, known: list[tuple[Material, int]], variant: str) -> int:
    """The number of a material with these contents; a new one where the variant changed them."""
    made = read_material(prim, reader.time, reader.report)
    for other, number in known:
        if dict(other.inputs) == dict(made.inputs) and other.opacity_mode == made.opacity_mode:
            return number
    if known:
        made = replace(made, name=f"{made.name}_{variant}", path=f"{made.path}{{{variant}}}")
    reader.looks.materials.append(made)
    known.append((made, len(reader.looks.materials) - 1))
    return len(reader.looks.materials) - 1
