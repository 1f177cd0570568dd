# SPDX-License-Identifier: Apache-2.0
"""Make a skinned character ready for an engine: weights, influences, joint names and axes, rest pose, symmetry."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdSkel, Vt
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.weights import limited, mirrored_joints, symmetric
from pipeline.refiners.core import Operation, Part, Settings, Subject

_AXES = {"x": 0, "y": 1, "z": 2}


class RigSettings(Settings):
    """What is mended."""

    influences: int = Field(default=4, ge=1, le=32, description="Joints that move one point at most.")
    names: Literal["keep", "clean"] = Field(
        default="keep", description="clean: without namespaces (mixamorig:) and characters engines refuse."
    )
    rest: Literal["keep", "bind"] = Field(default="keep", description="bind: the rest pose becomes the bind pose.")
    orient: Literal["keep", "x", "y", "z"] = Field(
        default="keep", description="Axis of each joint that points to its child; only without animation."
    )
    symmetry: bool = Field(default=False, description="Average weights of left and right about the plane x = 0.")
    tolerance: float = Field(default=0.002, gt=0, le=0.1, description="For symmetry: share of the diagonal.")


def run(subject: Subject, settings: RigSettings) -> None:
    """Skins first, then skeletons."""
    skeletons = [UsdSkel.Skeleton(p) for p in subject.prims() if p.IsA(UsdSkel.Skeleton)]
    skins = [p for p in subject.parts() if "skel:jointIndices" in p.mesh.primvars]
    if not skeletons or not skins:
        raise RefineError(
            "nothing is skinned here" if skeletons else "there is no skeleton", prim=str(subject.prim.GetPath()),
            remedy="rig it first (a skeleton with SkelBindingAPI on the meshes)",
        )  # fmt: skip
    for part in skins:
        _skin(subject, part, settings)
    for skeleton in skeletons:
        if skeleton.GetPrim().IsInstanceProxy():
            subject.skip(str(skeleton.GetPath()), "an instance: refine the prim it is an instance of")
            continue
        if settings.names == "clean":
            _rename(subject, skeleton)
        if settings.orient != "keep":
            _orient(subject, skeleton, _AXES[settings.orient])
        if settings.rest == "bind":
            _rest(subject, skeleton)


def _skin(subject: Subject, part: Part, settings: RigSettings) -> None:
    joints, weights = _rows(part)
    names = _joint_names(part)
    new_joints, new_weights = joints, weights
    if settings.symmetry and names:
        pairs = mirrored_joints(names)
        tolerance = settings.tolerance * float(np.ptp(part.mesh.points, axis=0).max())
        new_joints, new_weights, matched = symmetric(part.mesh.points, joints, weights, pairs, tolerance)
        subject.details["points_mirrored"] = matched
    new_joints, new_weights = limited(new_joints, new_weights, settings.influences)
    if not settings.symmetry and joints.shape[1] <= settings.influences and _sound(joints, weights):
        return
    if new_joints.shape == joints.shape and _same(joints, weights, new_joints, new_weights):
        return
    api = UsdGeom.PrimvarsAPI(part.prim)
    ints, floats = Sdf.ValueTypeNames.IntArray, Sdf.ValueTypeNames.FloatArray
    width = new_joints.shape[1]
    index = api.CreatePrimvar("skel:jointIndices", ints, UsdGeom.Tokens.vertex, width)
    index.Set(Vt.IntArray.FromNumpy(np.ascontiguousarray(new_joints.reshape(-1))))
    weight = api.CreatePrimvar("skel:jointWeights", floats, UsdGeom.Tokens.vertex, width)
    weight.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(new_weights.reshape(-1))))
    lost = int((np.where(np.isfinite(weights), weights, 0).sum(axis=1) <= 0).sum())
    if lost:
        subject.count("points_bound_to_root", lost)
    subject.count("points_reweighted", int(_changed(joints, weights, new_joints, new_weights)))
    subject.forget(part)


def _rows(part: Part) -> tuple[NDArray, NDArray]:
    """(n, k) joints and weights of each point."""
    found = []
    for name in ("skel:jointIndices", "skel:jointWeights"):
        primvar = part.mesh.primvars.get(name)
        if primvar is None:
            raise RefineError(f"{name} is missing or does not fit the points", prim=part.path, remedy="bind it again")
        rows = primvar.rows().reshape(len(primvar.values) // primvar.width, -1)
        found.append(np.repeat(rows, len(part.mesh.points), axis=0) if primvar.interpolation == "constant" else rows)
    return found[0], found[1].astype(np.float64)


def _sound(joints: NDArray, weights: NDArray) -> bool:
    """Rows that sum to one, no weight negative, no joint named twice with a weight."""
    if not np.isfinite(weights).all() or (weights < 0).any() or np.abs(weights.sum(axis=1) - 1).max() > 1e-5:
        return False
    order = np.sort(np.where(weights > 0, joints, -1 - np.arange(joints.shape[1])), axis=1)
    return bool(np.all(order[:, 1:] != order[:, :-1]))


def _dense(joints: NDArray, weights: NDArray, count: int) -> NDArray:
    dense = np.zeros((len(joints), count))
    np.add.at(dense, (np.arange(len(joints))[:, None], joints), np.where(np.isfinite(weights), weights, 0))
    return dense


def _same(joints: NDArray, weights: NDArray, other: NDArray, other_weights: NDArray) -> bool:
    return _changed(joints, weights, other, other_weights) == 0


def _changed(joints: NDArray, weights: NDArray, other: NDArray, other_weights: NDArray) -> int:
    count = int(max(joints.max(), other.max())) + 1
    gap = np.abs(_dense(joints, weights, count) - _dense(other, other_weights, count)).max(axis=1)
    return int((gap > 1e-5).sum())


def _joint_names(part: Part) -> list[str]:
    binding = UsdSkel.BindingAPI(part.prim)
    own = binding.GetJointsAttr().Get()
    if own:
        return [str(x) for x in own]
    skeleton = binding.GetInheritedSkeleton()
    return [str(x) for x in (skeleton.GetJointsAttr().Get() or ())] if skeleton else []


def clean(name: str, taken: set[str]) -> str:
    """A joint's name without namespace, as identifier, unlike those `taken`."""
    bare = Tf.MakeValidIdentifier(re.sub(r"[\s.\-]+", "_", name.rsplit(":", 1)[-1]).strip("_") or "joint")
    found, count = bare, 1
    while found in taken:
        count += 1
        found = f"{bare}_{count}"
    taken.add(found)
    return str(found)


