# SPDX-License-Identifier: Apache-2.0
"""Skeletons as bones at the root of the file, and what binds meshes to them.

Bones stand at the root of the file with the skeleton's place in the world in the root bone: engines take every
node above a bone for another bone. A uniform scale of that place (a stage in centimetres that was scaled
into place) and a mirror go into the bones themselves, so that no bone carries them; bind and pose change alike,
and what the skin does to a point stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ExportError
from pipeline.usd.scene import Mesh, Skeleton

from .attributes import limb
from .deflate import Deflated, Deflater
from .document import Document
from .models import Models
from .records import RecordWriter, f64, i32, i64, named, text
from .space import FileSpace

__all__ = ["Rig", "add_bind_pose", "add_rig", "add_skin"]

Doubles = NDArray[np.float64]


@dataclass(slots=True)
class Rig:
    """A skeleton in the file.

    Attributes
    ----------
    place
        `(4, 4)` what stands before the root joints: the skeleton's world transform without scale and mirror.
    change
        `(4, 4)` X, the inverse of that scale and mirror: joints become `X @ joint @ inverse(X)`.
    base
        Id of a bone above several roots, 0 where there is one root.
    limbs
        Ids of the bones, by joint.
    bind
        `(j, 4, 4)` bind matrices in the world, metres.
    """

    node: int
    skeleton: Skeleton
    place: Doubles
    change: Doubles
    base: int
    limbs: list[int]
    bind: Doubles
    meshes: list[int] = field(default_factory=list)


def add_rig(document: Document, models: Models, node: int, skeleton: Skeleton, world: Doubles, space: FileSpace) -> Rig:
    """Add the bones of a skeleton, in its pose at the time that was read."""
    change = _change(world)
    back = np.linalg.inv(change)
    place = change @ world
    _refuse_flat(skeleton)
    base = 0
    roots = np.flatnonzero(skeleton.parents < 0)
    size = _bone_size(skeleton) * float(back[1, 1]) * space.unit
    if len(roots) > 1:
        base = models.add(skeleton.name, "LimbNode", 0, place)
        document.connect(limb(document, skeleton.name, size), base)
    limbs: list[int] = []
    for j, name in enumerate(skeleton.names):
        parent = int(skeleton.parents[j])
        local = change @ skeleton.pose[j] @ back
        if parent < 0 and not base:
            local = local @ place
        model = models.add(name, "LimbNode", limbs[parent] if parent >= 0 else base, local)
        document.connect(limb(document, name, size), model)
        limbs.append(model)
    return Rig(node, skeleton, place, change, base, limbs, change @ skeleton.bind @ world)


def _change(world: Doubles) -> Doubles:
    """What takes the uniform scale and the mirror of a matrix away in front of it."""
    det = float(np.linalg.det(world[:3, :3]))
    scale = abs(det) ** (1 / 3)
    if not np.isfinite(scale) or scale < 1e-12:
        return np.eye(4)
    if abs(scale - 1.0) < 1e-9:
        scale = 1.0
    return np.diag([(-1.0 if det < 0 else 1.0) / scale, 1 / scale, 1 / scale, 1.0])


def _refuse_flat(skeleton: Skeleton) -> None:
    flat = np.abs(np.linalg.det(skeleton.bind[:, :3, :3])) < 1e-30
    if flat.any():
        name = skeleton.joints[int(np.argmax(flat))]
        raise ExportError(
            f"the bind transform of joint {name} has no inverse",
            prim=skeleton.path,
            remedy="author bindTransforms that are not flat",
        )


def _bone_size(skeleton: Skeleton) -> float:
    """How thick a bone may be drawn: a tenth of the mean bone's length."""
    lengths = np.sqrt((skeleton.rest[:, 3, :3] ** 2).sum(-1))[skeleton.parents >= 0]
    return float(lengths.mean()) * 0.1 if len(lengths) and lengths.mean() > 0 else 0.1


