# SPDX-License-Identifier: Apache-2.0
"""A model written as a package folder: `payload.usdc` with `/Asset/geo`, `/Asset/mtl`, textures beside it."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pxr import Gf, Kind, Sdf, Tf, Usd, UsdGeom, UsdShade, Vt

from pipeline.errors import GeneratorError
from pipeline.generators.embedded.model import Mesh, Model
from pipeline.generators.embedded.paint import Surface
from pipeline.references.png import write_png
from pipeline.usd.reasons import reason


def write_package(model: Model, folder: Path, name: str) -> Path:
    """Write the model into the new or empty folder and return the layer's path.

    The same model gives the same bytes. Textures are written before the layer, the layer is renamed into
    its place last.

    Raises
    ------
    GeneratorError
        The folder cannot be written.
    """
    try:
        (folder / "textures").mkdir(parents=True, exist_ok=True)
        for material, surface in model.surfaces.items():
            write_png(folder / "textures" / f"{material}_albedo.png", surface.albedo)
            write_png(folder / "textures" / f"{material}_normal.png", surface.normal)
            write_png(folder / "textures" / f"{material}_roughness.png", surface.roughness)
        layer = _author(model, name)
        target = folder / "payload.usdc"
        handle, temporary = tempfile.mkstemp(suffix=".usdc", prefix=".payload-", dir=folder)
        os.close(handle)
        try:
            layer.Export(temporary)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except (OSError, Tf.ErrorException) as error:
        raise GeneratorError(
            f"cannot write the candidate: {reason(error)}", path=folder, remedy="check space and permissions there"
        ) from error
    return target


def _author(model: Model, name: str) -> Sdf.Layer:
    layer = Sdf.Layer.CreateAnonymous(".usda")
    stage = Usd.Stage.Open(layer)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    asset = UsdGeom.Xform.Define(stage, "/Asset")
    stage.SetDefaultPrim(asset.GetPrim())
    Usd.ModelAPI(asset).SetKind(Kind.Tokens.component)
    Usd.ModelAPI(asset).SetAssetName(Tf.MakeValidIdentifier(name))
    UsdGeom.Scope.Define(stage, "/Asset/geo")
    UsdGeom.Scope.Define(stage, "/Asset/mtl")
    materials = {m: _material(stage, m, s) for m, s in model.surfaces.items()}
    for mesh in model.meshes:
        parent = "/Asset/geo"
        if mesh.name != mesh.part:
            parent = f"/Asset/geo/{mesh.part}"
            UsdGeom.Xform.Define(stage, parent)
        prim = _mesh(stage, f"{parent}/{mesh.name}", mesh)
        UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(materials[mesh.material])
    low, high = model.bounds
    extents = Vt.Vec3fArray([Gf.Vec3f(*map(float, low)), Gf.Vec3f(*map(float, high))])
    UsdGeom.ModelAPI.Apply(asset.GetPrim()).SetExtentsHint(extents)
    return layer


def _mesh(stage: Usd.Stage, path: str, mesh: Mesh) -> UsdGeom.Mesh:
    prim = UsdGeom.Mesh.Define(stage, path)
    used = mesh.faces >= 0
    points = mesh.points.astype(np.float32)
    prim.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    prim.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(used.sum(1).astype(np.int32)))
    prim.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.faces[used].astype(np.int32)))
    prim.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    prim.CreateOrientationAttr(UsdGeom.Tokens.rightHanded)
    extent = np.stack([points.min(0), points.max(0)])
    prim.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(extent))
    prim.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(mesh.normals[used], np.float32)))
    prim.SetNormalsInterpolation(UsdGeom.Tokens.faceVarying)
    corners = mesh.uv[used].astype(np.float32)
    values, index = np.unique(corners, axis=0, return_inverse=True)
    st = UsdGeom.PrimvarsAPI(prim).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    st.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(values)))
    st.SetIndices(Vt.IntArray.FromNumpy(index.reshape(-1).astype(np.int32)))
    return prim


def _material(stage: Usd.Stage, name: str, surface: Surface) -> UsdShade.Material:
    path = f"/Asset/mtl/{re.sub('[^A-Za-z0-9_]', '_', name)}"
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    reader = UsdShade.Shader.Define(stage, f"{path}/st")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    st = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)

    def texture(kind: str, output: str, value_type: Any, space: str) -> UsdShade.Output:
        node = UsdShade.Shader.Define(stage, f"{path}/{kind}")
        node.CreateIdAttr("UsdUVTexture")
        node.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(f"textures/{name}_{kind}.png")
        node.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(st)
        node.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
        for axis in ("wrapS", "wrapT"):
            node.CreateInput(axis, Sdf.ValueTypeNames.Token).Set("repeat")
        if kind == "normal":
            node.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
            node.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        return node.CreateOutput(output, value_type)

    kinds = Sdf.ValueTypeNames
    shader.CreateInput("diffuseColor", kinds.Color3f).ConnectToSource(texture("albedo", "rgb", kinds.Float3, "sRGB"))
    shader.CreateInput("normal", kinds.Normal3f).ConnectToSource(texture("normal", "rgb", kinds.Float3, "raw"))
    shader.CreateInput("roughness", kinds.Float).ConnectToSource(texture("roughness", "r", kinds.Float, "raw"))
    shader.CreateInput("metallic", kinds.Float).Set(float(surface.metallic))
    material.CreateSurfaceOutput().ConnectToSource(shader.CreateOutput("surface", Sdf.ValueTypeNames.Token))
    return material
