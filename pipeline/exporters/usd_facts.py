# SPDX-License-Identifier: Apache-2.0
"""What a USD stage holds, as Pixar's own library counts it, without our reading of it.

The same questions are put to the stage that was exported and to the file that was written; where the answers
differ, the file is not what the stage says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Ar, Sdf, Tf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel, UsdVol

__all__ = ["sampled_times", "stage_facts"]

_UVS = {
    Sdf.ValueTypeNames.TexCoord2fArray, Sdf.ValueTypeNames.TexCoord2dArray, Sdf.ValueTypeNames.TexCoord2hArray,
    Sdf.ValueTypeNames.Float2Array, Sdf.ValueTypeNames.Double2Array, Sdf.ValueTypeNames.Half2Array,
}  # fmt: skip
_INSIDE = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
#: turn to Y up: the rows of what multiplies a column vector
_TURNS = {
    "Y": np.eye(3),
    "Z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "X": np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]),
}


def sampled_times(stage: Any) -> tuple[Any, ...]:
    """Time codes at which bounds are compared: start, middle and end of the range, or one."""
    if not stage.HasAuthoredTimeCodeRange():
        return (Usd.TimeCode.EarliestTime(),)
    start, end = stage.GetStartTimeCode(), stage.GetEndTimeCode()
    codes = (start, (start + end) / 2, end) if end > start else (start,)
    return tuple(Usd.TimeCode(c) for c in codes)


def stage_facts(stage: Any, root: Any, *, purposes: Iterable[str], times: Sequence[Any]) -> dict[str, Any]:
    """Counts of everything beneath a prim that is drawn, and its bounds at some times.

    Parameters
    ----------
    root
        The prim, or the pseudo root for all.
    purposes
        UsdGeomImageable purposes that are drawn.
    times
        Time codes; counts are of the first.

    Returns
    -------
    dict
        `triangles`, `materials`, `textures`, `uv_sets`, `joints`, `blend_shapes`, `moving`, `cameras`, `lights`,
        and `bounds`: a list of `(2, 3)` in metres with Y up, or None where nothing is drawn.
    """
    wanted = frozenset(purposes)
    counts: Counter[str] = Counter()
    materials: dict[Any, Any] = {}
    _count(stage, root, wanted, times[0], counts, materials, 1, ())
    counts["materials"] = len(materials)
    counts["textures"] = sum(_pictures(material, times[0]) for material in materials.values())
    facts: dict[str, Any] = {key: counts[key] for key in _KEYS}
    endless = bool(counts["instancers"]) and _turns_in_itself(stage)
    facts["bounds"] = [None if endless else _bounds(stage, root, wanted, time) for time in times]
    return facts


_KEYS = (
    "triangles", "materials", "textures", "uv_sets", "joints", "blend_shapes", "moving", "cameras", "lights", "volumes",
)  # fmt: skip


def _count(
    stage: Any,
    root: Any,
    purposes: frozenset[str],
    time: Any,
    counts: Counter[str],
    materials: dict[Any, Any],
    times: int,
    above: tuple[Any, ...],
) -> None:
    """Add what lies beneath `root`, `times` over; `above` are the instancers on the way."""
    prims = iter(Usd.PrimRange(root, _INSIDE))
    for prim in prims:
        image = UsdGeom.Imageable(prim)
        if prim.IsA(UsdSkel.Animation):
            query = UsdSkel.Cache().GetAnimQuery(UsdSkel.Animation(prim))
            counts["moving"] += bool(query and query.JointTransformsMightBeTimeVarying())
        if not image:
            continue
        xform = UsdGeom.Xformable(prim)
        counts["moving"] += bool(xform and xform.TransformMightBeTimeVarying())
        counts["cameras"] += prim.IsA(UsdGeom.Camera)
        counts["lights"] += prim.HasAPI(UsdLux.LightAPI)
        counts["volumes"] += prim.IsA(UsdVol.Volume)
        if prim.IsA(UsdSkel.Skeleton):
            counts["joints"] += len(UsdSkel.Skeleton(prim).GetJointsAttr().Get() or ())
        shown = str(image.ComputePurpose()) in purposes and image.ComputeVisibility(time) != "invisible"
        if prim.IsA(UsdGeom.PointInstancer):
            prims.PruneChildren()
            counts["instancers"] += 1
            if shown and prim.GetPath() not in above:
                _repeat(stage, prim, purposes, time, counts, materials, times, (*above, prim.GetPath()))
            continue
        if not shown or not prim.IsA(UsdGeom.Gprim):
            continue
        for one in (prim, *UsdGeom.Subset.GetAllGeomSubsets(image)):
            material, _ = UsdShade.MaterialBindingAPI(
                getattr(one, "GetPrim", lambda p=prim: p)()
            ).ComputeBoundMaterial()
            if material:
                materials[material.GetPath()] = material
        if prim.IsA(UsdGeom.Mesh):
            faces = UsdGeom.Mesh(prim).GetFaceVertexCountsAttr().Get(time)
            if faces:
                counts["triangles"] += times * int(np.maximum(np.asarray(faces) - 2, 0).sum())
            for primvar in UsdGeom.PrimvarsAPI(prim).FindPrimvarsWithInheritance():
                counts["uv_sets"] += times * (primvar.GetTypeName() in _UVS and primvar.HasValue())
            counts["blend_shapes"] += len(UsdSkel.BindingAPI(prim).GetBlendShapesAttr().Get() or ())
            counts["moving"] += UsdGeom.Mesh(prim).GetPointsAttr().ValueMightBeTimeVarying()


def _repeat(
    stage: Any,
    prim: Any,
    purposes: frozenset[str],
    time: Any,
    counts: Counter[str],
    materials: dict[Any, Any],
    times: int,
    above: tuple[Any, ...],
) -> None:
    """Add what a PointInstancer repeats, as often as it does."""
    instancer = UsdGeom.PointInstancer(prim)
    which = np.asarray(instancer.GetProtoIndicesAttr().Get(time) or (), np.int64)
    mask = instancer.ComputeMaskAtTime(time)
    if mask and len(mask) == len(which):
        which = which[np.asarray(mask, bool)]
    for number, path in enumerate(instancer.GetPrototypesRel().GetForwardedTargets()):
        found = stage.GetPrimAtPath(path)
        used = int((which == number).sum())
        if found and used:
            _count(stage, found, purposes, time, counts, materials, times * used, above)


def _pictures(material: Any, time: Any) -> int:
    """How many texture inputs of a material's shaders lead to a file, each UDIM tile counted."""
    found = 0
    for prim in Usd.PrimRange(material.GetPrim(), _INSIDE):
        shader = UsdShade.Shader(prim)
        for given in shader.GetInputs() if shader else ():
            if given.GetTypeName() != Sdf.ValueTypeNames.Asset:
                continue
            sources = given.GetValueProducingAttributes()
            value = sources[0].Get(time) if sources else None
            if value is None or not value.path:
                continue
            if UsdShade.UdimUtils.IsUdimIdentifier(value.path):
                layer = next((s.layer for s in sources[0].GetPropertyStack(time)), None)
                found += len(UsdShade.UdimUtils.ResolveUdimTilePaths(value.path, layer)) if layer else 0
            else:
                found += bool(value.resolvedPath) and _opens(value.resolvedPath)
    return found


