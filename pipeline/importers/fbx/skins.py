# SPDX-License-Identifier: Apache-2.0
"""Deformers: clusters of a skin as joints and weights, blend shapes as targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.importers.fbx.document import Document, Object
from pipeline.importers.scene import Mesh, MorphTarget, Scene, Skin


def read_skin(document: Document, geometry: Object, mesh: Mesh, nodes: dict[int, int], scene: Scene) -> int:
    """Give the mesh its weights and the scene a skin; returns its number, -1 without one.

    Transform holds the mesh's place in the bone's space when bound, so it is the inverse bind matrix.
    """
    skins = document.children(geometry, "Deformer", "Skin")
    if not skins:
        return -1
    if len(skins) > 1:
        scene.lose(mesh.name, "further skins", "a mesh has one")
    joints: list[int] = []
    binds: list[NDArray[np.float64]] = []
    points: list[NDArray[np.int64]] = []
    owners: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float64]] = []
    for cluster in document.children(skins[0], "Deformer", "Cluster"):
        bone = next(iter(document.children(cluster, "Model")), None)
        if bone is None:
            scene.lose(mesh.name, f"cluster {cluster.name}", "it belongs to no bone")
            continue
        record = cluster.record
        bind = document.array(record, "Transform", np.float64)
        matrix = bind.reshape(4, 4) if bind is not None and bind.size == 16 and np.isfinite(bind).all() else np.eye(4)
        at = document.array(record, "Indexes", np.int64)
        amount = document.array(record, "Weights", np.float64)
        number = len(joints)
        joints.append(nodes[bone.id])
        binds.append(matrix)
        if at is None or amount is None:
            continue
        n = min(len(at), len(amount))
        at, amount = at[:n], amount[:n]
        sound = (at >= 0) & (at < len(mesh.points)) & np.isfinite(amount) & (amount != 0)
        if not sound.all() and ((at < 0) | (at >= len(mesh.points))).any():
            scene.lose(mesh.name, f"weights of {bone.name}", "they name points that are not there")
        points.append(at[sound])
        weights.append(amount[sound])
        owners.append(np.full(int(sound.sum()), number, np.int64))
    if not joints:
        return -1
    if points:
        mesh.joints, mesh.weights = _table(
            len(mesh.points), np.concatenate(points), np.concatenate(owners), np.concatenate(weights)
        )
    if mesh.joints is None:
        return -1
    scene.skins.append(Skin(mesh.name, joints, np.stack(binds)))
    return len(scene.skins) - 1


def _table(
    count: int, points: NDArray[np.int64], owners: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int32] | None, NDArray[np.float32] | None]:
    """Influences point by point, `(count, k)`, strongest first; k is the most that any point has."""
    if not len(points):
        return None, None
    order = np.lexsort((-weights, points))
    points, owners, weights = points[order], owners[order], weights[order]
    uses = np.bincount(points, minlength=count)
    rank = np.arange(len(points)) - np.repeat(np.cumsum(uses) - uses, uses)
    width = int(uses.max())
    joints = np.zeros((count, width), np.int32)
    table = np.zeros((count, width), np.float32)
    joints[points, rank] = owners
    table[points, rank] = weights
    return joints, table


def read_shapes(document: Document, geometry: Object, mesh: Mesh, scene: Scene) -> tuple[list[Object], list[float]]:
    """Give the mesh its blend shapes; returns their channels and what each is at rest."""
    channels: list[Object] = []
    rest: list[float] = []
    for deformer in document.children(geometry, "Deformer", "BlendShape"):
        for channel in document.children(deformer, "Deformer", "BlendShapeChannel"):
            shapes = document.children(channel, "Geometry", "Shape")
            if not shapes:
                continue
            full = document.array(channel.record, "FullWeights", np.float64)
            chosen = len(shapes) - 1
            if full is not None and len(full) == len(shapes):
                chosen = int(np.argmax(full))
            if len(shapes) > 1:
                scene.lose(mesh.name, f"in-betweens of {channel.name}", "the shape at full weight is kept")
            target = _target(document, shapes[chosen], channel.name, len(mesh.points))
            if target is None:
                scene.lose(mesh.name, f"blend shape {channel.name}", "it does not fit the mesh")
                continue
            mesh.targets.append(target)
            channels.append(channel)
            value = channel.record.value("DeformPercent", 0.0)
            percent = channel.number("DeformPercent", float(value) if isinstance(value, int | float) else 0.0)
            rest.append(percent / 100.0)
    return channels, rest


def _target(document: Document, shape: Object, name: str, count: int) -> MorphTarget | None:
    offsets = document.rows(shape.record, "Vertices", 3)
    at = document.array(shape.record, "Indexes", np.int64)
    if offsets is None or at is None or len(at) != len(offsets):
        return None
    if len(at) and (at.min() < 0 or at.max() >= count):
        return None
    dense = np.zeros((count, 3))
    dense[at] = offsets
    normals = document.rows(shape.record, "Normals", 3)
    turned = None
    if normals is not None and len(normals) == len(at) and normals.any():
        turned = np.zeros((count, 3))
        turned[at] = normals
    return MorphTarget(name, dense, turned)
