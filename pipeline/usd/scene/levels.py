# SPDX-License-Identifier: Apache-2.0
"""Levels of detail of variant sets called LOD, and of UsdLod: coarser subtrees beside the full one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pxr import UsdLod

from pipeline.usd.scene.above import Above
from pipeline.usd.scene.model import Node, Scene
from pipeline.usd.scene.model.hierarchy import world_matrices
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.variant_sets import is_level_set, levels_of, variant_sets

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import SceneReader

__all__ = ["Leveled", "read_levels", "shown_level"]

#: where the refinement `lods` puts a level beneath an asset
_LEVEL = re.compile(r"^/lod/lod\d+(?=/)")


@dataclass(frozen=True, eq=False)
class Leveled:
    """A prim with UsdLod levels, of which the walk took one.

    Attributes
    ----------
    path
        The prim.
    nodes, number
        The list of nodes, and the number of the node of the level that was taken.
    levels
        The prim of that level and of the coarser ones after it.
    screen_sizes
        Share of the picture's area beneath which each of those serves; empty where no heuristic says it.
    above
        What the levels inherit.
    """

    path: str
    nodes: list[Node]
    number: int
    levels: tuple[Any, ...]
    screen_sizes: tuple[float, ...]
    above: Above


def shown_level(
    prim: Any, children: list[Any], nodes: list[Node], above: Above, time: Any, report: Report
) -> Leveled | None:
    """Which of the children of a prim is to be walked: the default level; None where they are no levels.

    The prim's node is the last of `nodes`; the level's becomes the next. Finer levels than the default are not read:
    whoever authored them does not show them.
    """
    if not prim.HasAPI(UsdLod.RootAPI):
        return None
    levels = [c for c in children if not c.IsA(UsdLod.Heuristic)]
    if not levels:
        return None
    root = UsdLod.RootAPI(prim)
    chosen = min(max(int(root.GetLodDefaultIndexAttr().Get(time) or 0), 0), len(levels) - 1)
    sizes: tuple[float, ...] = ()
    path = str(prim.GetPath())
    for target in root.GetLodHeuristicsRel().GetForwardedTargets():
        if UsdLod.DistanceHeuristic(prim.GetStage().GetPrimAtPath(target)):
            report.reduce(target, "distances of levels of detail", "exchange formats change levels by screen size")
        rule = UsdLod.ScreenSizeHeuristic(prim.GetStage().GetPrimAtPath(target))
        if rule:
            sizes = tuple(float(t) for t in rule.GetThresholdsAttr().Get(time) or ())[chosen:]
            break
    return Leveled(path, nodes, len(nodes), tuple(levels[chosen:]), sizes, above)


def read_levels(scene: Scene, reader: SceneReader, given: Mapping[str, str], root: str | None) -> Scene:
    """The scene with coarser levels as further nodes, which the full level's node names in `lods`."""
    nodes = list(scene.nodes)
    for found in reader.leveled:
        if found.nodes is not reader.main_nodes:
            reader.report.reduce(found.path, "levels of detail", "inside of a prototype only the default level is read")
            continue
        subtrees = [_subtree(reader, prim, found.above) for prim in found.levels[1:]]
        for number in (found.number, *(b for a, b in reader.copies if a == found.number)):
            _attach(nodes, number, subtrees, found.screen_sizes)
    _read_variants(reader, nodes, given, root)
    reader.bodies.link_skins(nodes)
    return replace(
        scene,
        nodes=tuple(nodes),
        meshes=(*scene.meshes, *reader.bodies.meshes[len(scene.meshes) :]),
        materials=tuple(reader.looks.materials),
        prototypes=reader.repeats.prototypes(),
        losses=reader.report.losses,
    )


