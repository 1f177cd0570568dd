# SPDX-License-Identifier: Apache-2.0
"""What an engine wants of a GLB: names, sockets beneath their mesh, collision hulls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline import progress
from pipeline.exporters.gltf.container import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, Document
from pipeline.exporters.gltf.hierarchy import Hierarchy
from pipeline.exporters.gltf.transforms import SHEAR
from pipeline.exporters.hulls import hull_name, hulls_of, wants_hulls
from pipeline.exporters.sockets import sockets
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import Node, Scene
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.xforms import decompose

__all__ = ["add_hulls", "engine_nodes"]


def engine_nodes(scene: Scene, target: Target, report: Report) -> list[Node]:
    """The scene's nodes, in their order, named and placed as a target wants them; a socket may stand before its mesh.

    Without a target's name nothing is renamed but levels of detail, which would all be called as the full one.
    """
    nodes = list(scene.nodes)
    for i, node in enumerate(scene.nodes):
        if node.mesh is not None and not node.lod:
            nodes[i] = replace(node, name=_prefixed(scene, node, target))
    pattern = target.geometry.lod_names
    for i, node in enumerate(scene.nodes):
        if not node.lods:
            continue
        base = nodes[i].name
        for number in node.lods:
            nodes[number] = replace(nodes[number], name=pattern.format(mesh=base, level=nodes[number].lod))
        if target.name:
            nodes[i] = replace(nodes[i], name=pattern.format(mesh=base, level=0))
    for i, socket in sockets(scene, target.sockets, report).items():
        nodes[i] = replace(nodes[i], name=socket.name, parent=socket.owner, matrix=socket.matrix)
    return nodes


def _prefixed(scene: Scene, node: Node, target: Target) -> str:
    assert node.mesh is not None
    mesh = scene.meshes[node.mesh]
    deforms = mesh.skin is not None or bool(mesh.blend_shapes)
    prefix = target.names.skeletal_mesh if deforms else target.names.static_mesh
    return node.name if node.name.startswith(prefix) else prefix + node.name


def add_hulls(hierarchy: Hierarchy, nodes: Sequence[Node], scene: Scene, target: Target, report: Report) -> None:
    """Convex hulls of every mesh that stands still, as nodes that say so in `extras.collision`.

    Unreal's stand at the root, under the render mesh's name; others are children of the mesh's node.
    """
    style, document = target.geometry.collision_names, hierarchy.document
    cut: dict[int, list[int]] = {}
    for i, node in progress.track(list(enumerate(nodes)), "cutting collision hulls"):
        if node.instances is not None:
            report.lose(node.path, "collision of a point instancer", "give its prototypes collision in the engine")
        if not wants_hulls(scene, node, node.name):
            continue
        assert node.mesh is not None
        mesh = scene.meshes[node.mesh]
        name = node.name
        if node.mesh not in cut:
            found = hulls_of(mesh, node.path, target.geometry.max_hulls, target.geometry.concavity, report)
            cut[node.mesh] = [
                _stored(document, hull_name(style, name, k), hull.points, hull.triangles)
                for k, hull in enumerate(found, 1)
            ]
        world = scene.world_matrices[i]
        at_root = style == "unreal" and decompose(world)[3] <= SHEAR
        for k, number in enumerate(cut[node.mesh], 1):
            title = hull_name(style, name, k)
            made = hierarchy.add(title, world) if at_root else hierarchy.add(title, None, hierarchy.nodes[i])
            hierarchy.items[made].update(mesh=number, extras={"collision": "convex"})


def _stored(document: Document, name: str, points: Any, triangles: Any) -> int:
    attributes = {"POSITION": document.accessor(points.astype(np.float32), ARRAY_BUFFER, bounds=True)}
    indices = document.accessor(triangles.reshape(-1).astype(np.uint16), ELEMENT_ARRAY_BUFFER)
    return document.add("meshes", {"name": name, "primitives": [{"attributes": attributes, "indices": indices}]})
