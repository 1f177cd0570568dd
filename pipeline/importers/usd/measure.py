# SPDX-License-Identifier: Apache-2.0
"""What the finished package holds, checked and counted on the composed stage."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import Usd, UsdGeom, UsdShade, UsdSkel

from pipeline.errors import ImportRefused
from pipeline.importers.package import geometry
from pipeline.importers.package.geometry import FARTHEST
from pipeline.importers.scene import Mesh, Scene, Source

#: prims of one asset, instances counted
MOST_PRIMS = 500_000


def bounded(stage: Usd.Stage, source: Source) -> None:
    """Refuse a stage whose few bytes became too many prims."""
    predicate = Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
    for i, _ in enumerate(Usd.PrimRange.Stage(stage, predicate)):
        if i > MOST_PRIMS:
            raise source.refuse(f"composes to more than {MOST_PRIMS} prims")


def measure(stage: Usd.Stage, source: Source, scene: Scene) -> dict[str, Any]:
    """Counts and bounds; broken meshes are refused."""
    count = dict.fromkeys(("meshes", "faces", "triangles", "vertices", "blend_shapes", "uv_sets", "joints"), 0)
    materials, shapes, clips = set(), 0, []
    checked: dict[Any, tuple[int, int, int]] = {}
    for prim in stage.Traverse(Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)):
        if prim.IsA(UsdGeom.Mesh):
            key = prim.GetPrimInPrototype().GetPath() if prim.IsInstanceProxy() else prim.GetPath()
            if key not in checked:
                checked[key] = _mesh(UsdGeom.Mesh(prim), source)
            for name, n in zip(("faces", "triangles", "vertices"), checked[key], strict=True):
                count[name] += n
            count["meshes"] += 1
            sets = [p for p in UsdGeom.PrimvarsAPI(prim).GetPrimvars() if p.GetPrimvarName().startswith("st")]
            count["uv_sets"] = max(count["uv_sets"], len(sets))
        elif prim.IsA(UsdGeom.Gprim):
            shapes += 1
        elif prim.IsA(UsdShade.Material):
            materials.add(prim.GetPath())
            if not UsdShade.Material(prim).ComputeSurfaceSource()[0]:
                scene.lose(str(prim.GetPath()), "material network", "has no UsdPreviewSurface for every renderer")
        elif prim.IsA(UsdSkel.Skeleton):
            count["joints"] += len(UsdSkel.Skeleton(prim).GetJointsAttr().Get() or [])
        elif prim.IsA(UsdSkel.Animation):
            clips.append(prim.GetName())
        elif prim.IsA(UsdSkel.BlendShape):
            count["blend_shapes"] += 1
    if not count["faces"] and not shapes:
        raise source.refuse("holds no faces", "export the mesh itself, not points, curves or an empty scene")
    return {**count, "materials": len(materials), "clips": clips, "bounds_m": _bounds(stage, source)}


def _mesh(mesh: UsdGeom.Mesh, source: Source) -> tuple[int, int, int]:
    """Faces, triangles and points of one mesh, after `geometry.check`."""
    time = Usd.TimeCode.EarliestTime()
    points, counts, indices = (
        np.asarray(attribute.Get(time) if attribute.Get(time) is not None else [])
        for attribute in (mesh.GetPointsAttr(), mesh.GetFaceVertexCountsAttr(), mesh.GetFaceVertexIndicesAttr())
    )
    plain = Mesh(str(mesh.GetPath()), points.reshape(-1, 3), counts.astype(np.int64), indices.astype(np.int64))
    geometry.check(plain, str(source.path))
    return len(counts), int(np.maximum(plain.counts - 2, 0).sum()), len(points)


def _bounds(stage: Usd.Stage, source: Source) -> list[list[float]] | None:
    purposes = [UsdGeom.Tokens.default_, UsdGeom.Tokens.render]
    cache = UsdGeom.BBoxCache(Usd.TimeCode.EarliestTime(), purposes)
    box = cache.ComputeWorldBound(stage.GetDefaultPrim()).ComputeAlignedRange()
    if box.IsEmpty():
        return None
    rows = np.array([box.GetMin(), box.GetMax()])
    if not np.isfinite(rows).all() or np.abs(rows).max() > FARTHEST:
        raise ImportRefused(
            f"reaches {np.abs(rows).max():.3g} metres from the origin", path=source.path,
            remedy="give its unit with --units, or scale it down where it was made",
        )  # fmt: skip
    return [[float(x) for x in row] for row in rows]