def _read_variants(reader: SceneReader, nodes: list[Node], given: Mapping[str, str], root: str | None) -> None:
    stage = reader.stage
    for path, name, variants, selection in variant_sets(stage, root):
        if not is_level_set(name) or len(variants) < 2 or name in given or f"{path}{{{name}}}" in given:
            continue
        number = next((i for i, n in enumerate(nodes) if n.path == path and not n.lod), None)
        order = levels_of(variants)
        if number is None or (selection and selection not in order):
            continue
        if nodes[number].lods:
            reader.report.reduce(path, f"variant set {name}", "another set already gives its levels of detail")
            continue
        subtrees = []
        # what is shown without a selection stands for the finest
        for variant in order[order.index(selection) + 1 if selection else 1 :]:
            stage.GetPrimAtPath(path).GetVariantSet(name).SetVariantSelection(variant)
            subtrees.append(_subtree(reader, stage.GetPrimAtPath(path), Above(purpose=nodes[number].purpose)))
        chosen = stage.GetPrimAtPath(path).GetVariantSet(name)
        if selection:
            chosen.SetVariantSelection(selection)
        else:
            chosen.ClearVariantSelection()
        if not _attach_by_mesh(nodes, number, subtrees):
            _attach(nodes, number, subtrees, ())


def _subtree(reader: SceneReader, prim: Any, above: Above) -> list[Node]:
    """The nodes of a coarser level: only its geometry counts."""
    found: list[Node] = []
    reader.walk([prim], found, replace(above, parent=-1), main=False)
    reader.bodies.settle()
    reader.looks.bind()
    return [replace(n, camera=None, light=None, skeleton=None, skin_root=None, weights=None) for n in found]


def _attach_by_mesh(nodes: list[Node], number: int, subtrees: list[list[Node]]) -> bool:
    """Give every mesh beneath a node its own coarser meshes; whether each of them has one finer in the same place.

    Engines want levels mesh by mesh (`wheel_LOD1` beside `wheel_LOD0`), on one skeleton. A mesh of a level is known by
    its path: the finer one's, or that beneath `lod/lod1`.
    """
    root = nodes[number].path
    below = {number}
    for i in range(number + 1, len(nodes)):  # parents stand before children
        if nodes[i].parent in below:
            below.add(i)
    full = {_within(nodes[i].path, root): i for i in sorted(below) if nodes[i].mesh is not None}
    world = world_matrices(nodes)
    above = np.eye(4) if nodes[number].parent < 0 else world[nodes[number].parent]
    found: list[list[tuple[int, Node]]] = []
    for subtree in subtrees:
        placed = world_matrices(subtree)
        pairs = []
        for k, node in enumerate(subtree):
            if node.mesh is None:
                continue
            fine = full.get(_within(node.path, subtree[0].path))
            if fine is None or nodes[fine].lods or nodes[fine].instances is not None or node.instances is not None:
                return False
            if not np.allclose(placed[k] @ above, world[fine], rtol=1e-6, atol=1e-6 * np.abs(world[fine]).max()):
                return False
            pairs.append((fine, node))
        if not pairs or len({fine for fine, _ in pairs}) < len(pairs):
            return False
        found.append(pairs)
    levels: dict[int, list[int]] = {}
    for level, pairs in enumerate(found, 1):
        for fine, node in pairs:
            own = nodes[fine]
            if node.mesh == own.mesh:  # what a level does not change needs none
                continue
            levels.setdefault(fine, []).append(len(nodes))
            coarse = replace(own, name=f"{own.name}_LOD{level}", mesh=node.mesh, path=node.path, lod=level, lods=())
            nodes.append(replace(coarse, weights=None))
    for fine, made in levels.items():
        nodes[fine] = replace(nodes[fine], lods=tuple(made))
    return True


def _within(path: str, root: str) -> str:
    return _LEVEL.sub("", path.removeprefix(root))


def _attach(nodes: list[Node], number: int, subtrees: list[list[Node]], screen_sizes: tuple[float, ...]) -> None:
    """Add the nodes of coarser levels beside the full one, and name them there."""
    made: list[int] = []
    own = nodes[number]
    for level, subtree in enumerate((s for s in subtrees if s), 1):
        start = len(nodes)
        made.append(start)
        cut, prefix = len(subtree[0].path.rpartition("/")[0]), own.path.rpartition("/")[0]
        for n in subtree:
            parent = own.parent if n.parent < 0 else n.parent + start
            nodes.append(replace(n, parent=parent, lod=level, path=prefix + n.path[cut:]))
    nodes[number] = replace(own, lods=tuple(made), lod_screen_sizes=screen_sizes[: len(made)])
