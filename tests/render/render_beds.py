# SPDX-License-Identifier: Apache-2.0
"""Tiny stages made in code, whose pictures can be computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, Vt


def new(path: Path) -> Usd.Stage:
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    return stage


def material(stage: Usd.Stage, name: str, **inputs: object) -> UsdShade.Material:
    """UsdPreviewSurface without specular reflection unless told."""
    made = UsdShade.Material.Define(stage, f"/World/mtl/{name}")
    shader = UsdShade.Shader.Define(stage, f"/World/mtl/{name}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    for key, value in {"ior": 1.0, "roughness": 1.0, **inputs}.items():
        kind = Sdf.ValueTypeNames.Color3f if isinstance(value, tuple) else Sdf.ValueTypeNames.Float
        shader.CreateInput(key, kind).Set(Gf.Vec3f(*value) if isinstance(value, tuple) else value)
    made.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return made


def mesh(stage: Usd.Stage, path: str, points: np.ndarray, counts: list[int], faces: np.ndarray) -> UsdGeom.Mesh:
    made = UsdGeom.Mesh.Define(stage, path)
    made.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.asarray(points, np.float32)))
    made.CreateFaceVertexCountsAttr(counts)
    made.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.asarray(faces, np.int32).ravel()))
    made.CreateSubdivisionSchemeAttr("none")
    return made


def quad(stage: Usd.Stage, path: str, x: float = 0.0, y: float = 0.0, half: float = 0.5) -> UsdGeom.Mesh:
    """A square that looks along +Z."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * half + [x, y, 0]
    made = mesh(stage, path, corners, [4], np.arange(4))
    uv = UsdGeom.PrimvarsAPI(made).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    uv.Set([(0, 0), (1, 0), (1, 1), (0, 1)])
    return made


def sphere(stage: Usd.Stage, path: str, radius: float = 0.5) -> UsdGeom.Sphere:
    made = UsdGeom.Sphere.Define(stage, path)
    made.CreateRadiusAttr(radius)
    return made


def bind(prim: object, to: UsdShade.Material) -> None:
    UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(to)  # type: ignore[attr-defined]


def textured(stage: Usd.Stage, name: str, file: str, **settings: object) -> UsdShade.Material:
    """diffuseColor from a picture by the primvar `st`."""
    made = material(stage, name)
    surface = UsdShade.Shader(stage.GetPrimAtPath(f"/World/mtl/{name}/surface"))
    reader = UsdShade.Shader.Define(stage, f"/World/mtl/{name}/st")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    texture = UsdShade.Shader.Define(stage, f"/World/mtl/{name}/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(file)
    for key, value in settings.items():
        texture.CreateInput(key, Sdf.ValueTypeNames.Token).Set(value)
    result = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(result)
    rgb = texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3)
    surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(rgb)
    return made


def dome(stage: Usd.Stage, radiance: float = 1.0) -> UsdLux.DomeLight:
    made = UsdLux.DomeLight.Define(stage, "/World/Dome")
    made.CreateIntensityAttr(radiance)
    return made
