# SPDX-License-Identifier: Apache-2.0
"""Meshes as Geometry objects: control points, polygons and their layers."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.colour import to_srgb
from pipeline.usd.scene import Mesh, Primvar

from .deflate import Deflated, Deflater, ready
from .options import FbxOptions
from .properties import properties
from .records import RecordWriter, i32, i64, named, text
from .space import FileSpace

Doubles = NDArray[np.float64]
Pending = Future[Deflated] | Deflated


class GeometryWriter:
    """One Geometry of class Mesh.

    Parameters
    ----------
    geometry_id
        The object's id.
    mesh
        What to write.
    space
        The file's axes and unit.
    transform
        `(4, 4)` applied to points and normals, None for the identity: the bind transform of a skinned mesh.
    material_slots
        For each slot of the mesh the index of its material among those of the model.
    """

    def __init__(
        self,
        geometry_id: int,
        mesh: Mesh,
        options: FbxOptions,
        space: FileSpace,
        deflater: Deflater,
        *,
        transform: Doubles | None = None,
        material_slots: tuple[int, ...] = (),
    ) -> None:
        self.id = geometry_id
        self.mesh = mesh
        self.options = options
        self.space = space
        self.deflater = deflater
        self.transform = transform
        self.material_slots = material_slots
        self.flip = transform is not None and bool(np.linalg.det(transform[:3, :3]) < 0)
        self._corner_order: NDArray[np.integer] | None = None
        self._faces: NDArray[np.integer] | None = None

    # ------------------------------------------------------------------ polygons

    def _polygons(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Counts and point numbers; sets how corners and faces of the mesh are permuted, None for not at all."""
        mesh = self.mesh
        counts, vertices = mesh.face_counts, mesh.face_vertices
        if self.options.triangulate and len(vertices) != 3 * len(counts):
            self._corner_order = mesh.triangles.reshape(-1)
            self._faces = mesh.triangle_faces
            counts = np.full(len(mesh.triangles), 3, np.int32)
            vertices = vertices[self._corner_order]
        if self.flip:  # a mirrored transform turns every face: put the corners in reverse order
            ends = np.cumsum(counts)
            order = np.repeat(ends, counts) - 1 - (np.arange(len(vertices)) - np.repeat(ends - counts, counts))
            vertices = vertices[order]
            self._corner_order = order if self._corner_order is None else self._corner_order[order]
        return counts, vertices

    def _ordered(self, corner_values: NDArray[Any]) -> NDArray[Any]:
        return corner_values if self._corner_order is None else corner_values[self._corner_order]

    def write(self, w: RecordWriter) -> None:
        """Write the object."""
        mesh, submit = self.mesh, self.deflater.submit
        counts, vertices = self._polygons()
        ends = np.cumsum(counts) - 1
        last = vertices.astype(np.int32)
        last[ends] = ~last[ends]
        points = submit(self._points(mesh.points), "<f8")
        polygons = submit(last)
        layers: list[tuple[bytes, int, list[tuple[bytes, Any]]]] = []
        layers.append(self._normals(counts))
        layers.extend(self._tangents())
        layers.extend(self._uv(index, uv) for index, uv in enumerate(mesh.uvs))
        if mesh.color is not None or mesh.opacity is not None:
            layers.append(self._colors())
        layers.append(self._smoothing(len(counts)))
        if self.material_slots:
            layers.append(self._materials())

        start = w.open(b"Geometry", i64(self.id), named(mesh.name, "Geometry"), text("Mesh"))
        properties(w, ())
        w.leaf(b"GeometryVersion", i32(124))
        w.array(b"Vertices", ready(points))
        w.array(b"PolygonVertexIndex", ready(polygons))
        for kind, index, records in layers:
            layer = w.open(kind, i32(index))
            for name, value in records:
                if isinstance(value, bytes):
                    w.leaf_n(name, 1, value)
                else:
                    w.array(name, ready(value))
            w.close(layer)
        for number in range(max((index for _, index, _ in layers), default=0) + 1):
            layer = w.open(b"Layer", i32(number))
            w.leaf(b"Version", i32(100))
            for kind, index, _ in layers:
                if index == number:
                    element = w.open(b"LayerElement")
                    w.leaf(b"Type", text(kind.decode()))
                    w.leaf(b"TypedIndex", i32(index))
                    w.close(element)
            w.close(layer)
        w.close(start)

    def _points(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        if self.transform is not None:
            points = points.astype(np.float64) @ self.transform[:3, :3] + self.transform[3, :3]
        return self.space.points(points)

    def _directions(self, values: NDArray[np.floating], *, normal: bool = False) -> NDArray[np.floating]:
        return self.space.directions(_transformed(values, self.transform, normal=normal))

    # ------------------------------------------------------------------ layers

    def _element(
        self, kind: bytes, index: int, name: str, mapping: str, reference: str, version: int = 101
    ) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        return (
            kind,
            index,
            [
                (b"Version", i32(version)),
                (b"Name", text(name)),
                (b"MappingInformationType", text(mapping)),
                (b"ReferenceInformationType", text(reference)),
            ],
        )

    def _values(
        self, kind: bytes, index: int, data: bytes, index_name: bytes, pv: Primvar, values: NDArray[Any], name: str
    ) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        """A layer of the primvar's values, direct where that needs no index and indexed otherwise."""
        by_point = pv.interpolation == "vertex" and index_name != b"UVIndex"
        if by_point:
            element = self._element(kind, index, name, "ByVertice", "Direct")
            direct = values if pv.indices is None else values[pv.indices]
            element[2].append((data, self.deflater.submit(direct, "<f8")))
            return element
        direct_corners = pv.interpolation == "faceVarying" and pv.indices is None and self._corner_order is None
        if direct_corners and index_name != b"UVIndex":
            element = self._element(kind, index, name, "ByPolygonVertex", "Direct")
            element[2].append((data, self.deflater.submit(values, "<f8")))
            return element
        element = self._element(kind, index, name, "ByPolygonVertex", "IndexToDirect")
        element[2].append((data, self.deflater.submit(values, "<f8")))
        corners = self._ordered(pv.at_corners(self.mesh))
        element[2].append((index_name, self.deflater.submit(corners, "<i4")))
        return element

    def _normals(self, counts: NDArray[np.int32]) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        mesh = self.mesh
        pv = mesh.normals
        if pv is None and mesh.faceted:
            values = face_normals(mesh)
            pv = Primvar("normals", values, None, "uniform")
        elif pv is None:
            pv = Primvar("normals", mesh.smooth_normals, None, "vertex")
        values = self._directions(pv.values, normal=True)
        return self._values(b"LayerElementNormal", 0, b"Normals", b"NormalsIndex", pv, values, "")

    def _tangents(self) -> list[tuple[bytes, int, list[tuple[bytes, Any]]]]:
        """Authored tangents `(m, 3 or 4)`; the fourth number is the binormal's sign."""
        mesh = self.mesh
        pv = mesh.tangents
        if pv is None or mesh.normals is None or not self.options.tangents or pv.values.shape[1] < 3:
            return []
        tangents = self._directions(pv.values[:, :3])
        made = [self._values(b"LayerElementTangent", 0, b"Tangents", b"TangentsIndex", pv, tangents, "")]
        if pv.values.shape[1] == 4:
            at = pv.at_corners(mesh)
            normal = self._directions(mesh.normals.values, normal=True)[mesh.normals.at_corners(mesh)]
            sign = pv.values[at, 3:]
            binormals = np.cross(normal, tangents[at]) * sign * (-1.0 if self.flip else 1.0)
            direct = Primvar("binormals", binormals.astype(np.float32), None, "faceVarying")
            made.append(
                self._values(b"LayerElementBinormal", 0, b"Binormals", b"BinormalsIndex", direct, direct.values, "")
            )
        return made

    def _uv(self, index: int, pv: Primvar) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        return self._values(b"LayerElementUV", index, b"UV", b"UVIndex", pv, pv.values[:, :2], pv.name)

    def _colors(self) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        mesh = self.mesh
        color, opacity = mesh.color, mesh.opacity
        base = color if color is not None else opacity
        assert base is not None
        together = opacity is None or color is None or (
            opacity.interpolation == color.interpolation
            and opacity.indices is None
            and color.indices is None
            and len(opacity.values) == len(color.values)
        )  # fmt: skip
        if together:
            rgb = color.values[:, :3] if color is not None else np.ones((len(base.values), 3), np.float32)
            alpha = opacity.values[:, :1] if opacity is not None else np.ones((len(base.values), 1), np.float32)
        else:
            assert color is not None
            assert opacity is not None
            rgb, alpha = color.flat(mesh)[:, :3], opacity.flat(mesh)[:, :1]
            base = Primvar("displayColor", rgb, None, "faceVarying")
        if self.options.vertex_colors == "srgb":
            rgb = encode_srgb(rgb)
        values = np.concatenate([rgb, alpha], axis=1)
        return self._values(b"LayerElementColor", 0, b"Colors", b"ColorIndex", base, values, "displayColor")

    def _smoothing(self, faces: int) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        element = self._element(b"LayerElementSmoothing", 0, "", "ByPolygon", "Direct", 102)
        flat = self.mesh.faceted and self.mesh.normals is None
        groups = np.zeros(faces, np.int32) if flat else np.ones(faces, np.int32)
        element[2].append((b"Smoothing", self.deflater.submit(groups)))
        return element

    def _materials(self) -> tuple[bytes, int, list[tuple[bytes, Any]]]:
        slots, faces = self.material_slots, self.mesh.face_slots
        if faces is None or len(set(slots)) == 1:
            element = self._element(b"LayerElementMaterial", 0, "", "AllSame", "IndexToDirect")
            element[2].append((b"Materials", Deflated.stored(np.array(slots[:1], np.int32))))
            return element
        if self._faces is not None:
            faces = faces[self._faces]
        element = self._element(b"LayerElementMaterial", 0, "", "ByPolygon", "IndexToDirect")
        element[2].append((b"Materials", self.deflater.submit(np.array(slots, np.int32)[faces])))
        return element


def face_normals(mesh: Mesh) -> NDArray[np.float32]:
    """The normal of each polygon, `(f, 3) float32`, by Newell's sum over its edges."""
    counts, vertices = mesh.face_counts, mesh.face_vertices
    p = mesh.points[vertices].astype(np.float64)
    ends = np.cumsum(counts)
    following = np.arange(1, len(vertices) + 1)
    following[ends - 1] = ends - counts
    n = np.add.reduceat(np.cross(p, p[following]), ends - counts, axis=0)
    length = np.sqrt((n * n).sum(-1, keepdims=True))
    return np.where(length > 0, n / np.where(length > 0, length, 1), [0.0, 1.0, 0.0]).astype(np.float32)


def _transformed(
    values: NDArray[np.floating], transform: Doubles | None, *, normal: bool = False
) -> NDArray[np.floating]:
    """Directions under a transform, unit length; normals by the inverse transpose."""
    if transform is None:
        return values
    linear: Doubles = transform[:3, :3]
    if normal:
        try:
            linear = np.asarray(np.linalg.inv(linear).T, np.float64)
        except np.linalg.LinAlgError:
            return values
    moved = values.astype(np.float64) @ linear
    length = np.sqrt((moved * moved).sum(-1, keepdims=True))
    return moved / np.where(length > 0, length, 1.0)


def encode_srgb(linear: NDArray[np.floating]) -> NDArray[np.float32]:
    """Linear Rec. 709 to sRGB's numbers (IEC 61966-2-1)."""
    c = np.maximum(np.asarray(linear, np.float32), 0)
    return to_srgb(c, clip=False)
