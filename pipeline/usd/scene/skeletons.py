# SPDX-License-Identifier: Apache-2.0
"""UsdSkel: skeletons, who is bound to them, influences, blend shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pxr import Usd, UsdSkel

from pipeline.usd.scene.model import BlendShape, Doubles, Ints, Shape, Skeleton, Skin
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["Binding", "Bindings", "read_blend_shapes", "read_skeleton", "read_skin"]


@dataclass(frozen=True)
class Binding:
    """One prim that a skeleton moves."""

    skeleton: Any
    query: Any
    target: Any


class Bindings:
    """All bindings beneath the SkelRoots that were met."""

    def __init__(self) -> None:
        self.cache = UsdSkel.Cache()
        self.by_path: dict[str, Binding] = {}

    def add_root(self, prim: Any) -> None:
        """Read the bindings beneath a SkelRoot."""
        root = UsdSkel.Root(prim)
        inside = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
        self.cache.Populate(root, inside)
        for binding in self.cache.ComputeSkelBindings(root, inside):
            skeleton = binding.GetSkeleton()
            query = self.cache.GetSkelQuery(skeleton)
            for target in binding.GetSkinningTargets():
                self.by_path[str(target.GetPrim().GetPath())] = Binding(skeleton, query, target)

    def query(self, prim: Any) -> Any:
        """The skeleton query of a Skeleton prim."""
        return self.cache.GetSkelQuery(UsdSkel.Skeleton(prim))


def read_skeleton(prim: Any, query: Any, time: Any, space: Space, report: Report) -> Skeleton | None:
    """Joints, bind, rest and current pose; None where there are no joints or their order is broken."""
    path = str(prim.GetPath())
    skeleton = UsdSkel.Skeleton(prim)
    joints = tuple(str(j) for j in skeleton.GetJointsAttr().Get() or ())
    if not joints:
        report.lose(path, "skeleton", "it has no joints")
        return None
    topology = UsdSkel.Topology(skeleton.GetJointsAttr().Get())
    sound, why = topology.Validate()
    if not sound:
        report.lose(path, "skeleton", f"its joints are not in order: {why}")
        return None
    parents = np.asarray(topology.GetParentIndices(), np.int32)
    bind = _matrices(skeleton.GetBindTransformsAttr().Get(), len(joints))
    rest = _matrices(skeleton.GetRestTransformsAttr().Get(), len(joints))
    if bind is None and rest is None:
        report.lose(path, "skeleton", "it has neither bind nor rest transforms for its joints")
        bind = np.broadcast_to(np.eye(4), (len(joints), 4, 4)).copy()
    if rest is None:
        assert bind is not None
        rest = local_from_skeleton(bind, parents)
    if bind is None:
        bind = skeleton_from_local(rest, parents)
        report.lose(path, "bind transforms", "there are none for all joints: the rest pose stands for them")
    pose = _matrices(query.ComputeJointLocalTransforms(time), len(joints)) if query else None
    names = skeleton.GetJointNamesAttr().Get()
    return Skeleton(
        name=prim.GetName(),
        path=path,
        joints=joints,
        names=_unique(
            [str(n) for n in names] if names is not None and len(names) == len(joints) else
            [j.rsplit("/", 1)[-1] for j in joints]
        ),
        parents=parents,
        bind=space.matrices(bind),
        rest=space.matrices(rest),
        pose=space.matrices(rest if pose is None else pose),
    )  # fmt: skip


def _matrices(value: Any, count: int) -> Doubles | None:
    if value is None or len(value) != count:
        return None
    array = np.asarray(value, np.float64)
    return array if np.isfinite(array).all() else None


def _unique(names: list[str]) -> tuple[str, ...]:
    """Names with a number behind those that come again."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(result)


def local_from_skeleton(matrices: Doubles, parents: Ints) -> Doubles:
    """Skeleton-space transforms `(j, 4, 4)` to each joint's parent's space."""
    inverse = np.linalg.pinv(matrices)
    result = matrices.copy()
    below = parents >= 0
    result[below] = matrices[below] @ inverse[parents[below]]
    return result


def skeleton_from_local(matrices: Doubles, parents: Ints) -> Doubles:
    """Transforms in each joint's parent's space `(…, j, 4, 4)` to skeleton space."""
    result = np.array(matrices)
    for joint, parent in enumerate(parents.tolist()):
        if parent >= 0:
            result[..., joint, :, :] = result[..., joint, :, :] @ result[..., parent, :, :]
    return result