def _rename(subject: Subject, skeleton: UsdSkel.Skeleton) -> None:
    joints = [str(j) for j in skeleton.GetJointsAttr().Get() or ()]
    names: dict[str, str] = {}
    taken: set[str] = set()
    for joint in sorted(joints, key=lambda j: j.count("/")):
        parent, _, leaf = joint.rpartition("/")
        new = clean(leaf, taken)
        names[joint] = f"{names[parent]}/{new}" if parent in names else new
    if all(old == new for old, new in names.items()):
        return
    skeleton.CreateJointsAttr().Set([names[j] for j in joints])
    skeleton.CreateJointNamesAttr().Set([names[j].rsplit("/", 1)[-1] for j in joints])
    for prim in subject.prims():
        named = [UsdSkel.BindingAPI(prim).GetJointsAttr()]
        if prim.IsA(UsdSkel.Animation):
            named.append(UsdSkel.Animation(prim).GetJointsAttr())
        for attribute in named:
            value = attribute.Get() if attribute else None
            if value and any(str(j) in names for j in value):
                attribute.Set([names.get(str(j), str(j)) for j in value])
    subject.changed = True
    subject.count("joints_renamed", sum(old != new for old, new in names.items()))


def _matrices(attribute: Usd.Attribute) -> NDArray[np.float64]:
    value = attribute.Get()
    return np.array(value, np.float64).reshape(-1, 4, 4) if value else np.zeros((0, 4, 4))


def _parents(skeleton: UsdSkel.Skeleton) -> NDArray[np.int64]:
    """(j,) number of each joint's parent, -1 for roots; by text, since names like `arm.L` are no USD paths."""
    joints = [str(j) for j in skeleton.GetJointsAttr().Get() or ()]
    number = {joint: i for i, joint in enumerate(joints)}
    return np.array([number.get(joint.rpartition("/")[0], -1) for joint in joints], np.int64)


def _local(world: NDArray, parents: NDArray) -> NDArray[np.float64]:
    """(j, 4, 4) transforms against the parent joint; row vectors."""
    inverse = np.linalg.inv(world)
    return np.where((parents >= 0)[:, None, None], world @ inverse[parents], world)


def _set(attribute: Usd.Attribute, matrices: NDArray) -> None:
    attribute.Set(Vt.Matrix4dArray([Gf.Matrix4d(*m.reshape(-1).tolist()) for m in matrices]))


