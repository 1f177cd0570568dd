# SPDX-License-Identifier: Apache-2.0
"""Where skinned and shaped points stand: linear blend skinning and blend shapes in numpy."""

from __future__ import annotations

import numpy as np

from pipeline.usd.scene.model import BlendShape, Doubles, Floats, Ints, Node, Scene
from pipeline.usd.scene.skeletons import skeleton_from_local

__all__ = ["posed_points", "shape_weights", "skinned", "standing_points"]


def shape_weights(shape: BlendShape, weight: Floats) -> Floats:
    """How much each of a blend shape's offsets counts at the weights `(k,)`: `(k, shapes) float32`.

    Between two neighbouring weights (0 is one of them) the two mix linearly; beyond the last, the last two go on
    (UsdSkelBlendShapeQuery).
    """
    stops = np.array([0.0, *(s.weight for s in shape.shapes)])
    order = np.argsort(stops, kind="stable")
    sorted_stops = stops[order]
    high = np.clip(np.searchsorted(sorted_stops, weight), 1, len(stops) - 1)
    low = high - 1
    width = sorted_stops[high] - sorted_stops[low]
    share = (weight - sorted_stops[low]) / np.where(width > 0, width, 1)
    result = np.zeros((len(weight), len(stops)), np.float32)
    rows = np.arange(len(weight))
    result[rows, order[low]] += 1 - share
    result[rows, order[high]] += share
    return result[:, 1:]


def skinned(points: Floats, joints: Ints, weights: Floats, matrices: Doubles) -> Floats:
    """Linear blend skinning: `(n, 3)` points by `(j, 4, 4)` matrices from mesh to world space.

    Points without weights follow the first joint, as in the files that are written.
    """
    flat = matrices[:, :, :3].astype(np.float32)
    result = np.zeros((len(points), 3), np.float32)
    for k in range(joints.shape[1]):
        used = weights[:, k]
        if not used.any():
            continue
        chosen = flat[joints[:, k]]
        moved = np.einsum("ni,nij->nj", points, chosen[:, :3]) + chosen[:, 3]
        result += used[:, None] * moved
    loose = ~weights.any(axis=1)
    if loose.any():  # nothing moves them; writers bind them to the first joint
        result[loose] = points[loose] @ flat[0, :3] + flat[0, 3]
    return result


def posed_points(scene: Scene, node: Node, number: int) -> Floats | None:
    """World positions `(n, 3)` of a skinned or shaped mesh at the time that was read; None where it is neither."""
    if node.mesh is None:
        return None
    mesh = scene.meshes[node.mesh]
    shaped = node.weights is not None and bool(mesh.blend_shapes) and bool(node.weights.any())
    if (mesh.skin is None or node.skin_root is None) and not shaped:
        return None
    points = mesh.points
    if shaped and node.weights is not None:
        points = points.copy()
        for shape, weight in zip(mesh.blend_shapes, node.weights, strict=False):
            factors = shape_weights(shape, np.array([weight], np.float32))[0]
            for part, factor in zip(shape.shapes, factors.tolist(), strict=True):
                if factor:
                    points += factor * part.dense(len(points))
    world = scene.world_matrices
    if mesh.skin is None or node.skin_root is None:
        matrix = world[number]
        return np.asarray(points @ matrix[:3, :3] + matrix[3, :3], np.float32)
    root = scene.nodes[node.skin_root]
    if root.skeleton is None:
        return None
    skeleton = scene.skeletons[root.skeleton]
    pose = skeleton_from_local(skeleton.pose, skeleton.parents)
    matrices = mesh.skin.bind @ np.linalg.pinv(skeleton.bind) @ pose @ world[node.skin_root]
    return skinned(points, mesh.skin.joints, mesh.skin.weights, matrices)


def standing_points(scene: Scene, node: Node) -> Floats | None:
    """World positions `(n, 3)` of a skinned mesh that no clip has posed; None of any other mesh.

    At rest, as it is drawn; where the stage has clips, as it was bound: a size in the middle of a step says little.
    Either way its skeleton places it, and not the mesh's own transform.
    """
    if node.mesh is None or node.skin_root is None:
        return None
    mesh, root = scene.meshes[node.mesh], scene.nodes[node.skin_root]
    if mesh.skin is None or root.skeleton is None:
        return None
    world = scene.world_matrices[node.skin_root]
    if scene.clips:
        matrix = mesh.skin.bind @ world
        return np.asarray(mesh.points @ matrix[:3, :3] + matrix[3, :3], np.float32)
    skeleton = scene.skeletons[root.skeleton]
    pose = skeleton_from_local(skeleton.rest, skeleton.parents)
    matrices = mesh.skin.bind @ np.linalg.pinv(skeleton.bind) @ pose @ world
    return skinned(mesh.points, mesh.skin.joints, mesh.skin.weights, matrices)
