# SPDX-License-Identifier: Apache-2.0
"""Blockout geometry as prims: what stands in for a thing until the thing is there."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSemantics, Vt

from pipeline.scenes.bounds import to_metres
from pipeline.scenes.shapes import Solid

__all__ = ["Purpose", "author_blockout"]

Purpose = Literal["default", "render", "proxy", "guide"]
#: linear grey of painted wood, light enough to judge a form on
GREY = (0.35, 0.35, 0.35)


def author_blockout(
    stage: Usd.Stage,
    path: str,
    solid: Solid,
    *,
    purpose: Purpose = "default",
    kind: str = "component",
    color: tuple[float, float, float] = GREY,
    label: str = "",
) -> Usd.Prim:
    """Author a shape as a component with one mesh, at the stage's edit target, in the stage's units and axis.

    Parameters
    ----------
    purpose
        `default` stands in every picture; `render` only in finished ones; `proxy` and `guide` stand for what is
        drawn otherwise, or for what is only a help.
    color
        Linear Rec.709, as `displayColor`.
    label
        What it is, for measuring (UsdSemantics, taxonomy `category`): a market stall, a crate.
    """
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    Usd.ModelAPI(prim).SetKind(kind)
    if label:
        UsdSemantics.LabelsAPI.Apply(prim, "category").CreateLabelsAttr(Vt.TokenArray([label]))
    turn = np.linalg.inv(to_metres(stage))[:3, :3]
    native = (solid.points @ turn).astype(np.float32)
    mesh = UsdGeom.Mesh.Define(stage, f"{path}/geo")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(native))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(solid.sizes))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(solid.corners))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([native.min(0), native.max(0)])))
    mesh.CreateDisplayColorAttr([Gf.Vec3f(*color)])
    mesh.CreatePurposeAttr(purpose)
    if solid.normals is not None:
        normals = solid.normals @ (turn * UsdGeom.GetStageMetersPerUnit(stage))
        mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals.astype(np.float32)))
        mesh.SetNormalsInterpolation(UsdGeom.Tokens.faceVarying)
    primvars = UsdGeom.PrimvarsAPI(mesh)
    st = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    st.Set(Vt.Vec2fArray.FromNumpy(solid.unwrapped().astype(np.float32)))
    return prim
