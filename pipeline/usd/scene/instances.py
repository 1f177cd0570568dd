# SPDX-License-Identifier: Apache-2.0
"""UsdGeomPointInstancer to arrays of translations, rotations and scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import UsdGeom

from pipeline.usd.scene.model import Floats, InstanceGroup
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["read_instances"]


def read_instances(
    prim: Any, time: Any, space: Space, prototypes: tuple[int, ...], report: Report
) -> InstanceGroup | None:
    """The visible, active instances at one time; None where there are none.

    Parameters
    ----------
    prototypes
        For each target of the prototypes relationship, its number in the scene, or -1 where it is not there.
    """
    path = str(prim.GetPath())
    instancer = UsdGeom.PointInstancer(prim)
    which = instancer.GetProtoIndicesAttr().Get(time)
    positions = instancer.GetPositionsAttr().Get(time)
    if which is None or positions is None or not len(which):
        return None
    kind = np.asarray(which, np.int32)
    count = len(kind)
    if len(positions) != count:
        report.lose(path, "instances", f"{count} protoIndices and {len(positions)} positions do not fit")
        return None
    ids = instancer.GetIdsAttr().Get(time)
    numbers = np.asarray(ids, np.int64) if ids is not None and len(ids) == count else np.arange(count)
    rotations: Floats = np.zeros((count, 4), np.float32)
    rotations[:, 3] = 1.0
    for name in ("orientationsf", "orientations"):
        attribute = prim.GetAttribute(name)
        found = attribute.Get(time) if attribute else None
        if found is not None and len(found) == count:
            rotations = np.asarray(found).astype(np.float32)
            length = np.linalg.norm(rotations, axis=1, keepdims=True)
            zero = length[:, 0] < 1e-8
            rotations = (rotations / np.where(zero[:, None], 1, length)).astype(np.float32)
            rotations[zero] = (0, 0, 0, 1)
            break
        if found is not None and len(found):
            report.lose(path, name, f"{len(found)} rotations for {count} instances")
    scales = np.ones((count, 3), np.float32)
    found = instancer.GetScalesAttr().Get(time)
    if found is not None and len(found) == count:
        scales = np.asarray(found, np.float32)
    elif found is not None and len(found):
        report.lose(path, "scales", f"{len(found)} scales for {count} instances")
    mask = instancer.ComputeMaskAtTime(time)
    keep = np.ones(count, bool) if mask is None or not len(mask) else np.asarray(mask, bool).copy()
    moved = np.asarray(positions, np.float32)
    sound = np.isfinite(moved).all(1) & np.isfinite(scales).all(1) & np.isfinite(rotations).all(1)
    known = np.asarray((*prototypes, -1), np.int32)
    there = (kind >= 0) & (kind < len(prototypes))
    there &= known[np.where(there, kind, -1)] >= 0
    if not (sound & there).all():
        report.lose(path, "instances", f"{int((~(sound & there)).sum())} are broken and were left out")
    keep &= sound & there
    if not keep.any():
        return None
    return InstanceGroup(
        path=path,
        prototypes=tuple(p for p in prototypes),
        prototype=kind[keep],
        translations=space.points(moved[keep]),
        rotations=space.quaternions(rotations[keep]),
        scales=space.scales(scales[keep]),
        ids=numbers[keep],
    )
