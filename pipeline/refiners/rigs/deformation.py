# SPDX-License-Identifier: Apache-2.0
"""How far a rig's points are from where they were, at rest and while its clips play; by USD's own skinning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.refiners.core import Subject

__all__ = ["compared", "seen"]

#: times of a clip that are compared
_MOST = 9

Seen = dict[tuple[str, float | None], NDArray[np.float32]]


def seen(subject: Subject) -> Seen:
    """(n, 3) points of each skinned mesh in skeleton space, by path and time; the time None is the rest pose."""
    cache = UsdSkel.Cache()
    result: Seen = {}
    for prim in subject.prims():
        if not prim.IsA(UsdSkel.Root):
            continue
        cache.Populate(UsdSkel.Root(prim), Usd.PrimDefaultPredicate)
        for binding in cache.ComputeSkelBindings(UsdSkel.Root(prim), Usd.PrimDefaultPredicate):
            joints = binding.GetSkeleton().GetJointsAttr().Get() or ()
            if not all(Sdf.Path.IsValidPathString(str(j)) for j in joints):
                continue  # USD reads no hierarchy from such names
            query = cache.GetSkelQuery(binding.GetSkeleton())
            if not query or not query.GetTopology().Validate()[0]:
                continue
            for time in (None, *_times(query)):
                moves = query.ComputeSkinningTransforms(Usd.TimeCode.Default() if time is None else time)
                if moves is None or not len(moves):
                    continue
                for target in binding.GetSkinningTargets():
                    points = _skinned(target, moves)
                    if points is not None:
                        result[str(target.GetPrim().GetPath()), time] = points
    return result


def _times(query: UsdSkel.SkeletonQuery) -> list[float]:
    clip = query.GetAnimQuery()
    times = list(clip.GetJointTransformTimeSamples() or ()) if clip else []
    if len(times) <= _MOST:
        return times
    return [times[i] for i in np.linspace(0, len(times) - 1, _MOST).round().astype(int)]


def _skinned(target: UsdSkel.SkinningQuery, moves: Vt.Matrix4dArray) -> NDArray[np.float32] | None:
    mesh = UsdGeom.PointBased(target.GetPrim())
    points = mesh.GetPointsAttr().Get()
    if not points or not target.HasJointInfluences() or target.IsRigidlyDeformed():
        return None
    sizes = {len(target.GetJointIndicesPrimvar().Get() or ()), len(target.GetJointWeightsPrimvar().Get() or ())}
    if sizes != {len(points) * target.GetNumInfluencesPerComponent()}:
        return None
    moved = Vt.Vec3fArray(points)
    if not target.ComputeSkinnedPoints(moves, moved, Usd.TimeCode.Default()):
        return None
    return np.array(moved, np.float32)


def compared(before: Seen, after: Seen, metres: float) -> dict[str, Any]:
    """The largest distances in metres, at rest and in motion; nothing where nothing can be compared."""
    found: dict[str, float] = {}
    for key, points in after.items():
        old = before.get(key)
        if old is None or old.shape != points.shape or not np.isfinite(old).all():
            continue
        name = "rest_max_m" if key[1] is None else "clips_max_m"
        gap = float(np.linalg.norm(points.astype(np.float64) - old, axis=1).max(initial=0)) * metres
        found[name] = max(found.get(name, 0.0), round(gap, 7))
    return {"deformation": found} if found else {}
