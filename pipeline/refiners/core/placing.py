# SPDX-License-Identifier: Apache-2.0
"""Transforms laid over an asset's parts as one named op, or baked into their points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom

from pipeline.errors import RefineError
from pipeline.refiners.core.subject import Part, Subject

__all__ = ["SUFFIX", "bake_transform", "lay_over", "scaling", "tops", "transform_asset", "translation"]

#: the op that holds all refinements of placement: `xformOp:transform:refine`
SUFFIX = "refine"


def tops(prim: Usd.Prim) -> Iterator[Usd.Prim]:
    """The outermost transformable prims beneath an asset; scopes are looked through."""
    for child in prim.GetFilteredChildren(Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)):
        if child.IsA(UsdGeom.Xformable):
            yield child
        else:
            yield from tops(child)


def scaling(factors: NDArray, about: NDArray) -> NDArray[np.float64]:
    """(4, 4) a scale by (3,) factors that leaves (3,) `about` where it is; row vectors."""
    result = np.diag([*np.asarray(factors, float), 1.0])
    result[3, :3] = about - about * factors
    return result


def translation(offset: NDArray) -> NDArray[np.float64]:
    """(4, 4) a translation; row vectors."""
    result = np.eye(4)
    result[3, :3] = offset
    return result


def transform_asset(subject: Subject, matrix: NDArray, bake: bool = False) -> None:
    """Move everything beneath the asset by `matrix`, (4, 4) in the asset's space.

    Raises
    ------
    RefineError
        `bake` was asked of skinned or animated geometry.
    """
    if np.allclose(matrix, np.eye(4), atol=1e-12):
        return
    if bake or subject.prim.IsA(UsdGeom.Gprim):
        for part in subject.parts():
            bake_transform(subject, part, matrix)
        return
    for prim in tops(subject.prim):
        if prim.IsInstanceProxy():
            subject.skip(str(prim.GetPath()), "an instance cannot be moved by itself")
            continue
        lay_over(subject, prim, matrix)
    _follow(subject, float(np.cbrt(abs(np.linalg.det(matrix[:3, :3])))))


def _follow(subject: Subject, factor: float) -> None:
    """What is no shape and has a size all the same: cameras' distances follow, weights and powers are said."""
    if abs(factor - 1) < 1e-6:
        return
    for prim in subject.prims():
        if prim.IsA(UsdGeom.Camera):
            camera = UsdGeom.Camera(prim)
            near = camera.GetClippingRangeAttr().Get()
            camera.CreateClippingRangeAttr().Set(Gf.Vec2f(near[0] * factor, near[1] * factor))
            if camera.GetFocusDistanceAttr().Get():
                camera.CreateFocusDistanceAttr().Set(camera.GetFocusDistanceAttr().Get() * factor)
        mass = prim.GetAttribute("physics:mass")
        if mass and mass.Get():
            subject.note(
                f"{prim.GetPath()} keeps its mass of {mass.Get():g}: the volume is {factor**3:.3g} times as large"
            )
        even = prim.GetAttribute("inputs:normalize")
        if even and even.Get():
            subject.note(f"{prim.GetPath()} keeps its power, and lights what is now {factor:.3g} times as far away")


def lay_over(subject: Subject, prim: Usd.Prim, matrix: NDArray) -> None:
    """Put `matrix` (in the space of the asset) over the transform that `prim` has; a camera is moved, not scaled."""
    cache = UsdGeom.XformCache()
    root = cache.GetLocalToWorldTransform(subject.prim)
    parent = np.array(cache.GetParentToWorldTransform(prim) * root.GetInverse(), np.float64)
    # local' @ parent = local @ parent @ matrix
    inner = parent @ matrix @ np.linalg.inv(parent)
    xform = UsdGeom.Xformable(prim)
    name = f"xformOp:transform:{SUFFIX}"
    if prim.IsA(UsdGeom.Camera):
        local = np.array(xform.GetLocalTransformation(), np.float64)
        inner = np.linalg.inv(local) @ _unscaled(local @ inner, local)
    ops = xform.GetOrderedXformOps()
    reset = xform.GetResetXformStack()
    if ops and ops[0].GetOpName() == name:
        op = ops[0]
        inner = np.array(op.Get(), np.float64) @ inner
    else:
        op = xform.AddTransformOp(opSuffix=SUFFIX)
        xform.SetXformOpOrder([op, *ops], reset)
    op.Set(Gf.Matrix4d(*np.asarray(inner, np.float64).reshape(-1).tolist()))
    subject.changed = True


def _unscaled(goal: NDArray, local: NDArray) -> NDArray[np.float64]:
    """The transform `goal` with axes as long as those of `local`."""
    result = np.array(goal, np.float64)
    u, _, v = np.linalg.svd(result[:3, :3])
    size = np.cbrt(abs(np.linalg.det(local[:3, :3])))
    result[:3, :3] = u @ v * size
    return result


def bake_transform(subject: Subject, part: Part, matrix: NDArray) -> None:
    """Move the points of one part by `matrix` in the asset's space; authored normals follow."""
    why = subject.deformed(part)
    if not why and "skel:jointIndices" in part.mesh.primvars:
        why = "it is skinned: its points belong to the bind pose"
    if why:
        raise RefineError(f"the change cannot be baked: {why}", prim=part.path, remedy="leave bake off")
    inner = part.to_asset @ matrix @ np.linalg.inv(part.to_asset)
    primvars = dict(part.mesh.primvars)
    if "normals" in primvars:
        turned = primvars["normals"].values @ np.linalg.inv(inner[:3, :3]).T
        length = np.linalg.norm(turned, axis=1, keepdims=True)
        values = (turned / np.where(length > 0, length, 1)).astype(np.float32)
        primvars["normals"] = replace(primvars["normals"], values=values)
    points = part.mesh.points @ inner[:3, :3] + inner[3, :3]
    subject.write(part, replace(part.mesh, points=points.astype(np.float32), primvars=primvars))
