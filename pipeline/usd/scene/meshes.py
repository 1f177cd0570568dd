# SPDX-License-Identifier: Apache-2.0
"""A UsdGeomMesh to arrays: faces that can be drawn, primvars that fit them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import xxhash
from numpy.typing import NDArray
from pxr import Usd, UsdGeom, UsdShade

from pipeline.usd.scene.model import Floats, Interpolation, Ints, Mesh, Primvar, Slot
from pipeline.usd.scene.normals import unit
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.space import Space

__all__ = ["RawMesh", "build_mesh", "fetch_mesh"]

_UV_TYPES = {
    "texCoord2f[]", "texCoord2d[]", "texCoord2h[]", "float2[]", "double2[]", "half2[]",
    "texCoord3f[]", "texCoord3d[]", "texCoord3h[]",
}  # fmt: skip
#: primvars that are read as what they are, or that mean something else than what is drawn
_RESERVED = {"displayColor", "displayOpacity", "normals", "tangents"}
_FIRST = ("st", "st0", "uv", "UVMap", "map1", "Texture_uv", "st_0", "uv0")


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


_CREASES = {
    "creaseIndices", "creaseLengths", "creaseSharpnesses", "cornerIndices", "cornerSharpnesses",
    "interpolateBoundary", "faceVaryingLinearInterpolation",
}  # fmt: skip


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


def build_mesh(raw: RawMesh, space: Space, report: Report) -> Mesh | None:
    """Checked and converted arrays; None where no face is left. What had to go is reported."""
    path = str(raw.prim.GetPath())
    points = space.points(raw.points)
    faces = _sound_faces(raw, points, path, report)
    if faces is None:
        return None
    counts, vertices, corners, kept, edges = faces
    total = len(raw.counts)
    fit = _Fit(len(points), total, len(raw.vertices), corners, kept, vertices)
    found = {p.name: p for p in (fit.primvar(raw_primvar, path, report) for raw_primvar in raw.primvars) if p}
    directions = {n: _directions(found.pop(n), space) for n in ("normals", "tangents") if n in found}
    color, opacity = found.pop("displayColor", None), found.pop("displayOpacity", None)
    slots, face_slots = _slots(raw, total, kept, report)
    return Mesh(
        name=raw.prim.GetName(),
        path=path,
        points=points,
        face_counts=counts,
        face_vertices=vertices,
        uvs=tuple(sorted(found.values(), key=_uv_rank)),
        normals=directions.get("normals"),
        tangents=directions.get("tangents"),
        color=color,
        opacity=opacity,
        slots=slots,
        face_slots=face_slots,
        double_sided=raw.double_sided,
        faceted=raw.scheme == "none",
        subdivision=raw.scheme,
        edges=edges,
    )


def _uv_rank(primvar: Primvar) -> int:
    return _FIRST.index(primvar.name) if primvar.name in _FIRST else len(_FIRST)


def _directions(primvar: Primvar, space: Space) -> Primvar:
    return Primvar(
        primvar.name,
        unit(space.vectors(primvar.values[:, :3])),
        primvar.indices,
        primvar.interpolation,
    )


def _sound_faces(
    raw: RawMesh, points: Floats, path: str, report: Report
) -> tuple[Ints, Ints, Ints | None, NDArray[np.bool_] | None, Ints | None] | None:
    """Face counts and vertices that can be drawn, the corner each came from, the faces that stayed, loose edges."""
    counts = np.asarray(raw.counts, np.int32)
    vertices = np.asarray(raw.vertices, np.int32)
    low, high = int(counts.min()), int(counts.max())
    if low < 0:
        report.lose(path, "faces", f"faceVertexCounts has negative numbers ({low}): the mesh was left out")
        return None
    keep: NDArray[np.bool_] | None = None
    named = low * len(counts) if low == high else int(counts.sum(dtype=np.int64))
    if named > len(vertices):
        ends = np.cumsum(counts, dtype=np.int64)
        keep = ends <= len(vertices)
        report.lose(path, "faces", f"faceVertexIndices ends early: {int((~keep).sum())} faces were left out")
    elif named < len(vertices):
        report.lose(path, "face corners", f"{len(vertices) - named} faceVertexIndices belong to no face")
        vertices = vertices[:named]
    bad = _bad_corners(points, vertices, path, report)
    if bad is not None:
        face_of = np.repeat(np.arange(len(counts)), counts)[: len(vertices)]
        keep = np.ones(len(counts), bool) if keep is None else keep
        keep[face_of[bad]] = False
    edges: Ints | None = None
    if low < 3:
        keep = np.ones(len(counts), bool) if keep is None else keep
        pairs = np.flatnonzero(keep & (counts == 2))
        if len(pairs):
            first = (np.cumsum(counts) - counts)[pairs]
            edges = np.stack([vertices[first], vertices[first + 1]], -1)
        keep &= counts >= 3
    if raw.holes is not None and len(raw.holes):
        keep = np.ones(len(counts), bool) if keep is None else keep
        holes = np.asarray(raw.holes)
        keep[holes[(holes >= 0) & (holes < len(counts))]] = False
    corners: Ints | None = None
    if keep is not None and keep.all():
        keep = None
    if keep is not None:
        if not keep.any():
            return None
        corners = np.flatnonzero(np.repeat(keep, counts)[: len(vertices)]).astype(np.int32)
        counts = counts[keep]
    if raw.left_handed:
        turned = _turned(counts)
        corners = turned if corners is None else corners[turned]
    if corners is not None:
        vertices = vertices[corners]
    return counts, vertices, corners, keep, edges


def _bad_corners(points: Floats, vertices: Ints, path: str, report: Report) -> Any:
    """Which corners name a point that is not there or not finite; None where all are sound."""
    low, high = int(vertices.min()), int(vertices.max())
    outside = None
    if low < 0 or high >= len(points):
        outside = (vertices < 0) | (vertices >= len(points))
        report.lose(path, "faces", f"{int(outside.sum())} corners name points that are not there")
    if np.isfinite(points).all():
        return outside
    broken = np.asarray(~np.isfinite(points).all(axis=1))
    report.lose(path, "points", f"{int(broken.sum())} points are not finite: their faces were left out")
    inside = np.clip(vertices, 0, len(points) - 1)
    return broken[inside] if outside is None else broken[inside] | outside


def _turned(counts: Ints) -> Ints:
    """For each corner the corner that takes its place when every face turns round, the first staying first."""
    starts = np.zeros(len(counts), np.int32)
    np.cumsum(counts[:-1], out=starts[1:])
    first = np.repeat(starts, counts)
    place = np.arange(int(counts.sum()), dtype=np.int32) - first
    size = np.repeat(counts, counts)
    return np.asarray(first + (size - place) % size, np.int32)


class _Fit:
    """Brings primvars onto the faces that stayed."""

    def __init__(
        self,
        points: int,
        faces: int,
        corners: int,
        kept_corners: Ints | None,
        kept_faces: NDArray[np.bool_] | None,
        vertices: Ints,
    ) -> None:
        self.sizes = {"constant": 1, "uniform": faces, "vertex": points, "faceVarying": corners}
        self.kept: dict[str, Any] = {"faceVarying": kept_corners}
        if kept_faces is not None:
            self.kept["uniform"] = np.flatnonzero(kept_faces)
        self.vertices = vertices

    def primvar(self, raw: RawPrimvar, path: str, report: Report) -> Primvar | None:
        kind = "vertex" if raw.interpolation == "varying" else raw.interpolation
        size = self.sizes.get(kind)
        values = np.asarray(raw.values)
        values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        values = values.astype(np.float32, copy=False)
        indices = None if raw.indices is None or not len(raw.indices) else np.asarray(raw.indices, np.int32)
        count = len(values) if indices is None else len(indices)
        if size is None or (count < size):
            report.lose(path, f"primvar {raw.name}", f"{kind} needs {size} elements, there are {count}")
            return None
        like_faces = (
            kind == "faceVarying"
            and indices is not None
            and self.kept["faceVarying"] is None
            and len(values) == self.sizes["vertex"]
            and np.array_equal(indices, self.vertices)
        )
        if like_faces:
            broken = self._broken(raw, values, path, report)
            return Primvar(raw.name, values if broken is None else broken, None, "vertex")
        if indices is not None and (indices.min() < 0 or indices.max() >= len(values)):
            report.lose(path, f"primvar {raw.name}", "an index points outside of its values")
            return None
        if kind == "constant":
            first = values[:1] if indices is None else values[indices[:1]]
            return Primvar(raw.name, first, None, "constant")
        if count > size:
            report.lose(path, f"primvar {raw.name}", f"{count - size} elements belong to nothing ({kind})")
            if indices is None:
                values = values[:size]
            else:
                indices = indices[:size]
        broken = self._broken(raw, values, path, report)
        values = values if broken is None else broken
        kept = self.kept.get(kind)
        if kept is not None:
            indices = kept.astype(np.int32, copy=False) if indices is None else indices[kept]
        if (
            kind == "faceVarying"
            and indices is not None
            and len(values) == self.sizes["vertex"]
            and np.array_equal(indices, self.vertices)
        ):
            return Primvar(raw.name, values, None, "vertex")
        return Primvar(raw.name, values, indices, cast(Interpolation, kind))

    def _broken(self, raw: RawPrimvar, values: Floats, path: str, report: Report) -> Floats | None:
        if raw.name in {"normals", "tangents"} or np.isfinite(values).all():
            return None
        report.lose(path, f"primvar {raw.name}", "values that are not finite became 0")
        return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def _slots(
    raw: RawMesh, faces: int, kept: NDArray[np.bool_] | None, report: Report
) -> tuple[tuple[Slot, ...], Ints | None]:
    """The parts that may have their own materials, and the part of each face that stayed."""
    whole = Slot(raw.prim.GetName(), str(raw.prim.GetPath()))
    if not raw.subsets:
        return (whole,), None
    part = np.zeros(faces, np.int32)
    slots = [whole]
    for prim, indices in raw.subsets:
        inside = indices[(indices >= 0) & (indices < faces)]
        if len(inside) < len(indices):
            report.lose(str(prim.GetPath()), "faces of a subset", "they are not faces of the mesh")
        part[inside] = len(slots)
        slots.append(Slot(prim.GetName(), str(prim.GetPath())))
    if kept is not None:
        part = part[kept]
    used = np.flatnonzero(np.bincount(part, minlength=len(slots)))
    renumber = np.zeros(len(slots), np.int32)
    renumber[used] = np.arange(len(used))
    return tuple(slots[i] for i in used.tolist()), (renumber[part] if len(used) > 1 else None)


def predicate() -> Any:
    """The prims that exporters see: active, loaded, defined, not abstract, also inside of instances."""
    return Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)
