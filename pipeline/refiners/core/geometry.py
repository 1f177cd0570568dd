# SPDX-License-Identifier: Apache-2.0
"""Mesh prims to arrays and back: points, faces, every primvar, every GeomSubset."""

from __future__ import annotations

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, Vt

from pipeline.errors import RefineError
from pipeline.mesh.polygons import PolygonMesh, Primvar

__all__ = ["read_mesh", "write_mesh"]

#: beyond this, squares of coordinates leave the range of float32
_FARTHEST = 1e15


def read_mesh(mesh: UsdGeom.Mesh) -> PolygonMesh:
    """What a mesh prim says at its default time.

    Raises
    ------
    RefineError
        Its arrays do not fit each other, or are not finite.
    """
    path = str(mesh.GetPath())
    points = _array(mesh.GetPointsAttr().Get(), (0, 3), np.float32)
    counts = _array(mesh.GetFaceVertexCountsAttr().Get(), (0,), np.int32)
    corners = _array(mesh.GetFaceVertexIndicesAttr().Get(), (0,), np.int32)
    if len(counts) == 0 or len(points) == 0:
        raise RefineError("the mesh has no faces", prim=path, remedy="remove the prim or generate again")
    if int(counts.min()) < 3 or int(counts.sum()) != len(corners):
        raise RefineError(
            "face counts and face indices do not fit", prim=path, remedy="ingest the file again; it is damaged"
        )
    if int(corners.min()) < 0 or int(corners.max()) >= len(points):
        raise RefineError(
            "a face names a point that does not exist", prim=path, remedy="ingest the file again; it is damaged"
        )
    if not np.isfinite(points).all():
        raise RefineError("points are not finite", prim=path, remedy="ingest the file again; it is damaged")
    if float(np.abs(points).max()) > _FARTHEST:
        raise RefineError("points lie farther out than any scene reaches", prim=path, remedy="ingest the file again")
    sizes = {"uniform": len(counts), "vertex": len(points), "varying": len(points)}
    sizes |= {"faceVarying": len(corners), "constant": 1}
    primvars = {}
    for primvar in UsdGeom.PrimvarsAPI(mesh).GetPrimvarsWithValues():
        found = _primvar(primvar, sizes)
        if found is not None:
            primvars[primvar.GetPrimvarName()] = found
    normals = mesh.GetNormalsAttr().Get()
    if normals and "normals" not in primvars:
        values = np.array(normals, np.float32)
        interpolation = mesh.GetNormalsInterpolation()
        if len(values) == sizes.get(interpolation, -1):
            primvars["normals"] = Primvar(values, None, interpolation, "normal3f[]")
    subsets = {
        s.GetPrim().GetName(): _array(s.GetIndicesAttr().Get(), (0,), np.int32)
        for s in UsdGeom.Subset.GetAllGeomSubsets(mesh)
        if s.GetElementTypeAttr().Get() == "face"
    }
    subsets = {name: faces[(faces >= 0) & (faces < len(counts))] for name, faces in subsets.items()}
    left = mesh.GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded
    return PolygonMesh(points, counts, corners, primvars, subsets, left)


def write_mesh(stage: Usd.Stage, path: Sdf.Path, mesh: PolygonMesh, old: UsdGeom.Mesh) -> None:
    """Author a mesh as opinions over `old` at `path` of `stage`, in its edit target.

    What `old` has and the new mesh has not is blocked; a subset left without faces is deactivated.
    """
    prim = stage.OverridePrim(path)
    gprim = UsdGeom.Mesh(prim)
    points = np.ascontiguousarray(mesh.points, np.float32)
    gprim.CreatePointsAttr().Set(Vt.Vec3fArray.FromNumpy(points))
    gprim.CreateFaceVertexCountsAttr().Set(Vt.IntArray.FromNumpy(mesh.counts.astype(np.int32)))
    gprim.CreateFaceVertexIndicesAttr().Set(Vt.IntArray.FromNumpy(mesh.corners.astype(np.int32)))
    extent = np.stack([points.min(axis=0), points.max(axis=0)]) if len(points) else np.zeros((2, 3), np.float32)
    gprim.CreateExtentAttr().Set(Vt.Vec3fArray.FromNumpy(extent.astype(np.float32)))
    hand = UsdGeom.Tokens.leftHanded if mesh.left_handed else UsdGeom.Tokens.rightHanded
    if old.GetOrientationAttr().Get() != hand:
        gprim.CreateOrientationAttr().Set(hand)
    _write_primvars(prim, mesh, old)
    for name in ("holeIndices", "cornerIndices", "cornerSharpnesses", "creaseIndices", "creaseLengths",
                 "creaseSharpnesses"):  # fmt: skip
        attribute = old.GetPrim().GetAttribute(name)
        if attribute.HasAuthoredValue() and len(attribute.Get() or ()):
            prim.CreateAttribute(name, attribute.GetTypeName()).Block()
    existing = {s.GetPrim().GetName() for s in UsdGeom.Subset.GetAllGeomSubsets(old)}
    for name, faces in mesh.subsets.items():
        subset = UsdGeom.Subset(stage.OverridePrim(path.AppendChild(name)))
        if name not in existing:
            subset = UsdGeom.Subset.Define(stage, path.AppendChild(name))
            subset.CreateElementTypeAttr().Set("face")
        subset.CreateIndicesAttr().Set(Vt.IntArray.FromNumpy(faces.astype(np.int32)))
        if len(faces) == 0:
            subset.GetPrim().SetActive(False)