def _rest(subject: Subject, skeleton: UsdSkel.Skeleton) -> None:
    bind = _matrices(skeleton.GetBindTransformsAttr())
    parents = _parents(skeleton)
    if len(bind) != len(parents):
        subject.skip(str(skeleton.GetPath()), "bind transforms do not fit its joints")
        return
    local = _local(bind, parents)
    now = _matrices(skeleton.GetRestTransformsAttr())
    if now.shape == local.shape and np.allclose(now, local, atol=1e-6):
        return
    _set(skeleton.CreateRestTransformsAttr(), local)
    subject.changed = True
    subject.count("rest_transforms_set", len(local))


def _orient(subject: Subject, skeleton: UsdSkel.Skeleton, axis: int) -> None:
    """Turn every joint so that `axis` points to its first child; a leaf takes its parent's direction."""
    bind, parents = _matrices(skeleton.GetBindTransformsAttr()), _parents(skeleton)
    rest = _matrices(skeleton.GetRestTransformsAttr())
    if any(p.IsA(UsdSkel.Animation) for p in subject.prims()):
        subject.skip(str(skeleton.GetPath()), "animation is keyed in the present axes: orient before animating")
        return
    if len(bind) != len(parents) or len(rest) not in (0, len(parents)):
        subject.skip(str(skeleton.GetPath()), "bind or rest transforms do not fit its joints")
        return
    turned = _aimed(bind, parents, axis)
    turn = turned @ np.linalg.inv(bind)
    if np.allclose(turn, np.eye(4), atol=1e-6):
        return
    _set(skeleton.CreateBindTransformsAttr(), turned)
    if len(rest):
        # the same turn in each joint's own frame, so that the pose stays
        _set(skeleton.CreateRestTransformsAttr(), _local(turn @ _world(rest, parents), parents))
    subject.changed = True
    subject.count("joints_turned", int((~np.isclose(turn, np.eye(4), atol=1e-6).all(axis=(1, 2))).sum()))


def _world(local: NDArray, parents: NDArray) -> NDArray[np.float64]:
    """(j, 4, 4) transforms in skeleton space: joints come after their parents."""
    result = local.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            result[joint] = local[joint] @ result[parent]
    return result


def _aimed(bind: NDArray, parents: NDArray, axis: int) -> NDArray[np.float64]:
    result = bind.copy()
    place = bind[:, 3, :3]
    aim = np.zeros_like(place)
    for joint in range(len(bind) - 1, -1, -1):
        if parents[joint] >= 0:
            aim[parents[joint]] = place[joint] - place[parents[joint]]  # the first child comes last here
    for joint in range(len(bind)):
        if np.linalg.norm(aim[joint]) < 1e-9:
            aim[joint] = aim[parents[joint]] if parents[joint] >= 0 else bind[joint, axis, :3]
    forward = aim / np.maximum(np.linalg.norm(aim, axis=1, keepdims=True), 1e-12)
    # the second axis stays as near as it can to where it was
    second, third = (axis + 1) % 3, (axis + 2) % 3
    hint = bind[:, second, :3]
    across = hint - np.einsum("ij,ij->i", hint, forward)[:, None] * forward
    short = np.linalg.norm(across, axis=1) < 1e-3
    spare = bind[:, third, :3]
    across[short] = (spare - np.einsum("ij,ij->i", spare, forward)[:, None] * forward)[short]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    result[:, axis, :3], result[:, second, :3] = forward, across
    result[:, third, :3] = np.cross(forward, across)
    return result


def measure(subject: Subject) -> dict[str, Any]:
    """Joints, influences, and how far weights are from one."""
    joints = sum(
        len(UsdSkel.Skeleton(p).GetJointsAttr().Get() or ()) for p in subject.prims() if p.IsA(UsdSkel.Skeleton)
    )
    most, off = 0, 0.0
    for part in subject.parts():
        if "skel:jointIndices" in part.mesh.primvars and "skel:jointWeights" in part.mesh.primvars:
            _, weights = _rows(part)
            most = max(most, int((weights > 0).sum(axis=1).max()))
            off = max(off, float(np.abs(np.nan_to_num(weights).sum(axis=1) - 1).max()))
    return {"joints": joints, "influences": most, "weights_off": round(off, 6)}


operation = Operation(
    name="rig-prep",
    summary="Weights, influences, joint names and axes, rest pose, symmetry",
    settings=RigSettings,
    run=run,
    measure=measure,
    fixes=("rig.weights", "rig.influences"),
)
