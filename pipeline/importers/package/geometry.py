# SPDX-License-Identifier: Apache-2.0
"""Meshes as prims: refused where broken, turned to metres and Y-up, otherwise exactly as the file has them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from pxr import Sdf

from pipeline.errors import ImportRefused
from pipeline.importers.package import prims
from pipeline.importers.package.prims import T
from pipeline.importers.scene import Floats, Ints, Mesh, Primvar

#: metres; what lies farther away overflows float32 in areas and volumes, and is no asset
FARTHEST = 1e9


@dataclass(frozen=True, slots=True)
class Space:
    """From the file's space to the package's: row vectors times `basis` times `metres`."""

    basis: Floats
    metres: float

    @property
    def mirrors(self) -> bool:
        """Whether it turns a left-handed space into a right-handed one."""
        return bool(np.linalg.det(self.basis) < 0)

    @property
    def identity(self) -> bool:
        """Whether nothing changes."""
        return self.metres == 1.0 and np.array_equal(self.basis, np.eye(3))

    def points(self, p: Floats) -> Floats:
        """Positions or offsets (n, 3)."""
        return p if self.identity else np.asarray(p, np.float64) @ self.basis * self.metres

    def directions(self, n: Floats) -> Floats:
        """Normals (n, 3)."""
        return n if self.identity else np.asarray(n, np.float64) @ self.basis

    def quaternions(self, q: Floats) -> Floats:
        """Rotations (n, 4) xyzw: the axis turns with the space, and changes sign where it mirrors."""
        out = np.array(q, np.float64)
        out[..., :3] = out[..., :3] @ self.basis * np.sign(np.linalg.det(self.basis))
        return out

    def scales(self, s: Floats) -> Floats:
        """Factors along the axes (n, 3)."""
        return np.asarray(s, np.float64) @ np.abs(self.basis)

    def matrices(self, m: Floats) -> Floats:
        """Transforms (..., 4, 4): taken back to the file's space, applied there, brought over again."""
        over = np.eye(4)
        over[:3, :3] = self.basis * self.metres
        return np.linalg.inv(over) @ np.asarray(m, np.float64) @ over


def check(mesh: Mesh, source: str) -> None:
    """Refuse what no reader downstream could hold; defects of a well-formed mesh pass.

    Raises
    ------
    ImportRefused
        Numbers that are not finite, indices that name no point, arrays of unequal length.
    """

    def refuse(message: str) -> ImportRefused:
        return ImportRefused(f"mesh {mesh.name!r} {message}", path=source)

    n, corners = len(mesh.points), len(mesh.indices)
    if not np.isfinite(mesh.points).all():
        bad = int((~np.isfinite(mesh.points).all(axis=1)).sum())
        raise refuse(f"has {bad} of {n} points that are not finite numbers")
    if corners != int(np.sum(mesh.counts, dtype=np.int64)) or (len(mesh.counts) and mesh.counts.min() < 0):
        raise refuse("has face counts that do not add up to its indices")
    if corners and (mesh.indices.min() < 0 or mesh.indices.max() >= n):
        wrong = int(((mesh.indices < 0) | (mesh.indices >= n)).sum())
        raise refuse(f"has {wrong} indices that name no point: it has {n}")
    expected = {"constant": 1, "uniform": len(mesh.counts), "vertex": n, "faceVarying": corners}
    for pv in filter(None, [mesh.normals, mesh.color, mesh.opacity, *mesh.uvs, *mesh.extra.values()]):
        size = len(pv.values) if pv.indices is None else len(pv.indices)
        if size != expected[pv.interpolation]:
            raise refuse(f"has {size} values of {pv.name or 'an attribute'}, {expected[pv.interpolation]} are needed")
        if pv.indices is not None and size and (pv.indices.min() < 0 or pv.indices.max() >= len(pv.values)):
            raise refuse(f"has indices of {pv.name or 'an attribute'} that name no value")
    if not isinstance(mesh.face_material, int) and len(mesh.face_material) != len(mesh.counts):
        raise refuse("does not name one material for each face")


def clean_attributes(mesh: Mesh) -> list[str]:
    """Drop attributes with numbers that are not finite; says which."""
    lost = []
    for pv in [*mesh.uvs]:
        if not np.isfinite(pv.values).all():
            pv.values = np.nan_to_num(pv.values, posinf=0.0, neginf=0.0)
            lost.append("texture coordinates that are not finite numbers became 0")
    for name in ("normals", "color", "opacity"):
        pv = getattr(mesh, name)
        if pv is not None and not np.isfinite(pv.values).all():
            setattr(mesh, name, None)
            lost.append(f"{name}: not finite numbers")
    return lost