def add_skin(
    document: Document,
    deflater: Deflater,
    rig: Rig,
    mesh: Mesh,
    geometry: int,
    mesh_world: Doubles,
    space: FileSpace,
) -> int:
    """Add a Skin deformer with a cluster for each joint that moves a point; returns how many.

    Parameters
    ----------
    mesh_world
        `(4, 4)` the world transform of the mesh's model when bound, Y-up metres.
    """
    assert mesh.skin is not None
    skin_id = document.id()
    method = "DualQuaternion" if mesh.skin.method == "dualQuaternion" else "Linear"

    def emit_skin(w: RecordWriter) -> None:
        with w.nest(b"Deformer", i64(skin_id), named(mesh.name, "Deformer"), text("Skin")):
            w.leaf(b"Version", i32(101))
            w.leaf(b"Link_DeformAcuracy", f64(50.0))
            w.leaf(b"SkinningType", text(method))

    document.add("Deformer", emit_skin)
    document.connect(skin_id, geometry)
    joints, starts, points, weights = _clusters(mesh)
    for c, joint in enumerate(joints.tolist()):
        part = slice(int(starts[c]), int(starts[c + 1]))
        _add_cluster(document, deflater, skin_id, rig, joint, points[part], weights[part], mesh_world, space)
    return len(joints)


def _clusters(
    mesh: Mesh,
) -> tuple[NDArray[np.int32], NDArray[np.integer], NDArray[np.int32], NDArray[np.float64]]:
    """Joints that count, where each one's points start, point numbers, weights; ordered by joint, then point."""
    assert mesh.skin is not None
    joints, weights = mesh.skin.joints, mesh.skin.weights
    count = len(mesh.points)
    if len(joints) == 1 and count != 1:
        joints, weights = np.repeat(joints, count, axis=0), np.repeat(weights, count, axis=0)
    point = np.repeat(np.arange(len(joints), dtype=np.int64), joints.shape[1])
    key = joints.reshape(-1).astype(np.int64) * count + point
    flat = weights.reshape(-1).astype(np.float64)
    used = flat != 0
    key, flat = key[used], flat[used]
    unique, inverse = np.unique(key, return_inverse=True)
    summed: NDArray[np.float64] = np.bincount(inverse, weights=flat, minlength=len(unique)).astype(np.float64)
    owner = (unique // count).astype(np.int32)
    names, starts = np.unique(owner, return_index=True)
    return names, np.append(starts, len(unique)), (unique % count).astype(np.int32), summed


def _add_cluster(
    document: Document,
    deflater: Deflater,
    skin_id: int,
    rig: Rig,
    joint: int,
    points: NDArray[np.int32],
    weights: NDArray[np.float64],
    mesh_world: Doubles,
    space: FileSpace,
) -> None:
    cluster_id = document.id()
    bind = rig.bind[joint]
    link = space.matrices(bind)
    own = space.matrices(mesh_world @ np.linalg.inv(bind))
    name = rig.skeleton.names[joint]

    def emit(w: RecordWriter) -> None:
        with w.nest(b"Deformer", i64(cluster_id), named(name, "SubDeformer"), text("Cluster")):
            w.leaf(b"Version", i32(100))
            w.leaf(b"UserData", text(""), text(""))
            w.array(b"Indexes", Deflated.packed(points))
            w.array(b"Weights", Deflated.packed(weights))
            w.array(b"Transform", own)
            w.array(b"TransformLink", link)

    document.add("Deformer", emit)
    document.connect(cluster_id, skin_id)
    document.connect(rig.limbs[joint], cluster_id)


def add_bind_pose(document: Document, rig: Rig, space: FileSpace) -> None:
    """Add the pose in which the meshes were bound: every bone and every mesh."""
    pose_id = document.id()
    nodes = [(model, np.eye(4)) for model in rig.meshes]
    if rig.base:
        nodes.append((rig.base, space.matrices(rig.place)))
    nodes += [(model, space.matrices(m)) for model, m in zip(rig.limbs, rig.bind, strict=True)]

    def emit(w: RecordWriter) -> None:
        with w.nest(b"Pose", i64(pose_id), named(rig.skeleton.name, "Pose"), text("BindPose")):
            w.leaf(b"Type", text("BindPose"))
            w.leaf(b"Version", i32(100))
            w.leaf(b"NbPoseNodes", i32(len(nodes)))
            for model, matrix in nodes:
                with w.nest(b"PoseNode"):
                    w.leaf(b"Node", i64(model))
                    w.array(b"Matrix", matrix)

    document.add("Pose", emit)
