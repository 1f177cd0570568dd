# SPDX-License-Identifier: Apache-2.0
"""NurbsPatch and TetMesh as polygons: what mesh formats can hold of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pxr import UsdGeom

from pipeline.usd.scene.model import Doubles, Floats, Ints, Mesh, Primvar, Slot
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["basis_functions", "read_patch", "read_tetrahedra"]

#: steps for each span between knots
_STEPS = 8
#: points of one patch beyond which it is refused
_MOST = 4_000_000


def basis_functions(knots: Doubles, order: int, count: int, span: tuple[float, float] | None) -> Doubles:
    """B-spline basis functions at even steps, `(s, count) float64`; rows sum to one.

    Raises
    ------
    ValueError
        Knots and order do not fit `count` control points.
    """
    from scipy.interpolate import BSpline

    if order < 2 or count < order or len(knots) != count + order or not np.isfinite(knots).all():
        raise ValueError(f"order {order} and {len(knots)} knots do not fit {count} points")
    if (np.diff(knots) < 0).any() or knots[order - 1] >= knots[count]:
        raise ValueError("its knots do not rise")
    low, high = float(knots[order - 1]), float(knots[count])
    if span is not None and low <= span[0] < span[1] <= high:
        low, high = span
    at = np.linspace(low, high, (count - order + 1) * _STEPS + 1)
    at = np.minimum(at, np.nextafter(float(knots[count]), -np.inf))  # the last span is closed
    return np.asarray(BSpline.design_matrix(at, knots, order - 1).toarray())


def read_patch(prim: Any, time: Any, space: Space, report: Report) -> Mesh | None:
    """A NurbsPatch as quads, untrimmed."""
    patch = UsdGeom.NurbsPatch(prim)
    path = str(prim.GetPath())
    found = patch.GetPointsAttr().Get(time)
    if not found:
        return None
    points = space.points(np.asarray(found)).astype(np.float64)
    columns, rows = int(patch.GetUVertexCountAttr().Get(time) or 0), int(patch.GetVVertexCountAttr().Get(time) or 0)
    weights = patch.GetPointWeightsAttr().Get(time)
    if columns * rows != len(points) or not np.isfinite(points).all() or columns * rows * _STEPS**2 > _MOST:
        report.lose(path, "NurbsPatch", f"{columns} by {rows} points are not {len(points)}, not finite, or too many")
        return None
    try:
        u, v = (
            basis_functions(np.asarray(knots.Get(time) or (), float), int(order.Get(time) or 0), count, span.Get(time))
            for knots, order, count, span in (
                (patch.GetUKnotsAttr(), patch.GetUOrderAttr(), columns, patch.GetURangeAttr()),
                (patch.GetVKnotsAttr(), patch.GetVOrderAttr(), rows, patch.GetVRangeAttr()),
            )
        )
    except ValueError as error:
        report.lose(path, "NurbsPatch", str(error))
        return None
    w = np.asarray(weights, float) if weights and len(weights) == len(points) else np.ones(len(points))
    # u runs fastest, as in RenderMan's NuPatch, which the schema follows
    net = np.concatenate([points * w[:, None], w[:, None]], 1).reshape(rows, columns, 4)
    whole = np.einsum("vr,rck,uc->vuk", v, net, u)
    surface = (whole[..., :3] / whole[..., 3:]).reshape(-1, 3)
    across = len(u)
    corner = (np.arange(len(v) - 1)[:, None] * across + np.arange(across - 1)).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + across + 1, corner + across], 1)
    if prim.GetAttribute("orientation").Get(time) == "leftHanded":
        quads = quads[:, ::-1]
    report.reduce(path, "NurbsPatch", f"drawn as {len(quads)} quads")
    if patch.GetTrimCurveCountsAttr().HasAuthoredValue():
        report.reduce(path, "trim curves", "the patch is drawn untrimmed")
    return _mesh(prim, time, surface.astype(np.float32), np.full(len(quads), 4, np.int32), quads)


def read_tetrahedra(prim: Any, time: Any, space: Space, report: Report) -> Mesh | None:
    """The surface of a TetMesh."""
    tetrahedra = UsdGeom.TetMesh(prim)
    path = str(prim.GetPath())
    found = tetrahedra.GetPointsAttr().Get(time)
    if not found:
        return None
    points = space.points(np.asarray(found))
    faces = tetrahedra.GetSurfaceFaceVertexIndicesAttr().Get(time)
    if not faces and tetrahedra.GetTetVertexIndicesAttr().Get(time):
        faces = UsdGeom.TetMesh.ComputeSurfaceFaces(tetrahedra, time)
    triangles = np.asarray(faces, np.int32).reshape(-1, 3) if faces else np.zeros((0, 3), np.int32)
    sound = np.asarray(((triangles >= 0) & (triangles < len(points))).all(1))
    sound[sound] = np.isfinite(points[triangles[sound]]).all((1, 2))
    if not sound.all():
        report.lose(path, "TetMesh", f"{int((~sound).sum())} faces name points that are not there or not finite")
    triangles = triangles[sound]
    if not len(triangles):
        report.lose(path, "TetMesh", "no face of it can be drawn")
        return None
    if prim.GetAttribute("orientation").Get(time) == "leftHanded":
        triangles = triangles[:, ::-1]
    report.reduce(path, "TetMesh", f"its surface of {len(triangles)} triangles is written")
    return _mesh(prim, time, points, np.full(len(triangles), 3, np.int32), triangles, faceted=True)


def _mesh(prim: Any, time: Any, points: Floats, counts: Ints, vertices: Any, *, faceted: bool = False) -> Mesh:
    path = str(prim.GetPath())
    attribute = prim.GetAttribute("primvars:displayColor")
    values = attribute.Get(time) if attribute else None
    color = Primvar("displayColor", np.asarray(values, np.float32)[:1], None, "constant") if values else None
    return Mesh(
        name=prim.GetName(),
        path=path,
        points=points,
        face_counts=counts,
        face_vertices=np.ascontiguousarray(vertices, np.int32).reshape(-1),
        color=color,
        slots=(Slot(prim.GetName(), path),),
        double_sided=bool(prim.GetAttribute("doubleSided").Get()),
        faceted=faceted,
    )
