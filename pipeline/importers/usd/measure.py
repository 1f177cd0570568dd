# SPDX-License-Identifier: Apache-2.0
"""What the finished package holds, checked and counted on the composed stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdSkel

from pipeline.errors import ImportRefused
from pipeline.importers.package import geometry
from pipeline.importers.package.geometry import FARTHEST
from pipeline.importers.scene import Floats, Mesh, Scene, Source

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


def _corners(stage: Usd.Stage) -> Iterator[Floats]:
    """Lowest and highest (2, 3) of every gprim in the world: of a mesh by its points, of others by their box."""
    time = Usd.TimeCode.EarliestTime()
    places = UsdGeom.XformCache(time)
    boxes = UsdGeom.BBoxCache(time, [UsdGeom.Tokens.default_, UsdGeom.Tokens.render])
    skinned = _skinned_points(stage, time)
    walk = iter(Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)))
    for prim in walk:
        whole = prim.IsA(UsdGeom.PointInstancer)
        if not (whole or prim.IsA(UsdGeom.Gprim)):
            continue
        if UsdGeom.Imageable(prim).ComputePurpose() in (UsdGeom.Tokens.proxy, UsdGeom.Tokens.guide):
            continue
        if whole:
            walk.PruneChildren()  # its prototypes are drawn at the instances only
        points = skinned.get(prim.GetPath())
        if points is None and prim.IsA(UsdGeom.Mesh):
            points = UsdGeom.Mesh(prim).GetPointsAttr().Get(time)
        if points is not None and len(points):
            m = np.array(places.GetLocalToWorldTransform(prim))
            moved = np.asarray(points, np.float64) @ m[:3, :3] + m[3, :3]
            yield np.array([moved.min(axis=0), moved.max(axis=0)])
        elif points is None:
            box = boxes.ComputeWorldBound(prim).ComputeAlignedRange()
            if not box.IsEmpty():
                yield np.array([box.GetMin(), box.GetMax()])


def _skinned_points(stage: Usd.Stage, time: Usd.TimeCode) -> dict[Sdf.Path, Floats]:
    """Points of skinned meshes, posed, in each mesh's own space."""
    found: dict[Sdf.Path, Floats] = {}
    cache = UsdSkel.Cache()
    places = UsdGeom.XformCache(time)
    for prim in stage.Traverse():
        if not prim.IsA(UsdSkel.Root):
            continue
        root = UsdSkel.Root(prim)
        cache.Populate(root, Usd.PrimDefaultPredicate)
        for binding in cache.ComputeSkelBindings(root, Usd.PrimDefaultPredicate):
            skeleton = binding.GetSkeleton().GetPrim()
            query = cache.GetSkelQuery(UsdSkel.Skeleton(skeleton))
            xforms = query.ComputeSkinningTransforms(time) if query else None
            for target in binding.GetSkinningTargets():
                mesh = target.GetPrim()
                points = UsdGeom.Mesh(mesh).GetPointsAttr().Get(time) if mesh.IsA(UsdGeom.Mesh) else None
                if not xforms or points is None or not target.HasJointInfluences():
                    continue
                if target.ComputeSkinnedPoints(xforms, points, time):
                    over = (
                        places.GetLocalToWorldTransform(skeleton) * places.GetLocalToWorldTransform(mesh).GetInverse()
                    )
                    m = np.array(over)
                    found[mesh.GetPath()] = np.asarray(points, np.float64) @ m[:3, :3] + m[3, :3]
    return found


def _bounds(stage: Usd.Stage, source: Source) -> list[list[float]] | None:
    corners = list(_corners(stage))
    if not corners:
        return None
    rows = np.array([np.min([c[0] for c in corners], axis=0), np.max([c[1] for c in corners], axis=0)])
    if not np.isfinite(rows).all() or np.abs(rows).max() > FARTHEST:
        raise ImportRefused(
            f"reaches {np.abs(rows).max():.3g} metres from the origin", path=source.path,
            remedy="give its unit with --units, or scale it down where it was made",
        )  # fmt: skip
    return [[float(x) for x in row] for row in rows]