def read_skin(
    binding: Binding, points: int, skeleton: Skeleton, time: Any, space: Space, report: Report
) -> Skin | None:
    """Influences of a bound mesh in the skeleton's joint order; None where nothing moves it."""
    target = binding.target
    if not target.HasJointInfluences():
        return None
    prim = target.GetPrim()
    path = str(prim.GetPath())
    indices = np.asarray(target.GetJointIndicesPrimvar().ComputeFlattened(time), np.int64)
    weights = np.asarray(target.GetJointWeightsPrimvar().ComputeFlattened(time), np.float32)
    width = int(target.GetNumInfluencesPerComponent())
    rigid = bool(target.IsRigidlyDeformed())
    rows = 1 if rigid else points
    if width < 1 or len(indices) != rows * width or len(weights) != rows * width:
        report.lose(
            path,
            "skin weights",
            f"{len(indices)} joint indices and {len(weights)} weights do not fit {points} points",
        )
        return None
    order = target.GetJointOrder()
    if order is not None and len(order):
        place = {joint: i for i, joint in enumerate(skeleton.joints)}
        table = np.array([place.get(str(j), -1) for j in order], np.int64)
        if (table < 0).any():
            report.lose(path, "skin weights", "joints that the skeleton has not were left out")
    else:
        table = np.arange(len(skeleton.joints))
    known = (indices >= 0) & (indices < len(table))
    joints = table[np.where(known, indices, 0)]
    bad = ~known | (joints < 0) | ~np.isfinite(weights)
    if (bad & (weights != 0)).any():
        report.lose(path, "skin weights", f"{int(bad.sum())} influences name no joint or are not finite")
    own = np.where(bad, 0, joints).astype(np.int32).reshape(rows, width)
    if (np.where(bad, 0, weights) < 0).any():
        report.lose(path, "skin weights", "negative weights count as zero")
    share = np.maximum(np.where(bad, 0, weights), 0).reshape(rows, width)
    total = share.sum(axis=1, keepdims=True)
    share = (share / np.where(total > 1e-8, total, 1)).astype(np.float32)
    if rigid:
        own, share = np.repeat(own, points, 0), np.repeat(share, points, 0)
    method = UsdSkel.BindingAPI(prim).GetSkinningMethodAttr()
    name = str(method.Get()) if method and method.Get() else "classicLinear"
    if name == "dualQuaternion":
        report.reduce(path, "dual quaternion skinning", "bound linearly")
    bind = np.array(target.GetGeomBindTransform(time), dtype=np.float64)
    return Skin(own, share, space.matrices(bind), name, rigid)


def read_blend_shapes(prim: Any, points: int, space: Space, report: Report) -> tuple[BlendShape, ...]:
    """The blend shapes bound to a mesh, in its own order."""
    api = UsdSkel.BindingAPI(prim)
    names = [str(n) for n in api.GetBlendShapesAttr().Get() or ()]
    targets = api.GetBlendShapeTargetsRel().GetForwardedTargets()
    path = str(prim.GetPath())
    if len(names) != len(targets):
        report.lose(path, "blend shapes", f"{len(names)} names for {len(targets)} targets")
    result = []
    for name, target in zip(names, targets, strict=False):
        shape = UsdSkel.BlendShape.Get(prim.GetStage(), target)
        if not shape:
            report.lose(path, f"blend shape {name}", f"<{target}> is not there")
            continue
        found = shape.GetPointIndicesAttr().Get()
        indices = np.asarray(found, np.int32) if found is not None and len(found) else None
        if indices is not None and (indices.min() < 0 or indices.max() >= points):
            report.lose(path, f"blend shape {name}", "it names points that are not there")
            continue
        shapes = []
        normals = shape.GetNormalOffsetsAttr().Get()
        full = _offsets(1.0, indices, shape.GetOffsetsAttr().Get(), normals, points, space)
        if full is None:
            report.lose(path, f"blend shape {name}", "it has not one offset for each of its points")
            continue
        shapes.append(full)
        for between in shape.GetInbetweens():
            weight = between.GetWeight()
            normals = between.GetNormalOffsets()
            one = _offsets(float(weight or 0), indices, between.GetOffsets(), normals, points, space)
            if weight is None or one is None or weight in (0, 1):
                report.lose(path, f"in-between of {name}", "it has no usable weight or offsets")
            else:
                shapes.append(one)
        result.append(BlendShape(name, str(target), tuple(sorted(shapes, key=lambda s: s.weight))))
    return tuple(result)


def _offsets(
    weight: float, indices: Ints | None, offsets: Any, normals: Any, points: int, space: Space
) -> Shape | None:
    expected = points if indices is None else len(indices)
    if offsets is None or len(offsets) != expected:
        return None
    moved = space.points(np.asarray(offsets, np.float32))
    if not np.isfinite(moved).all():
        return None
    turned = space.vectors(np.asarray(normals)) if normals is not None and len(normals) == expected else None
    return Shape(weight, indices, moved, turned)
