# SPDX-License-Identifier: Apache-2.0
"""Polygons, lines and points, with what is on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from pipeline.usd.scene.arrays import Doubles, Floats, Interpolation, Ints
from pipeline.usd.scene.model.deformation import BlendShape, Skin
from pipeline.usd.scene.normals import smooth_normals
from pipeline.usd.scene.triangulate import triangulate

__all__ = ["Mesh", "PointsTrack", "Primvar", "Slot"]


@dataclass(frozen=True, eq=False)
class Primvar:
    """Values over a mesh, indexed or not.

    Attributes
    ----------
    values
        `(m, k) float32`.
    indices
        `int32` into `values`, one for each element of the interpolation; None where the values are direct.
    interpolation
        `constant`: one value; `uniform`: one a face; `vertex`: one a point; `faceVarying`: one a corner. Faces
        and corners count as in `Mesh.face_counts`, after holes and broken faces were taken out.
    """

    name: str
    values: Floats
    indices: Ints | None
    interpolation: Interpolation

    def at_corners(self, mesh: Mesh) -> Ints:
        """The index into `values` at each corner of the mesh, `(corners,) int32`."""
        corners = len(mesh.face_vertices)
        if self.interpolation == "faceVarying":
            return np.arange(corners, dtype=np.int32) if self.indices is None else self.indices
        if self.interpolation == "vertex":
            own = mesh.face_vertices
        elif self.interpolation == "uniform":
            own = np.repeat(np.arange(len(mesh.face_counts), dtype=np.int32), mesh.face_counts)
        else:
            own = np.zeros(corners, np.int32)
        return own if self.indices is None else self.indices[own]

    def flat(self, mesh: Mesh) -> Floats:
        """The value at each corner, `(corners, k) float32`."""
        return self.values[self.at_corners(mesh)]


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a mesh's faces that may have a material of its own: a GeomSubset, or the faces in none."""

    name: str
    path: str


@dataclass(frozen=True, eq=False)
class PointsTrack:
    """Moving points: `times (k,) float64` seconds, `points (k, n, 3) float32` metres, linear in between."""

    times: Doubles
    points: Floats


@dataclass(frozen=True, eq=False)
class Mesh:
    """Polygons with what is on them.

    Holes, faces of fewer than three corners and faces that name points which are not there or not finite are
    out; left-handed faces were turned. `kind` is `lines` where `face_counts` are the lengths of polylines, and
    `points` where the points stand alone.

    Attributes
    ----------
    points
        `(n, 3) float32` metres, at the time that was read.
    face_counts
        `(f,) int32`.
    face_vertices
        `(corners,) int32` into `points`.
    uvs
        UV sets, the one that renderers take first in front (`st`).
    normals, tangents
        None where none were authored; `faceted` says what then counts. Unit length.
    color, opacity
        displayColor `(m, 3)` linear Rec. 709 and displayOpacity `(m, 1)`.
    slots, face_slots
        The parts that may have materials of their own; `(f,) int32` into `slots`, None where there is one part.
    edges
        `(e, 2) int32` points of the faces that have only two corners; None where there are none.
    source_faces
        `(f,) int32` the number each face has on its prim; None where all of them are here.
    faceted
        Without normals: polygons shade flat (subdivision scheme `none`), or smooth.
    widths
        Lines and points: `(n,) float32` metres, the diameter at each point; None where none were authored.
    """

    name: str
    path: str
    points: Floats
    face_counts: Ints
    face_vertices: Ints
    uvs: tuple[Primvar, ...] = ()
    normals: Primvar | None = None
    tangents: Primvar | None = None
    color: Primvar | None = None
    opacity: Primvar | None = None
    slots: tuple[Slot, ...] = ()
    face_slots: Ints | None = None
    double_sided: bool = False
    faceted: bool = True
    subdivision: str = "none"
    skin: Skin | None = None
    blend_shapes: tuple[BlendShape, ...] = ()
    track: PointsTrack | None = None
    edges: Ints | None = None
    source_faces: Ints | None = None
    kind: Literal["polygons", "lines", "points"] = "polygons"
    widths: Floats | None = None

    @cached_property
    def triangles(self) -> Ints:
        """The corners of each triangle, `(t, 3) int32`; `face_vertices[triangles]` are its points.

        Concave polygons keep their outline. The triangles stand in the order of the faces.
        """
        if self.kind != "polygons":
            return np.zeros((0, 3), np.int32)
        return triangulate(self.points, self.face_counts, self.face_vertices)

    @property
    def triangle_count(self) -> int:
        """How many triangles the polygons make."""
        if self.kind != "polygons":
            return 0
        return len(self.face_vertices) - 2 * len(self.face_counts)

    @property
    def triangle_vertices(self) -> Ints:
        """The points of each triangle, `(t, 3) int32`."""
        return self.face_vertices[self.triangles]

    @cached_property
    def triangle_faces(self) -> Ints:
        """The face of each triangle, `(t,) int32`."""
        if self.kind != "polygons":
            return np.zeros(0, np.int32)
        return np.repeat(np.arange(len(self.face_counts), dtype=np.int32), self.face_counts - 2)

    @cached_property
    def smooth_normals(self) -> Floats:
        """Area-weighted normals of the points, `(n, 3) float32`, unit length."""
        return smooth_normals(self.points, self.triangle_vertices)
