# SPDX-License-Identifier: Apache-2.0
"""Convex hulls for physics beside the geometry, as guides that engines read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pxr import Sdf, Usd, UsdGeom, UsdPhysics, Vt
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.hulls import Hull, convex_hull, decomposed, hull_volume
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.whole import Whole

#: the scope that holds the hulls
SCOPE = "collision"


class CollisionSettings(Settings):
    """How close the hulls follow."""

    mode: Literal["one", "shells", "pieces"] = Field(
        default="shells",
        description="one: a single hull; shells: one for each body; pieces: concave bodies are cut (needs coacd).",
    )
    most: int = Field(default=16, ge=1, le=256, description="Hulls at most; the smallest bodies go without.")
    vertices: int = Field(default=64, ge=8, le=255, description="Vertices of one hull (engines allow 255 at most).")
    concavity: float = Field(default=0.05, ge=0.01, le=1, description="For pieces: how hollow a piece may be.")


def run(subject: Subject, settings: CollisionSettings) -> None:
    """Author one mesh a hull beneath the scope `collision`, purpose guide, with UsdPhysics collision."""
    whole = Whole.of(subject.parts())
    hulls = _hulls(subject, whole, settings)
    if not hulls:
        raise RefineError("no body has a volume", prim=str(subject.prim.GetPath()), remedy="use a box collider")
    path = subject.prim.GetPath().AppendChild(SCOPE)
    names = [f"{subject.prim.GetName()}_hull_{i:02d}" for i in range(len(hulls))]
    if _same(subject.stage, path, names, hulls):
        return
    scope = UsdGeom.Scope.Define(subject.stage, path)
    scope.CreatePurposeAttr(UsdGeom.Tokens.guide)
    for child in scope.GetPrim().GetChildren():
        if child.GetName() not in names:
            child.SetActive(False)
    for name, hull in zip(names, hulls, strict=True):
        _author(subject.stage, path.AppendChild(name), hull)
    subject.changed = True
    subject.details["hulls"] = len(hulls)
    subject.details["vertices"] = int(sum(len(h[0]) for h in hulls))
    subject.details["volume_m3"] = round(sum(map(hull_volume, hulls)) * subject.metres**3, 9)


def _hulls(subject: Subject, whole: Whole, settings: CollisionSettings) -> list[Hull]:
    if settings.mode == "one":
        return [convex_hull(whole.points, settings.vertices)]
    bodies = np.argsort(-whole.shell_area, kind="stable")
    if settings.mode == "shells" and len(bodies) > settings.most:
        subject.note(f"{len(bodies) - settings.most} small bodies go without a hull of their own")
    found: list[Hull] = []
    for shell in bodies[: settings.most]:
        faces = whole.faces[whole.shell == shell]
        used, local = np.unique(faces, return_inverse=True)
        points = whole.points[used]
        if np.linalg.matrix_rank(points - points[0], tol=1e-6 * whole.size) < 3:
            continue
        if settings.mode == "pieces":
            found += decomposed(points, local.reshape(-1, 3), settings.most, settings.concavity, settings.vertices)
        else:
            found.append(convex_hull(points, settings.vertices))
    return sorted(found, key=hull_volume, reverse=True)[: settings.most]


def _same(stage: Usd.Stage, path: Sdf.Path, names: list[str], hulls: list[Hull]) -> bool:
    scope = stage.GetPrimAtPath(path)
    if not scope or [c.GetName() for c in scope.GetChildren()] != names:
        return False
    for name, (points, faces) in zip(names, hulls, strict=True):
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(path.AppendChild(name)))
        old, index = mesh.GetPointsAttr().Get(), mesh.GetFaceVertexIndicesAttr().Get()
        if old is None or len(old) != len(points) or not np.array_equal(np.array(index), faces.reshape(-1)):
            return False
        if not np.allclose(np.array(old), points, rtol=1e-5, atol=1e-6):
            return False
    return True


def _author(stage: Usd.Stage, path: Sdf.Path, hull: Hull) -> None:
    points, faces = hull
    places = points.astype(np.float32)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.GetPrim().SetActive(True)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(places))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(faces.reshape(-1))))
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([places.min(axis=0), places.max(axis=0)])))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    UsdPhysics.CollisionAPI.Apply(mesh.GetPrim())
    UsdPhysics.MeshCollisionAPI.Apply(mesh.GetPrim()).CreateApproximationAttr(UsdPhysics.Tokens.convexHull)


def measure(subject: Subject) -> dict[str, Any]:
    """How many hulls there are."""
    scope = subject.stage.GetPrimAtPath(subject.prim.GetPath().AppendChild(SCOPE))
    return {"hulls": len(scope.GetChildren()) if scope else 0}


operation = Operation(
    name="collision",
    summary="Convex hulls for physics",
    settings=CollisionSettings,
    run=run,
    measure=measure,
)
