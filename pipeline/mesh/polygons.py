# SPDX-License-Identifier: Apache-2.0
"""A polygon mesh with everything that hangs on it, so that an edit of faces carries the rest along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.once import once
from pipeline.mesh.topology import Topology

Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Primvar:
    """Values over a mesh.

    Attributes
    ----------
    values : (k,) or (k, d)
        As authored.
    indices : int32, optional
        Into `values`, one for each element; None where the values are direct.
    interpolation
        `constant`, `uniform` (a face), `vertex`, `varying` (a point) or `faceVarying` (a corner).
    kind
        USD's type name, `texCoord2f[]`.
    width
        USD's elementSize: how many values make one element (skin weights).
    """

    values: NDArray
    indices: Ints | None
    interpolation: str
    kind: str
    width: int = 1

    def index(self, count: int) -> Ints:
        """(count,) the element's row in `values`."""
        return np.arange(count, dtype=np.int32) if self.indices is None else self.indices

    def rows(self) -> NDArray:
        """The values with one row an element: `(k, d)` or `(k, width)`."""
        return self.values.reshape(len(self.values) // self.width, -1) if self.width > 1 else self.values

    def taken(self, chosen: NDArray) -> Primvar:
        """The same over the chosen elements, in their order."""
        if self.indices is not None:
            return replace(self, indices=self.indices[chosen]).compact()
        rows = self.rows()[chosen]
        return replace(self, values=rows.reshape(-1) if self.width > 1 else rows)

    def compact(self) -> Primvar:
        """Without values that no element names."""
        if self.indices is None:
            return self
        used, indices = np.unique(self.indices, return_inverse=True)
        rows = self.rows()
        if len(used) == len(rows):
            return self
        kept = rows[used]
        values = kept.reshape(-1) if self.width > 1 else kept
        return replace(self, values=values, indices=indices.astype(np.int32).reshape(-1))


@dataclass(frozen=True, eq=False)
class PolygonMesh:
    """Points, faces, primvars and named face sets.

    Attributes
    ----------
    points : (n, 3) float32
    counts : (f,) int32
        Corners of each face.
    corners : (c,) int32
        The point of each corner, face by face.
    primvars
        By name; normals under `normals`.
    subsets
        Faces of each named set (GeomSubset), int32.
    left_handed
        Faces are wound clockwise seen from outside.
    """

    points: NDArray
    counts: Ints
    corners: Ints
    primvars: Mapping[str, Primvar] = field(default_factory=dict)
    subsets: Mapping[str, Ints] = field(default_factory=dict)
    left_handed: bool = False

    @once
    def starts(self) -> Ints:
        """(f,) the first corner of each face."""
        return (np.cumsum(self.counts) - self.counts).astype(np.int32)

    @once
    def face_of_corner(self) -> Ints:
        """(c,) the face of each corner."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int32), self.counts)

    @once
    def plain(self) -> bool:
        """Whether the corners are triangles in their order already."""
        counts = self.counts
        return not self.left_handed and len(counts) > 0 and int(counts.min()) == 3 == int(counts.max())

    @once
    def _fan(self) -> tuple[NDArray, Ints]:
        if len(self.counts) and int(self.counts.min()) == 3 == int(self.counts.max()):
            corner = np.arange(len(self.corners), dtype=np.int32).reshape(-1, 3)
            face = np.arange(len(self.counts), dtype=np.int32)
        else:
            pieces = np.maximum(self.counts - 2, 0)
            face = np.repeat(np.arange(len(self.counts), dtype=np.int32), pieces)
            within = np.arange(len(face), dtype=np.int32) - np.repeat(np.cumsum(pieces) - pieces, pieces)
            first = self.starts[face]
            corner = np.stack([first, first + within + 1, first + within + 2], axis=1).astype(np.int32)
        if self.left_handed:
            corner = corner[:, ::-1]
        return corner, face

    @property
    def triangle_corners(self) -> NDArray:
        """(t, 3) corners of the fan triangles, wound counter-clockwise from outside."""
        return self._fan[0]

    @property
    def triangle_face(self) -> Ints:
        """(t,) the face each triangle is a part of."""
        return self._fan[1]

    @once
    def triangles(self) -> Ints:
        """(t, 3) points of the fan triangles, wound counter-clockwise from outside."""
        if self.plain:
            return np.ascontiguousarray(self.corners.reshape(-1, 3), np.int32)
        return np.ascontiguousarray(self.corners[self.triangle_corners], np.int32)

    @once
    def topology(self) -> Topology:
        """The triangles welded, with their edges and shells."""
        return Topology(self.points, self.triangles)

    def elements(self, interpolation: str) -> int:
        """How many elements a primvar of that interpolation has."""
        return {"constant": 1, "uniform": len(self.counts), "faceVarying": len(self.corners)}.get(
            interpolation, len(self.points)
        )

    def corner_rows(self, primvar: Primvar) -> Ints:
        """(c,) the row of a primvar's values at each corner."""
        index = primvar.index(self.elements(primvar.interpolation))
        if primvar.interpolation == "faceVarying":
            return index
        if primvar.interpolation == "uniform":
            return index[self.face_of_corner]
        if primvar.interpolation == "constant":
            return np.zeros(len(self.corners), np.int32)
        return index[self.corners]

    def with_faces(self, keep: NDArray) -> PolygonMesh:
        """Only the faces where the mask `keep` holds, with the points that they use."""
        corner_keep = keep[self.face_of_corner]
        used = np.zeros(len(self.points), bool)
        used[self.corners[corner_keep]] = True
        number = np.cumsum(used, dtype=np.int32) - 1
        face_number = np.cumsum(keep, dtype=np.int32) - 1
        chosen = {"uniform": keep, "faceVarying": corner_keep, "vertex": used, "varying": used}
        return replace(
            self,
            points=self.points[used],
            counts=self.counts[keep],
            corners=number[self.corners[corner_keep]],
            primvars={
                name: p.taken(np.flatnonzero(chosen[p.interpolation])) if p.interpolation in chosen else p
                for name, p in self.primvars.items()
            },
            subsets={name: face_number[faces[keep[faces]]] for name, faces in self.subsets.items()},
        )

    def flipped(self, turn: NDArray) -> PolygonMesh:
        """With the winding of the faces in the mask `turn` reversed; authored normals of these are negated."""
        order = np.arange(len(self.corners), dtype=np.int32)
        face = self.face_of_corner
        turned = turn[face]
        # the first corner stays first: start, end, end - 1, …
        within = order - self.starts[face]
        mirrored = self.starts[face] + (self.counts[face] - within) % self.counts[face]
        order[turned] = mirrored[turned]
        primvars = {}
        for name, primvar in self.primvars.items():
            if name == "normals":
                primvars[name] = self._normals_turned(primvar, turn, order)
            elif primvar.interpolation == "faceVarying":
                primvars[name] = primvar.taken(order)
            else:
                primvars[name] = primvar
        return replace(self, corners=self.corners[order], primvars=primvars)

    def _normals_turned(self, normals: Primvar, turn: NDArray, order: Ints) -> Primvar:
        rows = self.corner_rows(normals)
        sign = np.where(turn[self.face_of_corner], -1, 1).astype(normals.values.dtype)
        at_corners = normals.values[rows] * sign[:, None]
        return Primvar(at_corners[order], None, "faceVarying", normals.kind)

    def welded(self, index: Ints, first: Ints) -> PolygonMesh:
        """With points joined: `index[p]` is the vertex of point p, `first` one point of each vertex.

        Values by vertex that differ between joined points become values by corner, so no seam is lost.
        """
        primvars = {}
        for name, primvar in self.primvars.items():
            if primvar.interpolation not in ("vertex", "varying"):
                primvars[name] = primvar
                continue
            rows = primvar.index(len(self.points))
            values = primvar.rows()[rows]
            same = bool(np.array_equal(values, values[first][index]))
            if same or primvar.width > 1:
                primvars[name] = primvar.taken(first)
            else:
                primvars[name] = replace(primvar, indices=rows[self.corners], interpolation="faceVarying")
        return replace(self, points=self.points[first], corners=index[self.corners], primvars=primvars)
