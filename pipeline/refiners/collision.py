# SPDX-License-Identifier: Apache-2.0
"""Simple bodies for physics beside the geometry, as guides that engines read: hulls, and boxes, balls, rods."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics, Vt
from pydantic import Field

from pipeline.errors import RefineError
from pipeline.mesh.convex_cuts import convex_hulls
from pipeline.mesh.hulls import Hull, convex_hull, covering, decomposed, hull_volume, outside
from pipeline.mesh.nearest import samples
from pipeline.mesh.primitives import Primitive, fitted
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.whole import Whole

#: the scope that holds the bodies
SCOPE = "collision"
_KEY = "gates:collision"
#: places of the surface that the bodies must hold
_PLACES = 20_000
#: Unreal's prefixes; it knows no cylinder
_UNREAL = {"box": "UBX", "sphere": "USP", "capsule": "UCP"}
_PLAIN = {"hull": "hull", "box": "box", "sphere": "sphere", "capsule": "capsule", "cylinder": "cylinder"}


class CollisionSettings(Settings):
    """How close the bodies follow."""

    mode: Literal["one", "shells", "pieces"] = Field(
        default="shells", description="one: a single hull; shells: one for each body; pieces: concave bodies are cut."
    )
    most: int = Field(default=16, ge=1, le=99, description="Bodies at most; the smallest shells go without.")
    vertices: int = Field(default=64, ge=8, le=255, description="Vertices of one hull (engines allow 255 at most).")
    concavity: float = Field(
        default=0.01, ge=0.001, le=1, description="For pieces: share of the volume that a cut must save to be made."
    )
    cutter: Literal["gates", "coacd"] = Field(
        default="gates", description="For pieces: our own, the same every time; or CoACD, which follows closer."
    )
    simple: float = Field(
        default=0.05, ge=0, le=1,
        description="A box, sphere, capsule or cylinder stands for a hull if it is larger by this share at most; "
        "0: hulls only.",
    )  # fmt: skip
    names: Literal["plain", "unreal"] = Field(
        default="plain", description="unreal: UCX_, UBX_, USP_, UCP_ before the asset's name, and no cylinders."
    )


def run(subject: Subject, settings: CollisionSettings) -> None:
    """Author one prim a body beneath the scope `collision`, purpose guide, with UsdPhysics collision."""
    whole = Whole.of(subject.parts())
    path = subject.prim.GetPath().AppendChild(SCOPE)
    key = _digest(whole, settings)
    held = subject.stage.GetPrimAtPath(path)
    if held and held.GetCustomDataByKey(_KEY) == key:
        return
    bodies = _bodies(subject, whole, settings)
    if not bodies:
        raise RefineError("no body has a volume", prim=str(subject.prim.GetPath()), remedy="use a box collider")
    names = _names(subject.prim.GetName(), bodies, settings)
    scope = UsdGeom.Scope.Define(subject.stage, path)
    scope.CreatePurposeAttr(UsdGeom.Tokens.guide)
    for child in scope.GetPrim().GetChildren():
        if child.GetName() not in names:
            child.SetActive(False)
    for name, body in zip(names, bodies, strict=True):
        _author(subject.stage, path.AppendChild(name), body)
    scope.GetPrim().SetCustomDataByKey(_KEY, key)
    subject.changed = True
    _tell(subject, whole, bodies)


def _digest(whole: Whole, settings: CollisionSettings) -> str:
    digest = hashlib.blake2b(settings.model_dump_json().encode(), digest_size=16)
    for array in (whole.points, whole.faces):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _bodies(subject: Subject, whole: Whole, settings: CollisionSettings) -> list[Hull | Primitive]:
    if settings.mode == "one":
        return [_body(whole.points, settings)]
    if settings.mode == "pieces" and settings.cutter == "gates":
        found = convex_hulls(
            whole.points, whole.faces, max_hulls=settings.most, max_vertices=settings.vertices,
            concavity=settings.concavity,
        )  # fmt: skip
        return [_body(h.points, settings) for h in found]
    bodies = np.argsort(-whole.shell_area, kind="stable")
    if len(bodies) > settings.most:
        subject.note(f"{len(bodies) - settings.most} small bodies go without a hull of their own")
    made: list[Hull | Primitive] = []
    for shell in bodies[: settings.most]:
        faces = whole.faces[whole.shell == shell]
        used, local = np.unique(faces, return_inverse=True)
        points, local = whole.points[used], local.reshape(-1, 3)
        if np.linalg.matrix_rank(points - points[0], tol=1e-6 * whole.size) < 3:
            continue
        if settings.mode == "pieces":
            cut = decomposed(points, local, settings.most, max(settings.concavity, 0.05), settings.vertices)
            places = np.concatenate([points, samples(points, local, _PLACES)[0]])
            made += [_body(h[0], settings) for h in covering(cut, places, settings.vertices)]
        else:
            made.append(_body(points, settings))
    return sorted(made, key=_volume, reverse=True)[: settings.most]


def _body(points: NDArray, settings: CollisionSettings) -> Hull | Primitive:
    """The simple body around points where they are nearly one, else their hull."""
    exact = convex_hull(points)
    if settings.simple > 0:
        found = fitted(exact[0], hull_volume(exact), settings.simple)
        if found is not None and not (found.kind == "cylinder" and settings.names == "unreal"):
            return found
    return exact if len(exact[0]) <= settings.vertices else convex_hull(exact[0], settings.vertices)


def _volume(body: Hull | Primitive) -> float:
    return body.volume if isinstance(body, Primitive) else hull_volume(body)


def _names(asset: str, bodies: list[Hull | Primitive], settings: CollisionSettings) -> list[str]:
    kinds = [b.kind if isinstance(b, Primitive) else "hull" for b in bodies]
    if settings.names == "unreal":
        return [f"{_UNREAL.get(kind, 'UCX')}_{asset}_{i:02d}" for i, kind in enumerate(kinds, 1)]
    return [f"{asset}_{_PLAIN[kind]}_{i:02d}" for i, kind in enumerate(kinds)]


def _author(stage: Usd.Stage, path: Sdf.Path, body: Hull | Primitive) -> None:
    old = stage.GetPrimAtPath(path)
    if old and not old.IsA(UsdGeom.Mesh) and not isinstance(body, Primitive):
        old.SetActive(True)
    gprim = _primitive(stage, path, body) if isinstance(body, Primitive) else _mesh(stage, path, body)
    gprim.GetPrim().SetActive(True)
    UsdPhysics.CollisionAPI.Apply(gprim.GetPrim())


def _mesh(stage: Usd.Stage, path: Sdf.Path, hull: Hull) -> UsdGeom.Gprim:
    points, faces = hull
    places = points.astype(np.float32)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(places))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(faces.reshape(-1))))
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([places.min(axis=0), places.max(axis=0)])))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    UsdPhysics.MeshCollisionAPI.Apply(mesh.GetPrim()).CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
    return mesh


def _primitive(stage: Usd.Stage, path: Sdf.Path, body: Primitive) -> UsdGeom.Gprim:
    frame = np.array(body.frame)
    if body.kind == "box":
        made = UsdGeom.Cube.Define(stage, path)
        made.CreateSizeAttr(1.0)
        made.CreateExtentAttr([(-0.5, -0.5, -0.5), (0.5, 0.5, 0.5)])
        frame[:3, :3] *= body.size[:, None]
    elif body.kind == "sphere":
        made = UsdGeom.Sphere.Define(stage, path)
        radius = float(body.size[0])
        made.CreateRadiusAttr(radius)
        made.CreateExtentAttr([(-radius,) * 3, (radius,) * 3])
    else:
        round_kind = UsdGeom.Cylinder if body.kind == "cylinder" else UsdGeom.Capsule
        made = round_kind.Define(stage, path)
        radius, height = float(body.size[0]), float(body.size[2])
        made.CreateRadiusAttr(radius)
        made.CreateHeightAttr(height)
        made.CreateAxisAttr(UsdGeom.Tokens.z)
        end = height / 2 + (radius if body.kind == "capsule" else 0)
        made.CreateExtentAttr([(-radius, -radius, -end), (radius, radius, end)])
    UsdGeom.Xformable(made).MakeMatrixXform().Set(Gf.Matrix4d(*frame.reshape(-1).tolist()))
    return made


def _tell(subject: Subject, whole: Whole, bodies: list[Hull | Primitive]) -> None:
    """Numbers: how large the bodies are, and how much of the surface is outside of all of them."""
    cube = subject.metres**3
    places: NDArray[np.float64] = np.concatenate([whole.points[:: max(1, len(whole.points) // _PLACES)],
                                                  samples(whole.points, whole.faces, _PLACES, seed=1)[0]])  # fmt: skip
    hulls = [b for b in bodies if not isinstance(b, Primitive)]
    gap, _ = outside(places, hulls)
    for body in bodies:
        if isinstance(body, Primitive):
            gap = np.minimum(gap, body.distance(places))
    out = gap > 1e-6 * whole.size
    subject.details |= {
        "hulls": len(bodies),
        "vertices": int(sum(len(points) for points, _ in hulls)),
        "most_vertices": max((len(points) for points, _ in hulls), default=0),
        "simple": {k: n for k in _PLAIN if (n := sum(isinstance(b, Primitive) and b.kind == k for b in bodies))},
        "volume_m3": round(float(sum(map(_volume, bodies))) * cube, 9),
        "convex_volume_m3": round(hull_volume(convex_hull(whole.points)) * cube, 9),
        "outside_share": round(float(out.mean()), 5),
        "outside_max_m": round(float(np.where(out, gap, 0).max(initial=0)) * subject.metres, 6),
    }


def measure(subject: Subject) -> dict[str, Any]:
    """How many bodies there are."""
    scope = subject.stage.GetPrimAtPath(subject.prim.GetPath().AppendChild(SCOPE))
    return {"hulls": len(scope.GetChildren()) if scope else 0}


operation = Operation(
    name="collision",
    summary="Convex hulls and simple bodies for physics",
    settings=CollisionSettings,
    run=run,
    measure=measure,
)
