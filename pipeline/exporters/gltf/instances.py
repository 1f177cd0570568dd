# SPDX-License-Identifier: Apache-2.0
"""What PointInstancers repeat: one node with arrays (EXT_mesh_gpu_instancing), or a node for each."""

from __future__ import annotations

import numpy as np

from pipeline.exporters.gltf.hierarchy import Hierarchy
from pipeline.exporters.gltf.meshes import MeshWriter
from pipeline.exporters.gltf.transforms import SHEAR, unsheared
from pipeline.usd.scene.draws import group_matrices
from pipeline.usd.scene.model import Doubles, Node
from pipeline.usd.scene.xforms import decompose

__all__ = ["add_instances"]


def add_instances(hierarchy: Hierarchy, meshes: MeshWriter, number: int, node: Node, *, gpu: bool) -> None:
    """Everything that a PointInstancer repeats, one glTF node for each mesh, or for each instance.

    Parameters
    ----------
    number, node
        The instancer in the scene.
    gpu
        Arrays in one node, where there is more than one and none is sheared.
    """
    scene, parent = hierarchy.scene, hierarchy.nodes[number]
    count = 0
    for inner, placed in group_matrices(scene, node):
        assert inner.mesh is not None
        made = meshes.mesh(inner.mesh, inner.materials, skinned=False)
        if made is None:
            continue
        gltf_mesh, geometry = made
        matrices = placed if geometry.unpack is None else geometry.unpack @ placed
        parts = decompose(matrices)
        name = inner.name if not count else f"{inner.name}_{count}"
        count += 1
        if gpu and bool((parts[3] <= SHEAR).all()) and len(matrices) > 1:
            _gpu(hierarchy, parent, name, gltf_mesh, parts)
        else:
            _each(hierarchy, parent, name, gltf_mesh, matrices, parts)
    _report_views(hierarchy, node)


def _report_views(hierarchy: Hierarchy, node: Node) -> None:
    assert node.instances is not None
    report = hierarchy.report
    for number in node.instances.prototypes:
        for inner in hierarchy.scene.prototypes[number].nodes if number >= 0 else ():
            if inner.camera is not None or inner.light is not None:
                report.lose(inner.path, "cameras and lights of a prototype", "only meshes are repeated")
            if inner.skeleton is not None:
                report.lose(inner.path, "skeleton of a prototype", "its meshes stand as they were bound")


def _gpu(hierarchy: Hierarchy, parent: int, name: str, mesh: int, parts: tuple[Doubles, ...]) -> None:
    document = hierarchy.document
    translation, rotation, scale, _ = parts
    attributes = {"TRANSLATION": document.accessor(translation.astype(np.float32))}
    if (np.abs(rotation[:, 3]) < 1 - 1e-12).any():
        attributes["ROTATION"] = document.accessor(rotation.astype(np.float32))
    if (np.abs(scale - 1) > 1e-7).any():
        attributes["SCALE"] = document.accessor(scale.astype(np.float32))
    item = hierarchy.items[hierarchy.add(name, None, parent)]
    item.update(mesh=mesh, extensions={"EXT_mesh_gpu_instancing": {"attributes": attributes}})
    document.use("EXT_mesh_gpu_instancing", required=True)


def _each(
    hierarchy: Hierarchy, parent: int, name: str, mesh: int, matrices: Doubles, parts: tuple[Doubles, ...]
) -> None:
    items = hierarchy.items
    children = items[parent].setdefault("children", [])
    translation, rotation, scale, shear = parts
    bent = (shear > SHEAR).tolist()
    rows = zip(translation.tolist(), rotation.tolist(), scale.tolist(), bent, strict=True)
    for k, (place, turn, size, sheared) in enumerate(rows):
        children.append(len(items))
        if sheared:
            outer, inner = unsheared(matrices[k])
            items.append({"name": f"{name}_{k}_shear", **outer, "children": [len(items) + 1]})
            items.append({"name": f"{name}_{k}", "mesh": mesh, **inner})
        else:
            items.append({"name": f"{name}_{k}", "mesh": mesh, "translation": place, "rotation": turn, "scale": size})
