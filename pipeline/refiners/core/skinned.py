# SPDX-License-Identifier: Apache-2.0
"""Where a skinned mesh stands: its skeleton places it, and not its own transform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, UsdSkel

__all__ = ["resting", "skin_place"]


def skin_place(mesh: UsdGeom.Mesh, cache: UsdGeom.XformCache) -> NDArray[np.float64] | None:
    """(4, 4) mesh space to world as the mesh was bound; None where nothing skins it."""
    if not mesh.GetPrim().HasAttribute("primvars:skel:jointIndices") or not UsdSkel.Root.Find(mesh.GetPrim()):
        return None
    binding = UsdSkel.BindingAPI(mesh)
    skeleton = binding.GetInheritedSkeleton()
    if not skeleton:
        return None
    placed = np.array(cache.GetLocalToWorldTransform(skeleton.GetPrim()), np.float64)
    inner = binding.GetGeomBindTransformAttr().Get()
    return placed if inner is None else np.array(inner, np.float64) @ placed


def resting(mesh: UsdGeom.Mesh) -> NDArray[np.float64] | None:
    """(n, 3) points in the skeleton's space as they stand at rest; None where a clip moves them, or nothing does."""
    root = UsdSkel.Root.Find(mesh.GetPrim())
    binding = UsdSkel.BindingAPI(mesh)
    skeleton = binding.GetInheritedSkeleton()
    if not root or not skeleton or UsdSkel.BindingAPI(skeleton.GetPrim()).GetInheritedAnimationSource():
        return None
    cache = UsdSkel.Cache()
    cache.Populate(root, Usd.PrimDefaultPredicate)
    query, target = cache.GetSkelQuery(skeleton), cache.GetSkinningQuery(mesh.GetPrim())
    points = mesh.GetPointsAttr().Get()
    if not query or not target or not target.HasJointInfluences() or not points:
        return None
    indices, weights = target.GetJointIndicesPrimvar().Get(), target.GetJointWeightsPrimvar().Get()
    rows = 1 if target.IsRigidlyDeformed() else len(points)
    wanted = rows * target.GetNumInfluencesPerComponent()
    if rows == 1 or len(indices or ()) != wanted or len(weights or ()) != wanted:
        return None
    moves = query.ComputeSkinningTransforms(Usd.TimeCode.Default())
    if not moves or not target.ComputeSkinnedPoints(moves, points, Usd.TimeCode.Default()):
        return None
    moved = np.array(points, np.float64)
    return moved if np.isfinite(moved).all() else None
