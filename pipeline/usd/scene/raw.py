# SPDX-License-Identifier: Apache-2.0
"""A UsdGeomMesh's arrays as they are authored: fetched as views, nothing checked or converted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xxhash
from pxr import UsdGeom, UsdShade

__all__ = ["RawMesh", "RawPrimvar", "fetch_mesh"]

_UV_TYPES = {
    "texCoord2f[]", "texCoord2d[]", "texCoord2h[]", "float2[]", "double2[]", "half2[]",
    "texCoord3f[]", "texCoord3d[]", "texCoord3h[]",
}  # fmt: skip
#: primvars that are read as what they are, or that mean something else than what is drawn
_RESERVED = {"displayColor", "displayOpacity", "normals", "tangents"}
_CREASES = {
    "creaseIndices", "creaseLengths", "creaseSharpnesses", "cornerIndices", "cornerSharpnesses",
    "interpolateBoundary", "faceVaryingLinearInterpolation",
}  # fmt: skip


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

    def digest(self) -> str:
        """A hash over everything that makes the geometry; equal meshes have equal ones."""
        total = xxhash.xxh3_128()
        words = [self.scheme, str(self.left_handed), str(self.double_sided)]
        for array in (self.points, self.counts, self.vertices, self.holes):
            _feed(total, array)
        for name, value in self.creases.items():
            words += [name, value if isinstance(value, str) else ""]
            _feed(total, None if isinstance(value, str) else value)
        for primvar in self.primvars:
            words += [primvar.name, primvar.interpolation]
            _feed(total, primvar.values)
            _feed(total, primvar.indices)
        for prim, faces in self.subsets:
            words.append(prim.GetName())
            _feed(total, faces)
        total.update("\0".join(words).encode())
        return total.hexdigest()


def _feed(total: Any, array: Any) -> None:
    if array is None:
        total.update(b"-")
        return
    total.update(array.size.to_bytes(8, "little"))
    if array.size:
        total.update(array if array.flags.c_contiguous else np.ascontiguousarray(array))


def fetch_mesh(
    prim: Any,
    names: Sequence[str],
    children: Iterable[Any],
    inherited: dict[str, Any],
    time: Any,
) -> RawMesh | None:
    """Read a mesh prim's attributes; None where it has no points or no faces.

    Parameters
    ----------
    prim
        The UsdGeomMesh.
    names
        Its authored property names.
    children
        Its children, among which the subsets are.
    inherited
        Constant primvars of its ancestors by name.
    """
    get = prim.GetAttribute
    points, counts, vertices = (_array(get(n).Get(time)) for n in ("points", "faceVertexCounts", "faceVertexIndices"))
    if points is None or counts is None or vertices is None:
        return None
    if not len(points) or not len(counts) or not len(vertices):
        return None
    raw = RawMesh(prim, points, counts, vertices)
    primvars: dict[str, Any] = dict(inherited)
    for name in names:
        if name.startswith("primvars:"):
            if not name.endswith(":indices") and not name.startswith("primvars:skel:"):
                primvars[name[9:]] = get(name)
            elif name == "primvars:skel:jointIndices":
                raw.skinned = True
        elif name == "orientation":
            raw.left_handed = get(name).Get(time) == "leftHanded"
        elif name == "subdivisionScheme":
            raw.scheme = str(get(name).Get())
        elif name == "doubleSided":
            raw.double_sided = bool(get(name).Get())
        elif name == "holeIndices":
            raw.holes = _array(get(name).Get(time))
        elif name in {"normals", "tangents"}:
            if name not in primvars:
                values = _array(get(name).Get(time))
                kind = get(name).GetMetadata("interpolation") or "vertex"
                if values is not None and len(values):
                    raw.primvars.append(RawPrimvar(name, values, None, kind))
        elif name == "points":
            raw.moving = get(name).ValueMightBeTimeVarying()
        elif name == "skel:blendShapes":
            raw.skinned = True
        elif name in _CREASES:
            value = get(name).Get(time)
            raw.creases[name] = str(value) if isinstance(value, str) else _array(value)
    for name, attribute in primvars.items():
        if name in _RESERVED or str(attribute.GetTypeName()) in _UV_TYPES:
            own = name not in inherited or f"primvars:{name}" in names
            _fetch_primvar(raw, name, attribute, time, not own or f"primvars:{name}:indices" in names)
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
