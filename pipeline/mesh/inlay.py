# SPDX-License-Identifier: Apache-2.0
"""Patches become faces of a mesh: layout, colours, skin and face sets go on from the faces around them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.distinct import firsts
from pipeline.mesh.faces import cross
from pipeline.mesh.patches import Patches, rims
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.weights import blended

__all__ = ["inlaid"]

#: cosine of the angle up to which a patch is shaded smoothly with what it meets
_SMOOTH = 0.7


def inlaid(mesh: PolygonMesh, found: Patches) -> PolygonMesh:
    """The mesh with the patches' triangles at its end, and their new points after its own.

    Nothing that was there changes. A corner on the rim takes the values of the face it goes on from; where a patch
    crosses a seam of the layout, each triangle belongs to one side, and corners beyond it lie where that side's faces
    would put them. New points lie between, like a stretched skin.
    """
    return _Inlay(mesh, found).result()


@dataclass(frozen=True)
class _Nodes:
    """Corners of patches that share their values.

    Attributes
    ----------
    of : (t, 3) int
        The node of each corner.
    vertex, side : (k,) int
        The vertex it lies at, and the stretch of the rim whose values it goes on from.
    corner : (k,) int
        The corner of the mesh it takes its values from; -1 where they are to be found.
    rim : (h,) int
        The stretch each side of the rim is counted to.
    """

    of: NDArray[np.int64]
    vertex: NDArray[np.int64]
    side: NDArray[np.int64]
    corner: NDArray[np.int64]
    rim: NDArray[np.int64]


class _Inlay:
    def __init__(self, mesh: PolygonMesh, found: Patches) -> None:
        self.mesh, self.found = mesh, found
        topology = mesh.topology
        self.base = len(topology.vertices)
        self.places = np.concatenate([np.asarray(topology.vertices, np.float64), found.points])
        self.live = mesh.triangle_corners[topology.live]
        self.vertex, half = rims(topology.edges, found.rings)
        # a new side runs from `vertex` to the next, against its half-edge
        self.half_face = half // 3
        self.starting = self.live[half // 3, (half + 1) % 3].astype(np.int64)
        self.ending = self.live[half // 3, half % 3].astype(np.int64)
        size, start = found.rings.size, found.rings.start
        self.before = np.arange(len(half)) - 1
        self.before[start] = start + size - 1
        self.ring = np.repeat(np.arange(len(size)), size)
        self.split, self.apart = self._breaks()
        self.side = self._sides()
        self.source = self._sources()

    def _rows(self, primvar: Primvar) -> NDArray:
        rows = self.mesh.corner_rows(primvar)
        values = primvar.rows()
        return np.asarray(values.reshape(len(values), -1), np.float64)[rows] if values.dtype.kind in "fiu" else rows

    def _breaks(self) -> tuple[NDArray[np.bool_], bool]:
        """(h,) where the values of the side before a vertex are not those of the side after it."""
        one, other = self.ending[self.before], self.starting
        split = np.zeros(len(one), bool)
        apart = False
        for name, primvar in self.mesh.primvars.items():
            if name == "normals" or primvar.interpolation not in ("faceVarying", "vertex", "varying"):
                continue
            rows = self.mesh.corner_rows(primvar)
            values = primvar.rows()
            differs = np.flatnonzero(rows[one] != rows[other])
            if len(differs) == 0:
                continue
            unlike = values[rows[one[differs]]] != values[rows[other[differs]]]
            differs = differs[unlike.reshape(len(differs), -1).any(axis=1)]
            split[differs] = True
            apart |= primvar.interpolation != "faceVarying" and len(differs) > 0
        return split, apart

    def _sides(self) -> NDArray[np.int64]:
        """(h,) the stretch of the rim each side belongs to: from one break to the next."""
        number = np.cumsum(self.split | firsts(self.ring))
        # a ring that does not begin with a break begins in the middle of its last stretch
        start, size = self.found.rings.start, self.found.rings.size
        goes_on = ~self.split[start]
        instead = np.where(goes_on, number[start + size - 1], number[start]) if len(start) else number[:0]
        first = number == number[start][self.ring] if len(start) else np.zeros(0, bool)
        result: NDArray[np.int64] = np.where(first, instead[self.ring], number)
        return result

    def _sources(self) -> NDArray[np.int64]:
        """(t,) the side of the rim that each new triangle goes on from: the nearest by steps from face to face."""
        faces, ring = self.found.faces, self.found.ring
        count = len(self.places)
        ends = self.vertex * count + self._next_vertex()
        order = np.argsort(ends)
        mine = (faces * count + np.roll(faces, -1, axis=1)).reshape(-1)
        at = order[np.searchsorted(ends[order], mine).clip(0, max(len(ends) - 1, 0))]
        on_rim = (ends[at] == mine).reshape(-1, 3)
        at = at.reshape(-1, 3)
        length = np.linalg.norm(self.places[faces] - self.places[np.roll(faces, -1, axis=1)], axis=2)
        pick = np.where(on_rim, length, -1).argmax(axis=1)
        source = np.where(on_rim.any(axis=1), at[np.arange(len(faces)), pick], -1)
        plain = self._plain_rings()[ring] & (source < 0)
        source[plain] = self.found.rings.start[ring[plain]]
        from pipeline.mesh.edges import edges

        pairs = edges(faces).paired // 3
        pairs = np.concatenate([pairs, pairs[:, ::-1]])
        while (source < 0).any():
            ready = pairs[(source[pairs[:, 0]] >= 0) & (source[pairs[:, 1]] < 0)]
            if len(ready) == 0:
                source[source < 0] = self.found.rings.start[ring[source < 0]]
                break
            source[ready[::-1, 1]] = source[ready[::-1, 0]]
        return source

    def _next_vertex(self) -> NDArray[np.int64]:
        start, size = self.found.rings.start, self.found.rings.size
        after = np.arange(1, len(self.vertex) + 1)
        after[start + size - 1] = start
        return np.asarray(self.vertex[after])

    def _plain_rings(self) -> NDArray[np.bool_]:
        """(r,) rings that meet no seam and one face set only: any of their sides serves."""
        count = len(self.found.rings.size)
        plain = np.ones(count, bool)
        plain[self.ring[self.split]] = False
        face = self.mesh.triangle_face[self.mesh.topology.live[self.half_face]]
        values = [np.isin(face, faces) for faces in self.mesh.subsets.values()]
        values += [self._uniform(p)[face] for p in self.mesh.primvars.values() if p.interpolation == "uniform"]
        for value in values:
            plain[self.ring[np.flatnonzero(value != value[self.before])]] = False
        return plain

    def _uniform(self, primvar: Primvar) -> NDArray:
        return primvar.index(len(self.mesh.counts))

    def result(self) -> PolygonMesh:
        mesh, new = self.mesh, self.found.faces
        by_side = self._nodes(self.side[self.source])
        by_place = by_side if self.apart else self._nodes(np.zeros(len(new), np.int64))
        point, made = self._points(by_place)
        corner_points = point[by_place.of].reshape(-1)
        face = mesh.triangle_face[mesh.topology.live[self.half_face[self.source]]]
        primvars = {}
        for name, primvar in mesh.primvars.items():
            if name == "normals":
                primvars[name] = self._normals(primvar, by_side, by_place, made, face)
            elif primvar.interpolation == "faceVarying":
                primvars[name] = self._by_corner(primvar, by_side)
            elif primvar.interpolation == "uniform":
                index = primvar.index(len(mesh.counts))
                primvars[name] = replace(primvar, indices=np.concatenate([index, index[face]]).astype(np.int32))
            elif primvar.interpolation in ("vertex", "varying"):
                primvars[name] = self._by_point(primvar, by_place, made)
            else:
                primvars[name] = primvar
        primvars |= self._skin(by_place, made)
        corners = corner_points.reshape(-1, 3)
        first = len(mesh.counts)
        inside = {name: first + np.flatnonzero(np.isin(face, faces)) for name, faces in mesh.subsets.items()}
        whole = replace(
            mesh,
            points=np.concatenate([mesh.points, self.places[by_place.vertex[made]].astype(mesh.points.dtype)]),
            counts=np.concatenate([mesh.counts, np.full(len(new), 3, np.int32)]),
            corners=np.concatenate([mesh.corners, corners.reshape(-1)]).astype(np.int32),
            primvars=primvars,
            subsets={n: np.concatenate([f, inside[n]]).astype(np.int32) for n, f in mesh.subsets.items()},
        )
        return self._handed(whole) if mesh.left_handed else whole

    def _handed(self, whole: PolygonMesh) -> PolygonMesh:
        """New faces wound as the mesh says: its first corner stays."""
        order = np.arange(len(whole.corners)).reshape(-1)
        tail = order[len(self.mesh.corners) :].reshape(-1, 3)[:, [0, 2, 1]].reshape(-1)
        order = np.concatenate([order[: len(self.mesh.corners)], tail])
        primvars = {
            n: replace(p, indices=p.index(len(order))[order].astype(np.int32))
            if p.interpolation == "faceVarying"
            else p
            for n, p in whole.primvars.items()
        }
        return replace(whole, corners=whole.corners[order], primvars=primvars)

    def _nodes(self, side: NDArray) -> _Nodes:
        """Corners of the new triangles by vertex and side."""
        faces = self.found.faces
        count = len(self.places)
        key, of = np.unique((side[:, None] * count + faces).reshape(-1), return_inverse=True)
        vertex, number = key % count, key // count
        # where a side's values are known: at both ends of each of its stretches
        own = self.side if int(side.max(initial=0)) else np.zeros(len(self.side), np.int64)
        known = np.concatenate([own * count + self.vertex, own * count + self._next_vertex()])
        corner = np.concatenate([self.starting, self.ending])
        order = np.argsort(known, kind="stable")
        at = order[np.searchsorted(known[order], key).clip(0, max(len(known) - 1, 0))]
        return _Nodes(of.reshape(-1, 3), vertex, number, np.where(known[at] == key, corner[at], -1), own)

    def _points(self, nodes: _Nodes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The point of each node, and the nodes that get a new one."""
        point = np.where(nodes.corner >= 0, self.mesh.corners[nodes.corner], -1).astype(np.int64)
        made = np.flatnonzero(point < 0)
        point[made] = len(self.mesh.points) + np.arange(len(made))
        return point, made

    def _by_corner(self, primvar: Primvar, nodes: _Nodes) -> Primvar:
        index = primvar.index(len(self.mesh.corners))
        row = np.where(nodes.corner >= 0, index[nodes.corner], -1).astype(np.int64)
        missing = np.flatnonzero(row < 0)
        rows = primvar.rows()
        if len(missing):
            row[missing] = len(rows) + np.arange(len(missing))
            rows = np.concatenate([rows, self._found(primvar, nodes, missing).astype(rows.dtype)])
        values = rows.reshape(-1) if primvar.width > 1 else rows
        return replace(
            primvar, values=values, indices=np.concatenate([index, row[nodes.of].reshape(-1)]).astype(np.int32)
        )

    def _by_point(self, primvar: Primvar, nodes: _Nodes, made: NDArray) -> Primvar:
        if len(made) == 0:
            return primvar
        rows = primvar.rows()
        more = self._found(primvar, nodes, made).astype(rows.dtype)
        index = primvar.indices
        values = np.concatenate([rows, more])
        if index is not None:
            index = np.concatenate([index, len(rows) + np.arange(len(more))]).astype(np.int32)
        return replace(primvar, values=values.reshape(-1) if primvar.width > 1 else values, indices=index)

    def _found(self, primvar: Primvar, nodes: _Nodes, missing: NDArray) -> NDArray:
        """Values of nodes that no corner gives: numbers are stretched between, other things are the nearest."""
        at_corner = self.mesh.corner_rows(primvar)
        rows = primvar.rows()
        if rows.dtype.kind != "f" or primvar.width > 1:
            return np.asarray(rows[at_corner[nodes.corner[self._nearest(nodes, missing, 1)[0][:, 0]]]])
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        value = np.zeros((len(nodes.vertex), flat.shape[1]))
        there = nodes.corner >= 0
        value[there] = flat[at_corner[nodes.corner[there]]]
        if "texCoord" not in primvar.kind and primvar.kind not in ("float2[]", "double2[]"):
            value = _stretched(nodes.of, value, there)
        else:  # a layout goes on where it is not held: what is stretched is how far it is from its side's plane
            plane = self._gone_on(flat, at_corner, nodes)
            rest = np.where(there[:, None], value - plane, 0)
            value = np.where(there[:, None], value, plane + _stretched(nodes.of, rest, there))
        return np.asarray(value[missing].reshape(len(missing), *rows.shape[1:]))

    def _gone_on(self, flat: NDArray, at_corner: NDArray, nodes: _Nodes) -> NDArray[np.float64]:
        """Values where a side's faces would put them: the plane through all their corners, by least squares."""
        kinds, of = np.unique(nodes.side, return_inverse=True)
        mine = np.flatnonzero(np.isin(nodes.rim, kinds))
        owner = np.repeat(np.searchsorted(kinds, nodes.rim[mine]), 3)
        corner = self.live[self.half_face[mine]].reshape(-1)
        at = np.asarray(self.mesh.points[self.mesh.corners[corner]], np.float64)
        times = np.bincount(owner, minlength=len(kinds))[:, None]
        middle = np.stack([np.bincount(owner, at[:, k], len(kinds)) for k in range(3)], axis=1) / times
        size = np.sqrt(np.bincount(owner, ((at - middle[owner]) ** 2).sum(axis=1), len(kinds)) / times[:, 0])
        size = np.maximum(size, 1e-300)[:, None]
        one = np.concatenate([(at - middle[owner]) / size[owner], np.ones((len(at), 1))], axis=1)
        asked = flat[at_corner[corner]]
        square, right = np.zeros((len(kinds), 4, 4)), np.zeros((len(kinds), 4, asked.shape[1]))
        np.add.at(square, owner, one[:, :, None] * one[:, None, :])
        np.add.at(right, owner, one[:, :, None] * asked[:, None, :])
        plane = np.linalg.pinv(square, rcond=1e-4, hermitian=True) @ right
        of = of.reshape(-1)
        place = (self.places[nodes.vertex] - middle[of]) / size[of]
        one = np.concatenate([place, np.ones((len(place), 1))], axis=1)
        return np.asarray(np.einsum("ki,kij->kj", one, plane[of]))

    def _nearest(self, nodes: _Nodes, missing: NDArray, many: int) -> tuple[NDArray, NDArray[np.float64]]:
        """(k, many) known nodes of the same ring nearest to each of `missing`, with weights that sum to one."""
        from scipy.spatial import cKDTree

        ring = np.zeros(len(nodes.vertex), np.int64)
        ring[nodes.of.reshape(-1)] = np.repeat(self.found.ring, 3)
        size = float(np.ptp(self.places, axis=0).max())
        at = np.concatenate([self.places[nodes.vertex], ring[:, None] * (10 * size)], axis=1)
        known = np.flatnonzero(nodes.corner >= 0)
        many = min(many, len(known))
        gap, pick = cKDTree(at[known]).query(at[missing], k=many)
        gap, pick = gap.reshape(-1, many), pick.reshape(-1, many)
        weight = np.where(gap < size, 1 / np.maximum(gap, 1e-9 * size), 0.0)
        return known[pick], np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def _skin(self, nodes: _Nodes, made: NDArray) -> dict[str, Primvar]:
        """Influences of new points, mixed from three of the rim."""
        joints, weights = (self.mesh.primvars.get(f"skel:joint{n}") for n in ("Indices", "Weights"))
        if len(made) == 0 or joints is None or weights is None or joints.width != weights.width:
            return {}
        if "vertex" not in (joints.interpolation, weights.interpolation):
            return {}
        pick, weight = self._nearest(nodes, made, 3)
        corner = nodes.corner[pick]
        taken = [p.rows()[self.mesh.corner_rows(p)[corner]].reshape(*corner.shape, -1) for p in (joints, weights)]
        index, value = blended(taken[0], taken[1], weight)
        result = {}
        for name, primvar, more in (("Indices", joints, index), ("Weights", weights, value)):
            rows = primvar.rows()[primvar.index(len(self.mesh.points))]
            rows = np.concatenate([rows, more.reshape(len(made), *rows.shape[1:]).astype(rows.dtype)])
            result[f"skel:joint{name}"] = replace(
                primvar, values=rows.reshape(-1) if primvar.width > 1 else rows, indices=None
            )
        return result

    def _normals(self, normals: Primvar, by_side: _Nodes, by_place: _Nodes, made: NDArray, face: NDArray) -> Primvar:
        """Authored normals go on: smooth where the patch goes on in the direction of what it meets, else its own."""
        mesh = self.mesh
        across = cross(self.places, self.found.faces)
        own = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)
        smooth = np.zeros((len(by_place.vertex), 3))
        np.add.at(smooth, by_place.of.reshape(-1), np.repeat(across, 3, axis=0))
        smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-300)
        kind = normals.values.dtype
        if normals.interpolation in ("vertex", "varying"):
            values = normals.values[normals.index(len(mesh.points))]
            return replace(normals, values=np.concatenate([values, smooth[made].astype(kind)]), indices=None)
        if normals.interpolation == "uniform":
            values = normals.values[normals.index(len(mesh.counts))]
            return replace(normals, values=np.concatenate([values, own.astype(kind)]), indices=None)
        if normals.interpolation != "faceVarying":
            return normals
        index = normals.index(len(mesh.corners))
        given = np.where((by_side.corner >= 0)[:, None], normals.values[index[by_side.corner]], 0)[by_side.of]
        given = np.where(np.any(given != 0, axis=2, keepdims=True), given, smooth[by_place.of])
        even = np.einsum("tcj,tj->tc", given, own) > _SMOOTH
        more = np.where(even[:, :, None], given, own[:, None]).reshape(-1, 3).astype(kind)
        count = len(normals.values)
        return replace(
            normals,
            values=np.concatenate([normals.values, more]),
            indices=np.concatenate([index, count + np.arange(len(more))]).astype(np.int32),
        )


def _stretched(of: NDArray, value: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The missing values so that each is the mean of its neighbours'."""
    free = np.flatnonzero(~there)
    if len(free) == 0:
        return value
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    count = len(value)
    pairs = of[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    joined = coo_array((np.ones(len(both)), both.T), shape=(count, count)).tocsr()
    degree = np.asarray(joined.sum(axis=1)).reshape(-1)
    rows = joined[free]
    right = rows[:, np.flatnonzero(there)] @ value[there]
    square = (coo_array((degree[free], (np.arange(len(free)),) * 2), shape=(len(free),) * 2) - rows[:, free]).tocsc()
    # what hangs on nothing known stays nought instead of making the matrix singular
    square = square + coo_array((np.full(len(free), 1e-9), (np.arange(len(free)),) * 2), shape=square.shape).tocsc()
    result = value.copy()
    result[free] = splu(square.tocsc()).solve(right)
    return result
