# SPDX-License-Identifier: Apache-2.0
"""Skeletons that engines, and USD itself, read wrongly or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule

#: how far the axes of a joint's frame may be from unit length and right angles
STRAIGHT = 1e-3


class Broken(Rule):
    """Joints out of order, named twice or by no USD path; transforms missing, singular, scaled or sheared."""

    id = "rig.skeleton"
    title = "a broken skeleton"
    why = "Importers and retargeting need one sound tree of named joints."
    severity = "error"
    unit = "joints"
    fixer = "rig-prep"
    advice = "Order the joints parents first, give each a name of its own and a bind transform without scale."
    minutes = 30

    def run(self, context: Context) -> Iterator[Finding]:
        for prim in _skeletons(context):
            for message, joints, serious in faults(prim):
                finding = self.found(context, message, str(prim.GetPath()), joints)
                yield finding if serious else dataclasses.replace(finding, severity="warning")


def _skeletons(context: Context) -> list[Any]:
    stage = context.subject.stage
    if stage is None:
        return []
    from pxr import Usd, UsdSkel

    root = stage.GetPrimAtPath(context.subject.prim or "/") or stage.GetPseudoRoot()
    inside = Usd.PrimRange(root, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate))
    return [p for p in inside if p.IsA(UsdSkel.Skeleton)]


def faults(prim: Any) -> Iterator[tuple[str, int, bool]]:
    """What is wrong with a UsdSkelSkeleton: the sentence, how many joints, and whether it breaks the rig."""
    from pxr import Sdf, UsdSkel

    skeleton = UsdSkel.Skeleton(prim)
    joints = [str(j) for j in skeleton.GetJointsAttr().Get() or ()]
    if not joints:
        yield "the skeleton has no joints", 0, True
        return
    foreign = [j for j in joints if not Sdf.Path.IsValidPathString(j)]
    if foreign:
        name = foreign[0].rsplit("/", 1)[-1]
        yield (
            f"{len(foreign)} joints have names that are no USD path ({name!r}): their hierarchy is lost",
            len(foreign),
            True,
        )
    place: dict[str, int] = {}
    for number, joint in enumerate(joints):
        place.setdefault(joint, number)
    late = sum(1 for i, j in enumerate(joints) if place.get(j.rpartition("/")[0], -1) > i)
    if late:
        yield f"{late} joints come before their parents: USD skips the whole skeleton", late, True
    twice = len(joints) - len(place)
    if twice:
        yield f"{twice} joints have a name that another one has", twice, True
    for kind, attribute in (("bind", skeleton.GetBindTransformsAttr()), ("rest", skeleton.GetRestTransformsAttr())):
        yield from _transforms(kind, attribute.Get(), len(joints))


def _transforms(kind: str, value: Any, count: int) -> Iterator[tuple[str, int, bool]]:
    have = 0 if value is None else len(value)
    if have != count:
        yield f"{have} {kind} transforms for {count} joints", abs(count - have), True
        return
    frames = np.array(value, np.float64).reshape(-1, 4, 4)
    finite = np.isfinite(frames).all(axis=(1, 2))
    linear: Any = np.where(np.reshape(finite, (-1, 1, 1)), frames, 0)[:, :3, :3]
    flat: Any = np.asarray(np.abs(np.linalg.det(linear)) < 1e-18)
    if flat.any():
        yield f"{int(flat.sum())} {kind} transforms cannot be inverted or are no numbers", int(flat.sum()), True
    if kind != "bind" or flat.all():
        return
    off: Any = np.abs(linear @ np.swapaxes(linear, 1, 2) - np.eye(3)).max(axis=(1, 2))
    crooked: Any = np.asarray(~flat & ((off > STRAIGHT) | (np.linalg.det(linear) < 0)))
    if crooked.any():
        size = float(np.cbrt(np.abs(np.linalg.det(linear[crooked]))).max())
        what = f"are scaled by up to {size:.3g}" if abs(size - 1) > STRAIGHT else "are sheared or mirrored"
        yield f"{int(crooked.sum())} joints' bind transforms {what}", int(crooked.sum()), False
