# SPDX-License-Identifier: Apache-2.0
"""Make a skinned character ready for an engine: weights, influences, joint names and axes, rest pose, symmetry.

What is broken is mended without being asked: joints out of order, named twice or by what is no USD path, transforms
that are missing, scaled or sheared, keys that are no numbers, influences that name no joint, points that nothing moves.
The rest is asked for by settings. Clips follow: what is seen at any time stays, except where weights are dropped or the
pose in which the skin is bound changes; how far is told by `deformation`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pxr import Sdf, UsdSkel
from pydantic import Field

from pipeline.errors import GatesError, RefineError
from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.rigs.aim import aimed
from pipeline.refiners.rigs.deformation import compared, seen
from pipeline.refiners.rigs.frames import local
from pipeline.refiners.rigs.humanoid import bones, mirrored
from pipeline.refiners.rigs.mirror import even_joints, even_weights, plane_of
from pipeline.refiners.rigs.posing import bent_shapes, carried, posed
from pipeline.refiners.rigs.rig import Rig
from pipeline.refiners.rigs.skins import SkinRows
from pipeline.refiners.rigs.spare import spare_joints
from pipeline.refiners.rigs.templates import renamed, template

_AXES = {"x": 0, "y": 1, "z": 2}


class RigSettings(Settings):
    """What is mended."""

    influences: int = Field(default=4, ge=1, le=32, description="Joints that move one point at most.")
    names: str = Field(
        default="keep",
        description="clean: without namespaces (mixamorig:) and characters engines refuse; unreal, unity, vrm, mixamo "
        "(config/rigs.toml): the bones by that target's names, the others cleaned.",
    )
    rest: Literal["keep", "bind", "a-pose", "t-pose"] = Field(
        default="keep",
        description="bind: the rest pose becomes the bind pose; a-pose, t-pose: the arms are posed, skin and all, and "
        "that becomes both.",
    )
    angle: float = Field(default=45.0, ge=0, le=90, description="For a-pose: degrees of the arms below the horizontal.")
    orient: Literal["keep", "x", "y", "z"] = Field(
        default="keep", description="Axis of each joint that points to its child; clips and skin stay as they look."
    )
    symmetry: bool = Field(
        default=False, description="Left and right become mirror images: places and axes of joints, and weights."
    )
    joints: int = Field(
        default=0, ge=0, description="Joints at most: the ends that move least are merged into their parents; 0: all."
    )
    unused: Literal["keep", "remove"] = Field(
        default="keep", description="remove: joints at the ends of chains that move no point (sockets are such too)."
    )
    tolerance: float = Field(default=0.002, gt=0, le=0.1, description="For symmetry: share of the diagonal.")


def run(subject: Subject, settings: RigSettings) -> None:
    """Skeleton by skeleton, in memory; then all is written."""
    skeletons = [UsdSkel.Skeleton(p) for p in subject.prims() if p.IsA(UsdSkel.Skeleton)]
    skins = [p for p in subject.parts() if p.prim.GetPrim().HasAttribute("primvars:skel:jointIndices")]
    if not skeletons or not skins:
        raise RefineError(
            "nothing is skinned here" if skeletons else "there is no skeleton", prim=str(subject.prim.GetPath()),
            remedy="rig it first (a skeleton with SkelBindingAPI on the meshes)",
        )  # fmt: skip
    chosen = None if settings.names in ("keep", "clean") else template(settings.names)
    before = seen(subject)
    rigs = []
    for skeleton in skeletons:
        if skeleton.GetPrim().IsInstanceProxy():
            subject.skip(str(skeleton.GetPath()), "an instance: refine the prim it is an instance of")
            continue
        rows = _rows(subject, skeleton, skins, len(skeletons) == 1)
        rig = Rig.read(subject, skeleton, rows, len(skeletons) == 1)
        _mend(subject, rig, settings)
        if settings.names != "keep" or not all(Sdf.Path.IsValidPathString(j) for j in rig.joints):
            _name(subject, rig, chosen)
        if settings.symmetry:
            _even(subject, rig, settings)
        _limit(subject, rig, settings.influences)
        _pose(subject, rig, settings)
        if settings.orient != "keep":
            _orient(subject, rig, _AXES[settings.orient])
        rigs.append(rig)
    for rig in rigs:
        rig.write()
    if subject.changed:
        subject.details |= compared(before, seen(subject), subject.metres)


def _rows(subject: Subject, skeleton: UsdSkel.Skeleton, parts: list[Part], only: bool) -> list[SkinRows]:
    joints = [str(j) for j in skeleton.GetJointsAttr().Get() or ()]
    found = []
    for part in parts:
        bound = UsdSkel.BindingAPI(part.prim).GetInheritedSkeleton()
        if (bound and bound.GetPath() == skeleton.GetPath()) or (not bound and only):
            found.append(SkinRows.read(part, joints))
    return found


def _mend(subject: Subject, rig: Rig, settings: RigSettings) -> None:
    for skin in rig.skins:
        lost = skin.rescue()
        if lost:
            subject.count("points_bound_to_neighbours", lost)
    straightened = rig.straighten()
    if straightened:
        subject.count("joints_straightened", straightened)
    kept = spare_joints(rig, settings.unused == "remove", settings.joints)
    if not kept.all():
        subject.count("joints_removed", int((~kept).sum()))
        rig.keep(kept)
    if settings.joints and len(rig.joints) > settings.joints:
        subject.note(f"{len(rig.joints)} joints are left: the others are bones of a human or hold several chains")


def _name(subject: Subject, rig: Rig, chosen: Any) -> None:
    old = [j.rsplit("/", 1)[-1] for j in rig.joints]
    names, found = renamed(rig.joints, rig.parents, chosen)
    if chosen is not None:
        if "hips" not in found:
            subject.note("no human is recognised in the joints' names: they were only cleaned")
        elif chosen.root and rig.parents[found["hips"]] < 0:
            subject.note(f"{chosen.title} wants a joint above the hips, called {chosen.root}: there is none")
    if not rig.rename(names):
        return
    differ = {a: b for a, b in zip(old, names, strict=True) if a != b}
    subject.count("joints_renamed", len(differ))
    subject.details["names"] = {**subject.details.get("names", {}), **differ}
    prim = rig.skeleton.GetPrim()
    # what they were called, so that clips made for the old names can still be brought in
    held = dict(prim.GetCustomDataByKey("gates:jointNames") or {})
    was = {b: a for a, b in held.items()}
    prim.SetCustomDataByKey("gates:jointNames", {was.get(a, a): b for a, b in differ.items()} | {
        a: b for a, b in held.items() if b in names
    })  # fmt: skip


def _even(subject: Subject, rig: Rig, settings: RigSettings) -> None:
    pairs = mirrored(rig.joints)
    if (pairs == np.arange(len(pairs))).all():
        subject.note("no joint's name tells left from right: nothing was mirrored")
        return
    size = max(float(np.ptp(s.place(), axis=0).max()) for s in rig.skins) if rig.skins else 1.0
    tolerance = settings.tolerance * size
    plane = plane_of(rig.bind, pairs, tolerance)
    before = rig.bind[:, 3, :3]
    even = even_joints(rig.bind, pairs, plane)
    moved = np.linalg.norm(even[:, 3, :3] - before, axis=1)
    if moved.max() > 1e-4 * size or np.abs(even[:, :3, :3] - rig.bind[:, :3, :3]).max() > 1e-4:
        subject.count("joints_mirrored", int((pairs != np.arange(len(pairs))).sum()))
        subject.details["joints_moved_max_m"] = round(float(moved.max()) * subject.metres, 6)
        rig.rebind(even)
    for skin in rig.skins:
        if skin.rigid:
            continue
        joints, weights, matched = even_weights(
            skin.place(), skin.joints, skin.weights, pairs, plane, tolerance, settings.influences
        )
        subject.count("points_mirrored", matched)
        subject.count("points_unmatched", len(joints) - matched)
        subject.count("points_reweighted", skin.take(joints, weights))


def _limit(subject: Subject, rig: Rig, most: int) -> None:
    for skin in rig.skins:
        changed, lost = skin.limit(most)
        if changed:
            subject.count("points_reweighted", changed)
            subject.details["weight_dropped_max"] = round(max(lost, subject.details.get("weight_dropped_max", 0)), 4)


def _pose(subject: Subject, rig: Rig, settings: RigSettings) -> None:
    parents = rig.parents
    if settings.rest in ("a-pose", "t-pose"):
        found = bones(rig.joints, parents)
        if "leftUpperArm" not in found and "rightUpperArm" not in found:
            subject.skip(str(rig.skeleton.GetPath()), "no arms are recognised in the joints' names: no pose was set")
            return
        goal = posed(rig.bind, parents, found, rig.up(), settings.angle if settings.rest == "a-pose" else 0.0)
        if goal is not None:
            moves = np.linalg.inv(rig.bind) @ goal
            for skin in rig.skins:
                mesh, blend = carried(skin, moves, back=bool(rig.tracks))
                subject.write(skin.part, mesh)
                bent_shapes(skin.part.prim.GetPrim(), blend)
            subject.count("joints_posed", int((~np.isclose(moves, np.eye(4), atol=1e-6).all(axis=(1, 2))).sum()))
            rig.bind = goal
            rig.changed.add("bind")
    if settings.rest != "keep" and rig.settle(local(rig.bind, parents)):
        subject.count("rest_transforms_set", len(rig.joints))


def _orient(subject: Subject, rig: Rig, axis: int) -> None:
    """Turn every joint so that `axis` points to its child; clips and rest pose follow."""
    found = bones(rig.joints, rig.parents)
    onward = {
        found[a]: found[b]
        for a, b in (("hips", "spine"), ("chest", "neck"), ("upperChest", "neck"), ("leftHand", "leftMiddleProximal"),
                     ("rightHand", "rightMiddleProximal"))
        if a in found and b in found and rig.parents[found[b]] == found[a]
    }  # fmt: skip
    turned = aimed(rig.bind, rig.parents, axis, onward)
    changed = ~np.isclose(turned, rig.bind, atol=1e-6).all(axis=(1, 2))
    if changed.any():
        rig.rebind(turned)
        subject.count("joints_turned", int(changed.sum()))


def measure(subject: Subject) -> dict[str, Any]:
    """Joints, influences, and how far weights are from one."""
    joints = sum(
        len(UsdSkel.Skeleton(p).GetJointsAttr().Get() or ()) for p in subject.prims() if p.IsA(UsdSkel.Skeleton)
    )
    most, off = 0, 0.0
    for part in subject.parts():
        if not part.prim.GetPrim().HasAttribute("primvars:skel:jointIndices"):
            continue
        try:
            weights = SkinRows.read(part, [""] * 65536).weights
        except GatesError as error:
            subject.skip(part.path, error.message)
            continue
        most = max(most, int((weights > 0).sum(axis=1).max()))
        off = max(off, float(np.abs(np.nan_to_num(weights).sum(axis=1) - 1).max()))
    return {"joints": joints, "influences": most, "weights_off": round(off, 6)}


operation = Operation(
    name="rig-prep",
    summary="Weights, influences, joint names and axes, rest pose, symmetry",
    settings=RigSettings,
    run=run,
    measure=measure,
    fixes=(
        "rig.weights",
        "rig.influences",
        "rig.joints",
        "rig.rest-pose",
        "rig.skeleton",
        "animation.invalid",
    ),
)