def turn_faces(mesh: Mesh) -> Mesh:
    """The same mesh with every face wound the other way; faces keep their order and their first vertex."""
    counts = np.asarray(mesh.counts, np.int64)
    start = np.repeat(np.cumsum(counts) - counts, counts)
    local = np.arange(len(start)) - start
    order = start + (-local) % np.repeat(counts, counts)

    def turn(pv: Primvar | None) -> Primvar | None:
        if pv is None or pv.interpolation != "faceVarying":
            return pv
        if pv.indices is not None:
            return replace(pv, indices=pv.indices[order])
        return replace(pv, values=pv.values[order])

    return replace(
        mesh,
        indices=np.asarray(mesh.indices)[order],
        normals=turn(mesh.normals),
        color=turn(mesh.color),
        opacity=turn(mesh.opacity),
        uvs=[t for uv in mesh.uvs if (t := turn(uv)) is not None],
        extra={k: t for k, v in mesh.extra.items() if (t := turn(v)) is not None},
        left_handed=False,
    )


def write(layer: Sdf.Layer, path: str, mesh: Mesh, space: Space) -> tuple[Floats, Floats]:
    """Define the mesh at `path`; returns its points in metres, Y-up, and its extent (2, 3)."""
    if mesh.left_handed != space.mirrors:
        mesh = turn_faces(mesh)
    points = np.ascontiguousarray(space.points(mesh.points), np.float32)
    prim = prims.define(layer, path, "Mesh")
    extent = np.array([points.min(0), points.max(0)]) if len(points) else np.zeros((2, 3), np.float32)
    prims.attribute(prim, "points", T.Point3fArray, prims.vec3(points))
    prims.attribute(prim, "extent", T.Float3Array, prims.vec3(extent))
    prims.attribute(prim, "faceVertexCounts", T.IntArray, prims.ints(mesh.counts))
    prims.attribute(prim, "faceVertexIndices", T.IntArray, prims.ints(mesh.indices))
    prims.attribute(prim, "subdivisionScheme", T.Token, mesh.smoothing, uniform=True)
    if mesh.normals is not None:
        _normals(prim, mesh.normals, space)
    for i, uv in enumerate(mesh.uvs):
        prims.primvar(prim, uv_name(i), T.TexCoord2fArray, uv, prims.vec2(uv.values))
    if mesh.color is not None:
        prims.primvar(prim, "displayColor", T.Color3fArray, mesh.color, prims.vec3(mesh.color.values))
    if mesh.opacity is not None:
        prims.primvar(prim, "displayOpacity", T.FloatArray, mesh.opacity, prims.floats(mesh.opacity.values))
    for name, pv in mesh.extra.items():
        prims.primvar(prim, name, T.FloatArray, pv, prims.floats(pv.values))
    return points, extent


def _normals(prim: Sdf.PrimSpec, normals: Primvar, space: Space) -> None:
    turned = space.directions(normals.values)
    if normals.indices is not None:
        # indexed normals are legal only as a primvar, which wins over the attribute; flat readers want flat ones
        turned = turned[normals.indices]
    prims.attribute(prim, "normals", T.Normal3fArray, prims.vec3(turned), interpolation=normals.interpolation)


def uv_name(i: int) -> str:
    """st, st1, st2 …"""
    return f"st{i or ''}"


def bind(prim: Sdf.PrimSpec, mesh: Mesh, materials: dict[int, str]) -> None:
    """Bind the mesh, or its faces as subsets, to material prims; subsets are named as the materials."""
    faces = mesh.face_material
    used = [faces] if isinstance(faces, int) else [int(i) for i in np.unique(faces)]
    if len(used) == 1:
        if used[0] in materials:
            prims.apply_api(prim, "MaterialBindingAPI")
            prims.relate(prim, "material:binding", materials[used[0]])
        return
    prims.apply_api(prim, "MaterialBindingAPI")
    bound = [i for i in used if i in materials]
    family = "partition" if len(bound) == len(used) else "nonOverlapping"
    prims.attribute(prim, "subsetFamily:materialBind:familyType", T.Token, family, uniform=True)
    ids: Ints = np.asarray(faces)
    for i in bound:
        name = materials[i].rpartition("/")[2]
        subset = prims.define(prim.layer, f"{prim.path}/{name}", "GeomSubset")
        prims.attribute(subset, "elementType", T.Token, "face", uniform=True)
        prims.attribute(subset, "familyName", T.Token, "materialBind", uniform=True)
        prims.attribute(subset, "indices", T.IntArray, prims.ints(np.flatnonzero(ids == i)))
        prims.apply_api(subset, "MaterialBindingAPI")
        prims.relate(subset, "material:binding", materials[i])
