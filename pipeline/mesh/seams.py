# SPDX-License-Identifier: Apache-2.0
"""A polygon mesh as a renderer's vertices: one for every position with its UVs and its face set.

Two vertices at one position are a seam: an edge of a UV island, or a border between materials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.weld import weld

__all__ = ["Split", "face_groups", "split"]


#: a closed surface has half as many points as triangles: with hardly more, hardly any lie at one place
_SHARED = 0.52


@dataclass(frozen=True, eq=False)
class Split:
    """Vertices of a renderer.

    Attributes
    ----------
    mesh
        What was split; welded where many points lie at one place.
    faces : (t, 3) int32
        Triangles over vertices, counter-clockwise from outside.
    corner : (v,) int32
        A corner of the mesh for each vertex.
    position : (v,) int32
        The point of each vertex.
    group : (f,) int32
        Which of the face sets' combinations each face of the mesh belongs to.
    """

    mesh: PolygonMesh
    faces: NDArray[np.int32]
    corner: NDArray[np.int32]
    position: NDArray[np.int32]
    group: NDArray[np.int32]

    @property
    def points(self) -> NDArray:
        """(v, 3) positions of the vertices."""
        result: NDArray = self.mesh.points[self.position]
        return result

    @property
    def layout(self) -> Primvar | None:
        """The first UV set, where there is one."""
        kinds = ("float2[]", "double2[]")
        found = [p for p in self.mesh.primvars.values() if "texCoord" in p.kind]
        found += [p for p in self.mesh.primvars.values() if p.kind in kinds]
        return found[0] if found else None

    def values(self, primvar: Primvar, vertices: NDArray | None = None) -> NDArray:
        """(v, k) a primvar at the vertices, or at the chosen ones."""
        corner = self.corner if vertices is None else self.corner[vertices]
        rows = self.mesh.corner_rows(primvar)[corner]
        values: NDArray = primvar.rows()[rows]
        return values.reshape(len(values), int(np.prod(values.shape[1:])))


def split(mesh: PolygonMesh, seams: bool = True) -> Split:
    """Split a mesh at its UV seams and face set borders; normals never split.

    Parameters
    ----------
    seams
        False for one vertex a position, whatever its UVs.
    """
    if len(mesh.points) > _SHARED * len(mesh.triangles):
        joined = weld(mesh.points)
        if joined.count < len(mesh.points):
            mesh = mesh.welded(joined.index, joined.first)
    group = face_groups(mesh)
    key = mesh.corners
    if seams:
        for name, primvar in mesh.primvars.items():
            if primvar.interpolation == "faceVarying" and name != "normals":
                key = _divided(key, primvar.rows(), mesh.corner_rows(primvar))
        if group.any():
            key = _divided(key, np.arange(int(group.max()) + 1), group[mesh.face_of_corner])
    vertices = max(int(key.max()) + 1, len(mesh.points)) if key is mesh.corners else int(key.max()) + 1
    position = np.zeros(vertices, np.int32)
    position[key] = mesh.corners
    corner = np.zeros(vertices, np.int32)
    corner[key] = np.arange(len(key), dtype=np.int32)
    faces = key.reshape(-1, 3) if mesh.plain else key[mesh.triangle_corners]
    return Split(mesh, faces.astype(np.int32, copy=False), corner, position, group)


def face_groups(mesh: PolygonMesh) -> NDArray[np.int32]:
    """(f,) a number for each combination of face sets that occurs; all zero where there is one."""
    group = np.zeros(len(mesh.counts), np.int32)
    for faces in mesh.subsets.values():
        member = np.zeros(len(mesh.counts), np.int32)
        member[faces] = 1
        group = _pair(group, member)
    return group


def _divided(key: NDArray, values: NDArray, rows: NDArray) -> NDArray[np.int32]:
    """Split keys whose corners have different values; most keep theirs, so only the odd corners are sorted.

    Parameters
    ----------
    key : (c,) int
    values : (k,) or (k, d)
    rows : (c,) int
        The row of `values` at each corner.
    """
    lead = np.zeros(int(key.max()) + 1, np.int32)
    lead[key] = rows
    first = lead[key]
    differs = rows != first
    where = np.flatnonzero(differs)
    unequal = values[rows[where]] != values[first[where]]
    odd = where[unequal.any(axis=1) if unequal.ndim > 1 else unequal]
    if len(odd) == 0:
        return key
    number = _equal_rows(values[rows[odd]])
    pair = key[odd].astype(np.int64) * (int(number.max()) + 1) + number
    result = key.astype(np.int32, copy=True)
    result[odd] = len(lead) + np.unique(pair, return_inverse=True)[1].reshape(-1)
    return result


def _equal_rows(values: NDArray) -> NDArray[np.int32]:
    """(k,) a number for each row: equal values, equal numbers."""
    rows = values.reshape(len(values), -1)
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int32)


def _pair(a: NDArray, b: NDArray) -> NDArray[np.int32]:
    """Numbers of the pairs (a, b) that occur."""
    key = a.astype(np.int64) * (int(b.max()) + 1) + b
    present = np.zeros(int(key.max()) + 1, bool)
    present[key] = True
    return np.asarray((np.cumsum(present, dtype=np.int32) - 1)[key])