def _opens(path: str) -> bool:
    """Whether a resolved path is a file; OpenUSD also resolves folders and what a broken archive should hold."""
    return bool(Ar.GetResolver().OpenAsset(Ar.ResolvedPath(path))) if "[" in path else Path(path).is_file()


def _turns_in_itself(stage: Any) -> bool:
    """Whether a PointInstancer repeats itself, straight or through others: OpenUSD's own bounds never end there."""
    below: dict[Any, list[Any]] = {}
    for prim in Usd.PrimRange(stage.GetPseudoRoot(), _INSIDE):
        if prim.IsA(UsdGeom.PointInstancer):
            below[prim.GetPath()] = UsdGeom.PointInstancer(prim).GetPrototypesRel().GetForwardedTargets()
    nexts = {path: [p for p in below for t in targets if p.HasPrefix(t)] for path, targets in below.items()}
    left = dict(nexts)
    while free := [path for path, others in left.items() if not any(o in left for o in others)]:
        for path in free:
            del left[path]
    return bool(left)


def _bounds(stage: Any, root: Any, purposes: frozenset[str], time: Any) -> list[list[float]] | None:
    cache = UsdGeom.BBoxCache(time, sorted(purposes), useExtentsHint=False)
    try:
        box = cache.ComputeWorldBound(root).ComputeAlignedRange()
    except Tf.ErrorException:  # of a stage that is broken: a prototype that is not there, joints out of order
        return None
    if box.IsEmpty():
        return None
    corners = np.array([box.GetCorner(k) for k in range(8)])
    turned = corners @ _TURNS[str(UsdGeom.GetStageUpAxis(stage))].T * UsdGeom.GetStageMetersPerUnit(stage)
    if not np.isfinite(turned).all():
        return None
    return [turned.min(0).tolist(), turned.max(0).tolist()]
