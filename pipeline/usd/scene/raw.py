# SPDX-License-Identifier: Apache-2.0
"""A UsdGeomMesh's arrays as they are authored: fetched as views, nothing checked or converted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xxhash
from pxr import UsdGeom, UsdShade

from pipeline.usd.scene.authored import Authored
from pipeline.usd.scene.unread import UV_TYPES

__all__ = ["RawMesh", "RawPrimvar", "fetch_mesh"]

#: primvars that are read as what they are, or that mean something else than what is drawn
_RESERVED = {"displayColor", "displayOpacity", "normals", "tangents"}


@dataclass
class RawPrimvar:
    """What is authored: values, indices and interpolation, nothing checked."""

    name: str
    values: Any
    indices: Any
    interpolation: str


@dataclass
class RawMesh:
    """A mesh prim's arrays as USD holds them, in the stage's space."""

    prim: Any
    path: str
    points: Any
    counts: Any
    vertices: Any
    holes: Any = None
    left_handed: bool = False
    scheme: str = "catmullClark"
    double_sided: bool = False
    primvars: list[RawPrimvar] = field(default_factory=list)
    subsets: list[tuple[Any, Any]] = field(default_factory=list)
    moving: bool = False
    skinned: bool = False
    creases: dict[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Points, faces, corners: equal meshes agree in them, and most others do not."""
        return len(self.points), len(self.counts), len(self.vertices)

    @cached_property
    def digest(self) -> bytes:
        """A hash over everything that makes the geometry; equal meshes have equal ones."""
        total = xxhash.xxh3_128()
        words: list[Any] = [self.scheme, self.left_handed, self.double_sided]
        arrays: list[Any] = [self.points, self.counts, self.vertices, self.holes]
        for primvar in self.primvars:
            words += (primvar.name, primvar.interpolation)
            arrays += (primvar.values, primvar.indices)
        for name, value in self.creases.items():
            words += (name, value if isinstance(value, str) else "")
            arrays.append(None if isinstance(value, str) else value)
        for prim, faces in self.subsets:
            words.append(prim.GetName())
            arrays.append(faces)
        for array in arrays:
            words.append(-1 if array is None else array.size)
            if array is not None and array.size:
                total.update(np.ascontiguousarray(array).data)
        total.update(str(words).encode())
        return total.digest()


def fetch_mesh(
    prim: Any, path: str, said: Authored, children: Iterable[Any], inherited: dict[str, Any], time: Any
) -> RawMesh | None:
    """Read a mesh prim's attributes; None where it has no points or no faces.

    Parameters
    ----------
    prim, path
        The UsdGeomMesh.
    said
        What it authors.
    children
        Its children, among which the subsets are.
    inherited
        Constant primvars of its ancestors by name.
    """
    get = prim.GetAttribute
    where = get("points")
    points, counts, vertices = where.Get(time), get("faceVertexCounts").Get(time), get("faceVertexIndices").Get(time)
    if not points or not counts or not vertices:
        return None
    raw = RawMesh(prim, path, np.asarray(points), np.asarray(counts), np.asarray(vertices))
    primvars: dict[str, Any] = dict(inherited)
    for name in said.primvars:
        primvars[name] = get(f"primvars:{name}")
    for name in said.mesh:
        if name == "points":
            raw.moving = where.ValueMightBeTimeVarying()
        elif name == "subdivisionScheme":
            raw.scheme = str(get(name).Get())
        elif name in {"normals", "tangents"}:
            if name not in primvars:
                attribute = get(name)
                values = _array(attribute.Get(time))
                if values is not None and len(values):
                    raw.primvars.append(
                        RawPrimvar(name, values, None, attribute.GetMetadata("interpolation") or "vertex")
                    )
        elif name == "orientation":
            raw.left_handed = get(name).Get(time) == "leftHanded"
        elif name == "doubleSided":
            raw.double_sided = bool(get(name).Get())
        elif name == "holeIndices":
            raw.holes = _array(get(name).Get(time))
        elif name in {"skel:blendShapes", "primvars:skel:jointIndices"}:
            raw.skinned = True
        else:
            value = get(name).Get(time)
            raw.creases[name] = str(value) if isinstance(value, str) else _array(value)
    for name, attribute in primvars.items():
        if name in _RESERVED or str(attribute.GetTypeName()) in UV_TYPES:
            own = name not in inherited or name in said.primvars
            _fetch_primvar(raw, name, attribute, time, not own or name in said.indexed)
    for child in children:
        if child.GetTypeName() == "GeomSubset":
            _fetch_subset(raw, child, time)
    return raw


def _array(value: Any) -> Any:
    return None if value is None else np.asarray(value)


def _fetch_primvar(raw: RawMesh, name: str, attribute: Any, time: Any, indexed: bool) -> None:
    values = _array(attribute.Get(time))
    if values is None or not values.size:
        return
    if name == "normals":
        raw.primvars = [p for p in raw.primvars if p.name != "normals"]
    found = None
    if indexed:
        indices = attribute.GetPrim().GetAttribute(f"primvars:{name}:indices")
        found = _array(indices.Get(time)) if indices else None
    raw.primvars.append(RawPrimvar(name, values, found, attribute.GetMetadata("interpolation") or "constant"))


def _fetch_subset(raw: RawMesh, prim: Any, time: Any) -> None:
    subset = UsdGeom.Subset(prim)
    if subset.GetElementTypeAttr().Get() != "face":
        return
    if subset.GetFamilyNameAttr().Get() != "materialBind" and not prim.HasAPI(UsdShade.MaterialBindingAPI):
        return
    faces = _array(subset.GetIndicesAttr().Get(time))
    if faces is not None and len(faces):
        raw.subsets.append((prim, faces))
