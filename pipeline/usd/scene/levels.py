# SPDX-License-Identifier: Apache-2.0
"""Levels of detail of variant sets called LOD, and of UsdLod: coarser subtrees beside the full one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.usd.scene.model import Node, Scene

if TYPE_CHECKING:
    from pipeline.usd.scene.walk import SceneReader

__all__ = ["is_level_set", "rank", "read_levels"]

_SETS = re.compile(r"^(lod|lods|lodvariant|levelofdetail|level_of_detail|geo_?lod)s?$", re.IGNORECASE)


def is_level_set(name: str) -> bool:
    """Whether a variant set of this name is understood as levels of detail."""
    return bool(_SETS.match(name))


def read_levels(scene: Scene, reader: SceneReader, given: Mapping[str, str], root: str | None) -> Scene:
    """The scene with coarser levels as further nodes, which the full level's node names in `lods`."""
    from pipeline.usd.scene.variants import variant_sets
    from pipeline.usd.scene.walk import Above

    stage = reader.stage
    nodes = list(scene.nodes)
    for path, name, variants, selection in variant_sets(stage, root):
        if not is_level_set(name) or len(variants) < 2 or name in given or f"{path}{{{name}}}" in given:
            continue
        number = next((i for i, n in enumerate(nodes) if n.path == path and not n.lod), None)
        order = sorted(variants, key=rank)
        if number is None or selection not in order:
            continue
        if nodes[number].lods:
            reader.report.reduce(path, f"variant set {name}", "another set already gives its levels of detail")
            continue
        made: list[int] = []
        for level, variant in enumerate(order[order.index(selection) + 1 :], 1):
            stage.GetPrimAtPath(path).GetVariantSet(name).SetVariantSelection(variant)
            subtree: list[Node] = []
            own = nodes[number]
            reader.walk([stage.GetPrimAtPath(path)], subtree, Above(purpose=own.purpose), main=False)
            reader.bodies.settle()
            reader.looks.bind()
            start = len(nodes)
            made.append(start)
            nodes += [_level(n, start, own.parent, level) for n in subtree]
        stage.GetPrimAtPath(path).GetVariantSet(name).SetVariantSelection(selection)
        nodes[number] = replace(nodes[number], lods=tuple(made))
    return replace(
        scene,
        nodes=tuple(nodes),
        meshes=(*scene.meshes, *reader.bodies.meshes[len(scene.meshes) :]),
        materials=tuple(reader.looks.materials),
        prototypes=reader.repeats.prototypes(),
        losses=reader.report.losses,
    )


def _level(node: Node, start: int, parent: int, level: int) -> Node:
    """A node of a coarser level: only its geometry counts."""
    return replace(
        node,
        parent=parent if node.parent < 0 else node.parent + start,
        lod=level,
        camera=None,
        light=None,
        skeleton=None,
        skin_root=None,
        weights=None,
    )


def rank(name: str) -> tuple[float, str]:
    """Finest first: by the number in the name, else by the trade's words."""
    digits: Any = re.findall(r"\d+", name)
    if digits:
        return float(digits[-1]), name
    words = {"high": 0.0, "full": 0.0, "render": 0.0, "medium": 1.0, "mid": 1.0, "low": 2.0, "proxy": 3.0}
    return words.get(name.lower(), 9.0), name
