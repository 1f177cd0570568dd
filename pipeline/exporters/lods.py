# SPDX-License-Identifier: Apache-2.0
"""Coarser levels of detail made for a target where the stage has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.errors import GatesError
from pipeline.mesh import meshopt
from pipeline.usd.scene.model import Floats, Mesh, Node, Primvar, Scene, Skin
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.weld import weld

__all__ = ["with_levels"]

#: meshes of fewer triangles are not worth a level
_FEWEST = 64
_UV_WEIGHT = 1.0


def with_levels(scene: Scene, shares: tuple[float, ...], report: Report) -> Scene:
    """The scene with a level of each share of the triangles for every mesh that has none.

    Parameters
    ----------
    shares
        Of the full level's triangles, falling: `(0.5, 0.25)`.
    """
    if not shares:
        return scene
    if not meshopt.available():
        report.lose(
            "/" + scene.name, "levels of detail", "meshoptimizer is not installed: pip install 'sevengates[fast]'"
        )
        return scene
    nodes, meshes = list(scene.nodes), list(scene.meshes)
    made: dict[int, list[int]] = {}
    leveled = _beneath_levels(nodes)
    for i, node in enumerate(scene.nodes):
        if node.mesh is None or node.lod or i in leveled:
            continue
        if node.mesh not in made:
            made[node.mesh] = _levels(meshes, node.mesh, shares, report)
        levels = []
        for level, number in enumerate(made[node.mesh], 1):
            levels.append(len(nodes))
            nodes.append(_coarse(node, number, level))
        if levels:
            nodes[i] = replace(node, lods=tuple(levels))
    return replace(scene, nodes=tuple(nodes), meshes=tuple(meshes))


def _beneath_levels(nodes: list[Node]) -> set[int]:
    """Nodes that are part of a subtree with levels of its own."""
    found: set[int] = set()
    for i, node in enumerate(nodes):
        if node.lods or node.lod or node.parent in found:
            found.add(i)
    return found


def _coarse(node: Node, mesh: int, level: int) -> Node:
    return replace(node, name=f"{node.name}_LOD{level}", mesh=mesh, lod=level, lods=(), instances=None, weights=None)


def _levels(meshes: list[Mesh], number: int, shares: tuple[float, ...], report: Report) -> list[int]:
    """Numbers of the coarser meshes of one mesh, added to the list."""
    mesh = meshes[number]
    if mesh.kind != "polygons" or mesh.triangle_count < _FEWEST or mesh.track is not None:
        return []
    if mesh.blend_shapes:
        report.lose(mesh.path, "levels of detail", "a mesh with blend shapes keeps its one level")
        return []
    result = []
    for share in shares:
        try:
            meshes.append(_simplified(mesh, share))
        except GatesError as error:
            report.lose(mesh.path, "levels of detail", error.message)
            break
        result.append(len(meshes) - 1)
    return result


def _simplified(mesh: Mesh, share: float) -> Mesh:
    """A share of the triangles over vertices that stay where they are; seams of UVs and slots stay shut."""
    kept = [p for p in (mesh.color, mesh.opacity, *mesh.uvs) if p is not None]
    vertices = weld(mesh, kept)
    points = vertices.of_points(mesh.points)
    uvs = [vertices.of(p, mesh)[:, :2] for p in mesh.uvs[:2]]
    attributes = np.concatenate(uvs, axis=1) if uvs else None
    weights = None if attributes is None else np.full(attributes.shape[1], _UV_WEIGHT)
    slots = np.zeros(len(vertices.triangles), np.int32)
    if mesh.face_slots is not None:
        slots = mesh.face_slots[mesh.triangle_faces]
    faces, parts = [], []
    for slot in np.unique(slots).tolist():
        own = vertices.triangles[slots == slot]
        goal = max(4, round(len(own) * share))
        used, local = np.unique(own, return_inverse=True)
        options = meshopt.LOCK_BORDER if mesh.face_slots is not None else 0
        fewer, _ = meshopt.simplify(
            points[used],
            local.reshape(-1, 3),
            goal,
            None if attributes is None else attributes[used],
            weights,
            options=options,
        )
        faces.append(used[fewer])
        parts.append(np.full(len(fewer), slot, np.int32))
    triangles = np.concatenate(faces)
    used, local = np.unique(triangles, return_inverse=True)

    def carried(primvar: Primvar | None) -> Primvar | None:
        if primvar is None:
            return None
        values: Floats = np.ascontiguousarray(vertices.of(primvar, mesh)[used])
        return Primvar(primvar.name, values, None, "vertex")

    skin = mesh.skin
    if skin is not None:
        origin = used if vertices.points is None else vertices.points[used]
        skin = Skin(skin.joints[origin], skin.weights[origin], skin.bind, skin.method, skin.rigid)
    return Mesh(
        name=mesh.name,
        path=mesh.path,
        points=np.ascontiguousarray(points[used]),
        face_counts=np.full(len(triangles), 3, np.int32),
        face_vertices=local.reshape(-1).astype(np.int32),
        uvs=tuple(p for p in (carried(p) for p in mesh.uvs) if p is not None),
        color=carried(mesh.color),
        opacity=carried(mesh.opacity),
        slots=mesh.slots,
        face_slots=np.concatenate(parts) if mesh.face_slots is not None else None,
        double_sided=mesh.double_sided,
        faceted=mesh.faceted and mesh.normals is None,
        subdivision="none",
        skin=skin,
    )
