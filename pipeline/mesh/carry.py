# SPDX-License-Identifier: Apache-2.0
"""Values on vertices that were moved: read where they now lie on the surface they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.collapse import Collapsed
from pipeline.mesh.distinct import firsts, numbered
from pipeline.mesh.nearest import Nearest, Surface
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.seams import Split
from pipeline.mesh.shells import components
from pipeline.mesh.weights import blended

__all__ = ["Blend", "blend", "rebuild"]


@dataclass(frozen=True, eq=False)
class Blend:
    """Each row's mixture of three vertices of a split.

    Attributes
    ----------
    vertices : (r, 3) int
    weights : (r, 3) float64
        Sum to one.
    """

    vertices: NDArray
    weights: NDArray[np.float64]

    @property
    def strongest(self) -> NDArray:
        """(r,) the vertex with the largest weight."""
        at = self.weights.argmax(axis=1)
        return np.asarray(self.vertices[np.arange(len(at)), at])

    def chosen(self, rows: NDArray) -> Blend:
        """Only some of the rows."""
        return Blend(self.vertices[rows], self.weights[rows])

    def mixed(self, source: Split, primvar: Primvar) -> NDArray:
        """(r, k) the mixture of a primvar's values."""
        values = source.values(primvar, self.vertices.reshape(-1)).reshape(*self.vertices.shape, -1)
        return np.asarray(np.einsum("ri,rik->rk", self.weights, values, dtype=np.float64))


def blend(source: Split, faces: NDArray, found: Collapsed) -> Blend:
    """Where each row lies on the triangles `faces` of the split: the nearest place of its own island.

    Parameters
    ----------
    faces : (t, 3) int
        Over the vertices of `source`; a finer version of the same surface.
    """
    used, local = numbered(faces, len(source.position))
    points = source.mesh.points[source.position[used]].astype(np.float64)
    island, _ = components(np.concatenate([local[:, :2], local[:, 1:]]), len(used))
    number = np.zeros(len(source.position), np.int64)
    number[used] = np.arange(len(used))
    places = found.places[found.point]
    mine = number[found.vertex]
    vertices = np.repeat(found.vertex[:, None], 3, axis=1)
    weights = np.tile([1.0, 0.0, 0.0], (len(vertices), 1))
    # a vertex that stayed has its own values
    moved = np.flatnonzero(np.any(places != points[mine], axis=1))
    if len(moved):
        surface = Surface(points, local, spread=3 * len(local), label=island[local[:, 0]])
        near = surface.nearest(places[moved], candidates=5, label=island[mine[moved]])
        known = np.isfinite(near.distance) & ~_across_a_cut(source, faces, near, found.vertex[moved], places[moved])
        moved = moved[known]
        vertices[moved] = faces[near.face[known]]
        weights[moved] = near.weights[known]
    return Blend(vertices, weights)


def _across_a_cut(source: Split, faces: NDArray, near: Nearest, vertex: NDArray, places: NDArray) -> NDArray:
    """Where an island meets itself: the place is near, and far away in the layout."""
    if source.layout is None:
        return np.zeros(len(vertex), bool)
    corners = source.values(source.layout, faces.reshape(-1))[:, :2].reshape(-1, 3, 2).astype(np.float64)
    solid = source.mesh.points[source.position[faces]].astype(np.float64)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).sum(axis=1)
    around = np.linalg.norm(solid - np.roll(solid, 1, axis=1), axis=2).sum(axis=1)
    density = longest / np.maximum(around, 1e-300)
    uv = np.einsum("ki,kij->kj", near.weights, corners[near.face])
    jump = np.linalg.norm(uv - source.values(source.layout, vertex)[:, :2], axis=1)
    gone = np.linalg.norm(places - source.mesh.points[source.position[vertex]], axis=1)
    return np.asarray(jump > 4 * density[near.face] * gone + 1e-4 * float(np.ptp(corners)))


def rebuild(source: Split, found: Collapsed, mixture: Blend) -> PolygonMesh:
    """A mesh of the collapsed triangles; values by corner and by point are those of the mixture, normals go."""
    mesh = source.mesh
    rows, corner_row = numbered(found.faces, len(found.vertex))
    mixture = mixture.chosen(rows)
    points, row_point = numbered(found.point[rows], len(found.places))
    corners = row_point[corner_row].reshape(-1)
    # one row speaks for its point
    order = np.argsort(row_point, kind="stable")
    speaker = order[firsts(row_point[order])]
    face = mesh.face_of_corner[source.corner[found.vertex[found.faces[:, 0]]]]
    primvars = {}
    for name, primvar in mesh.primvars.items():
        if name == "normals":
            continue
        if primvar.interpolation == "faceVarying":
            taken = _mixed(source, primvar, mixture)
            primvars[name] = replace(taken, indices=corner_row.astype(np.int32).reshape(-1))
        elif primvar.interpolation in ("vertex", "varying"):
            primvars[name] = _mixed(source, primvar, mixture.chosen(speaker))
        elif primvar.interpolation == "uniform":
            primvars[name] = primvar.taken(face)
        else:
            primvars[name] = primvar
    primvars |= _skin(source, mixture.chosen(speaker))
    group = source.group[face]
    subsets = {name: _members(source.group, faces_of, group) for name, faces_of in mesh.subsets.items()}
    return PolygonMesh(
        np.ascontiguousarray(found.places[points], np.float32),
        np.full(len(found.faces), 3, np.int32),
        corners.astype(np.int32),
        primvars,
        subsets,
    )


def _mixed(source: Split, primvar: Primvar, mixture: Blend) -> Primvar:
    """One value a row, direct."""
    if primvar.width > 1 or primvar.values.dtype.kind != "f":
        corner = source.mesh.corner_rows(primvar)[source.corner[mixture.strongest]]
        rows = primvar.rows()[corner]
        return replace(primvar, values=rows.reshape(-1) if primvar.width > 1 else rows, indices=None)
    values = mixture.mixed(source, primvar).astype(primvar.values.dtype)
    return replace(primvar, values=values.reshape(len(values), *primvar.values.shape[1:]), indices=None)


def _skin(source: Split, mixture: Blend) -> dict[str, Primvar]:
    """Joints and weights of points, mixed together: as many influences as before."""
    primvars = source.mesh.primvars
    joints, weights = primvars.get("skel:jointIndices"), primvars.get("skel:jointWeights")
    if joints is None or weights is None or joints.width != weights.width:
        return {}
    if "vertex" not in (joints.interpolation, weights.interpolation):
        return {}
    index, value = blended(
        source.values(joints)[mixture.vertices], source.values(weights)[mixture.vertices], mixture.weights
    )
    return {
        "skel:jointIndices": replace(joints, values=_laid(index, joints), indices=None),
        "skel:jointWeights": replace(weights, values=_laid(value, weights), indices=None),
    }


def _laid(rows: NDArray, primvar: Primvar) -> NDArray:
    return np.asarray(rows.reshape(-1, *primvar.values.shape[1:]).astype(primvar.values.dtype))


def _members(group: NDArray, faces: NDArray, of_new: NDArray) -> NDArray[np.int32]:
    inside = np.zeros(int(group.max()) + 1 if len(group) else 1, bool)
    inside[group[faces]] = True
    return np.flatnonzero(inside[of_new]).astype(np.int32)
