# SPDX-License-Identifier: Apache-2.0
"""The scene as a flat list of what is drawn where, with instances as arrays of matrices; bounds and counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.usd.scene.model import Doubles, Floats, Node, Scene, world_matrices
from pipeline.usd.scene.xforms import compose

__all__ = ["Draw", "bounds", "draws", "group_matrices"]


@dataclass(frozen=True, eq=False)
class Draw:
    """One mesh, drawn k times.

    Attributes
    ----------
    node
        The node that holds the mesh (of the scene, or of a prototype).
    mesh
        Number into `Scene.meshes`.
    materials
        For each slot of the mesh, the material or -1.
    matrices
        `(k, 4, 4) float64` to the world.
    number
        The node's number in `Scene.nodes`; for what a PointInstancer repeats, the instancer's number.
    instancer
        The path of the PointInstancer, empty where there is none.
    """

    node: Node
    mesh: int
    materials: tuple[int, ...]
    matrices: Doubles
    number: int
    instancer: str = ""


def draws(scene: Scene, *, lods: bool = False) -> Iterator[Draw]:
    """Everything that is drawn; coarser levels of detail only when asked for."""
    world = scene.world_matrices
    for i, node in enumerate(scene.nodes):
        if node.lod and not lods:
            continue
        if node.mesh is not None:
            yield Draw(node, node.mesh, node.materials, world[i : i + 1], i)
        if node.instances is not None:
            for inner, matrices in group_matrices(scene, node):
                if inner.mesh is not None:
                    yield Draw(inner, inner.mesh, inner.materials, matrices @ world[i], i, node.path)


def group_matrices(scene: Scene, node: Node, depth: int = 0) -> Iterator[tuple[Node, Doubles]]:
    """Nodes with a mesh that a PointInstancer repeats, each with its `(k, 4, 4)` matrices in the node's space.

    Instancers inside of prototypes are multiplied out.
    """
    group = node.instances
    if group is None or depth > 16:
        return
    all_matrices = compose(group.translations, group.rotations, group.scales)
    for slot in np.flatnonzero(np.bincount(group.prototype, minlength=len(group.prototypes))).tolist():
        matrices = all_matrices[group.prototype == slot]
        prototype = scene.prototypes[group.prototypes[slot]]
        world = world_matrices(prototype.nodes)
        for i, inner in enumerate(prototype.nodes):
            if inner.lod:
                continue
            if inner.mesh is not None:
                yield inner, world[i] @ matrices
            for below, own in group_matrices(scene, inner, depth + 1):
                product = (own @ world[i])[None, :] @ matrices[:, None]
                yield below, product.reshape(-1, 4, 4)


def bounds(scene: Scene, *, posed: bool = True, edges: bool = True) -> Doubles | None:
    """World bounds `(2, 3)` of everything that is drawn at the time that was read, in metres, Y up.

    Parameters
    ----------
    posed
        Skinned and shaped; otherwise skinned meshes count as they are stored, untransformed.
    edges
        Faces of two corners count too.
    """
    from pipeline.usd.scene.posing import posed_points

    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    extremes: dict[int, Floats] = {}
    for draw in draws(scene):
        mesh = scene.meshes[draw.mesh]
        if not len(mesh.face_vertices):
            continue
        named = mesh.face_vertices
        if edges and mesh.edges is not None:
            named = np.concatenate([named, mesh.edges.ravel()])
        stood = posed_points(scene, draw.node, draw.number) if posed else _stored(scene, draw)
        if stood is not None:
            used = stood[np.unique(named)]
            low, high = np.minimum(low, used.min(0)), np.maximum(high, used.max(0))
            continue
        points = extremes.get(draw.mesh)
        if points is None:
            used_points = _used(mesh.points, named)
            points = used_points if len(draw.matrices) == 1 else _hull(used_points)
            extremes[draw.mesh] = points
        for start in range(0, len(draw.matrices), max(1, (1 << 20) // max(1, len(points)))):
            chunk = draw.matrices[start : start + max(1, (1 << 20) // max(1, len(points)))]
            for axis in range(3):
                along = points @ chunk[:, :3, axis].T.astype(np.float32)
                shift = chunk[:, 3, axis]
                low[axis] = min(low[axis], float((along.min(0) + shift).min()))
                high[axis] = max(high[axis], float((along.max(0) + shift).max()))
    return None if not np.isfinite(low).all() else np.stack([low, high])


def _stored(scene: Scene, draw: Draw) -> Floats | None:
    """The points of a skinned mesh as they are stored; None for others."""
    mesh = scene.meshes[draw.mesh]
    return mesh.points if mesh.skin is not None and draw.node.skin_root is not None else None


def _used(points: Floats, vertices: np.ndarray) -> Floats:
    used = np.zeros(len(points), bool)
    used[vertices] = True
    return points if used.all() else points[used]


def _hull(points: Floats) -> Floats:
    """The points on the convex hull, which alone decide the bounds of any linear image."""
    from scipy.spatial import ConvexHull, QhullError

    if len(points) < 64:
        return points
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # flat or of one point
        return points