def _write_primvars(prim: Usd.Prim, mesh: PolygonMesh, old: UsdGeom.Mesh) -> None:
    api = UsdGeom.PrimvarsAPI(prim)
    before = {p.GetPrimvarName() for p in UsdGeom.PrimvarsAPI(old).GetPrimvarsWithAuthoredValues()}
    plain_normals = bool(old.GetNormalsAttr().HasAuthoredValue())
    for name, value in mesh.primvars.items():
        if name == "normals" and "normals" not in before and plain_normals:
            attribute = UsdGeom.Mesh(prim).CreateNormalsAttr()
            flat = value.values if value.indices is None else value.values[value.indices]
            attribute.Set(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(flat, np.float32)))
            UsdGeom.Mesh(prim).SetNormalsInterpolation(value.interpolation)
            continue
        if value.interpolation == "constant" and name in before:
            continue
        kind = Sdf.ValueTypeNames.Find(value.kind)
        primvar = api.CreatePrimvar(name, kind, value.interpolation)
        primvar.Set(_vt(value))
        if value.width > 1:
            primvar.SetElementSize(value.width)
        if value.indices is not None:
            primvar.SetIndices(Vt.IntArray.FromNumpy(value.indices.astype(np.int32)))
        elif name in before and UsdGeom.PrimvarsAPI(old).GetPrimvar(name).IsIndexed():
            primvar.CreateIndicesAttr().Block()
    for name in before - set(mesh.primvars):
        source = UsdGeom.PrimvarsAPI(old).GetPrimvar(name)
        api.CreatePrimvar(name, source.GetTypeName()).GetAttr().Block()
        if source.IsIndexed():
            api.GetPrimvar(name).CreateIndicesAttr().Block()
    if plain_normals and "normals" not in mesh.primvars:
        UsdGeom.Mesh(prim).CreateNormalsAttr().Block()


def _primvar(primvar: UsdGeom.Primvar, sizes: dict[str, int]) -> Primvar | None:
    value = primvar.Get()
    kind = str(primvar.GetTypeName())
    interpolation = primvar.GetInterpolation()
    if value is None or not kind.endswith("[]"):
        return None
    try:
        values = np.array(value)
    except (TypeError, ValueError):
        return None
    indices = primvar.GetIndices() if primvar.IsIndexed() else None
    width = max(primvar.GetElementSize(), 1)
    expected = sizes.get(interpolation, -1)
    if interpolation == "constant":
        return Primvar(values, None, interpolation, kind, width) if indices is None else None
    if indices is not None:
        index = np.array(indices, np.int32)
        if len(index) != expected or (len(index) and int(index.max()) * width >= len(values)):
            return None
        return Primvar(values, index, interpolation, kind, width)
    if len(values) != expected * width:
        return None
    return Primvar(values, None, interpolation, kind, width)


def _vt(value: Primvar) -> object:
    kind = Sdf.ValueTypeNames.Find(value.kind)
    cls = type(kind.defaultValue) if kind.defaultValue is not None else None
    values = np.ascontiguousarray(value.values)
    if cls is not None and hasattr(cls, "FromNumpy"):
        return cls.FromNumpy(values)
    return list(values.tolist())


def _array(value: object, empty: tuple[int, ...], dtype: type) -> np.ndarray:
    return np.zeros(empty, dtype) if value is None else np.array(value, dtype)


def matrix(transform: Gf.Matrix4d) -> np.ndarray:
    """(4, 4) float64, row vectors: `p' = p @ M`."""
    return np.array(transform, np.float64)
