# SPDX-License-Identifier: Apache-2.0
"""Catmull-Clark and Loop refinement with creases, corners and boundaries, all faces of a level at once.

The rules are those of OpenSubdiv's documentation: semi-sharp creases blend the sharp and the smooth rule by their
sharpness, which falls by one a level. UVs (faceVarying values) are interpolated linearly inside of each face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene.model import Doubles, Ints, Mesh, Primvar

if TYPE_CHECKING:
    from pipeline.usd.scene.raw import RawMesh
    from pipeline.usd.scene.report import Report

__all__ = ["refined"]

#: an edge of this sharpness never becomes smooth
_SHARP = 10.0
#: corners beyond which a further level is refused
_MOST_CORNERS = 50_000_000


@dataclass(frozen=True, eq=False)
class _Cage:
    """One level: faces, and the sharpness of edges (by their points) and points."""

    counts: Ints
    vertices: Ints
    points: int
    crease_edges: NDArray[np.int64]
    crease_sharpness: Doubles
    corner_sharpness: Doubles


def refined(mesh: Mesh, raw: RawMesh, level: int, report: Report) -> Mesh:
    """The mesh refined `level` times; its normals are the surface's."""
    if mesh.skin is not None or mesh.blend_shapes:
        report.reduce(mesh.path, "subdivision", "a skinned mesh keeps its control cage")
        return mesh
    scheme = mesh.subdivision
    if scheme == "loop" and (mesh.face_counts != 3).any():
        report.lose(mesh.path, "subdivision scheme loop", "some faces are no triangles: refined as Catmull-Clark")
        scheme = "catmullClark"
    bilinear = scheme == "bilinear"
    if (
        not bilinear
        and str(raw.creases.get("faceVaryingLinearInterpolation", "cornersPlus1")) != "all"
        and any(p.interpolation == "faceVarying" for p in mesh.uvs)
    ):
        report.reduce(mesh.path, "smooth UVs of a refined mesh", "they are interpolated linearly inside of each face")
    cage = _cage(mesh, raw)
    values: dict[str, Doubles] = {"": mesh.points.astype(np.float64)}
    primvars = [p for p in (mesh.color, mesh.opacity, *mesh.uvs) if p is not None]
    for primvar in primvars:
        if primvar.interpolation == "vertex":
            plain = primvar.values if primvar.indices is None else primvar.values[primvar.indices]
            values[primvar.name] = plain.astype(np.float64)
    corners = {p.name: p.flat(mesh).astype(np.float64) for p in primvars if p.interpolation == "faceVarying"}
    faces = np.arange(len(mesh.face_counts))
    for _ in range(level):
        if 4 * len(cage.vertices) > _MOST_CORNERS:
            report.reduce(mesh.path, "subdivision", "further levels would be too large")
            break
        owner = np.repeat(np.arange(len(cage.counts)), cage.counts)
        if scheme == "loop":
            corners = {name: _split_triangles(v) for name, v in corners.items()}
            faces = np.repeat(faces, 4)
        else:
            corners = {name: _split_corners(cage, v) for name, v in corners.items()}
            faces = faces[owner]
        cage, values = _step(cage, values, scheme)

    def carried(primvar: Primvar | None) -> Primvar | None:
        if primvar is None or primvar.interpolation == "constant":
            return primvar
        if primvar.interpolation == "uniform":
            own = faces if primvar.indices is None else primvar.indices[faces]
            return replace(primvar, indices=own.astype(np.int32))
        if primvar.interpolation == "vertex":
            return Primvar(primvar.name, values[primvar.name].astype(np.float32), None, "vertex")
        return Primvar(primvar.name, corners[primvar.name].astype(np.float32), None, "faceVarying")

    return replace(
        mesh,
        points=np.ascontiguousarray(values[""], np.float32),
        face_counts=cage.counts,
        face_vertices=cage.vertices,
        uvs=tuple(p for p in (carried(p) for p in mesh.uvs) if p is not None),
        normals=None,
        tangents=None,
        color=carried(mesh.color),
        opacity=carried(mesh.opacity),
        face_slots=None if mesh.face_slots is None else mesh.face_slots[faces],
        faceted=bilinear,
    )


def _cage(mesh: Mesh, raw: RawMesh) -> _Cage:
    count = len(mesh.points)
    edges, sharpness = np.zeros(0, np.int64), np.zeros(0)
    indices, lengths = raw.creases.get("creaseIndices"), raw.creases.get("creaseLengths")
    sharp = raw.creases.get("creaseSharpnesses")
    if indices is not None and lengths is not None and sharp is not None and len(indices) and len(lengths):
        lengths = np.asarray(lengths, np.int64)
        if int(lengths.sum()) <= len(indices) and lengths.min() >= 2:
            ends = np.cumsum(lengths)
            inner = np.ones(int(lengths.sum()), bool)
            inner[ends - 1] = False
            first = np.flatnonzero(inner)
            a, b = np.asarray(indices)[first], np.asarray(indices)[first + 1]
            of = np.repeat(np.arange(len(lengths)), lengths - 1)
            values = np.asarray(sharp, np.float64)
            per_edge = values if len(values) == len(first) else values[np.minimum(of, len(values) - 1)]
            sound = (a >= 0) & (b >= 0) & (a < count) & (b < count) & (a != b)
            edges = _key(a, b, count)[sound]
            sharpness = per_edge[sound]
    corner = np.zeros(count)
    at, pinned = raw.creases.get("cornerIndices"), raw.creases.get("cornerSharpnesses")
    if at is not None and pinned is not None and len(at) == len(pinned):
        inside = (at >= 0) & (at < count)
        corner[at[inside]] = np.asarray(pinned)[inside]
    if str(raw.creases.get("interpolateBoundary", "edgeAndCorner")) == "edgeAndCorner":
        # a point of only one face is a corner of the boundary
        used = np.bincount(mesh.face_vertices, minlength=count)
        corner[used == 1] = _SHARP
    return _Cage(mesh.face_counts, mesh.face_vertices, count, edges, sharpness, corner)


def _key(a: NDArray, b: NDArray, count: int) -> NDArray[np.int64]:
    low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b).astype(np.int64)
    return np.asarray(low * count + high)


def _around(cage: _Cage) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First corner of each corner's face, next corner, corner before."""
    starts = np.repeat(np.cumsum(cage.counts) - cage.counts, cage.counts)
    place = np.arange(len(cage.vertices)) - starts
    size = np.repeat(cage.counts, cage.counts)
    return starts, starts + (place + 1) % size, starts + (place - 1) % size


def _split_corners(cage: _Cage, values: Doubles) -> Doubles:
    """Values of corners of the next level: corner, next middle, face's middle, middle before."""
    _, after, before = _around(cage)
    starts = np.cumsum(cage.counts) - cage.counts
    centre = np.add.reduceat(values, starts, axis=0) / cage.counts[:, None]
    middle = np.repeat(centre, cage.counts, axis=0)
    four = np.stack([values, (values + values[after]) / 2, middle, (values + values[before]) / 2], 1)
    return four.reshape(-1, values.shape[1])


def _step(cage: _Cage, values: dict[str, Doubles], scheme: str) -> tuple[_Cage, dict[str, Doubles]]:
    v, n = cage.vertices, cage.points
    _, after, before = _around(cage)
    keys, edge_of = np.unique(_key(v, v[after], n), return_inverse=True)
    edge_of = edge_of.reshape(-1)
    a, b = keys // n, keys % n
    sides = np.bincount(edge_of, minlength=len(keys))
    sharp = np.where(sides == 2, 0.0, _SHARP)
    if len(cage.crease_edges):
        at = np.searchsorted(keys, cage.crease_edges)
        at = np.minimum(at, len(keys) - 1)
        here = keys[at] == cage.crease_edges
        np.maximum.at(sharp, at[here], cage.crease_sharpness[here])
    faces = len(cage.counts)
    owner = np.repeat(np.arange(faces), cage.counts)
    rules = _Rules(v, owner, edge_of, a, b, sharp, cage, n)
    total = n + len(keys)
    if scheme == "loop":
        fresh = {name: rules.loop(x) for name, x in values.items()}
        split = _three_corners(v, n + edge_of)
    else:
        fresh = {name: rules.apply(x, scheme == "bilinear") for name, x in values.items()}
        split = np.stack([v, n + edge_of, total + owner, n + edge_of[before]], 1).astype(np.int32)
        total += faces
    left = np.flatnonzero((sharp > 0) & (sides == 2))
    middle = n + left
    lower = np.where(sharp >= _SHARP, sharp, sharp - 1)[left]
    halves = np.concatenate([_key(a[left], middle, total), _key(b[left], middle, total)])
    still = np.concatenate([lower, lower])
    corner = np.zeros(total)
    own = cage.corner_sharpness
    corner[:n] = np.where(own >= _SHARP, own, np.maximum(own - 1, 0))
    next_cage = _Cage(
        np.full(len(split), split.shape[1], np.int32),
        split.reshape(-1),
        total,
        halves[still > 0],
        still[still > 0],
        corner,
    )
    return next_cage, fresh


class _Rules:
    """Where the points of the next level stand, for points and for any values of points."""

    def __init__(
        self,
        v: Ints,
        owner: NDArray,
        edge_of: NDArray,
        a: NDArray,
        b: NDArray,
        sharp: Doubles,
        cage: _Cage,
        n: int,
    ) -> None:
        self.v, self.owner, self.edge_of, self.a, self.b, self.sharp, self.cage, self.n = (
            v, owner, edge_of, a, b, sharp, cage, n,
        )  # fmt: skip
        self.valence = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
        self.faces_at = np.bincount(v, minlength=n)
        own = cage.corner_sharpness
        lower, lower_own = _lowered(sharp), _lowered(own)
        self.hard, self.still_hard = sharp > 0, lower > 0
        #: the rule of each point at this level and at the next: 0 smooth, 1 crease, 2 corner
        self.rule = _rule(self._count(self.hard), own)
        self.next_rule = _rule(self._count(self.still_hard), lower_own)
        # what ceases to be sharp here says how far the rule of this level still counts
        ends = self.hard & ~self.still_hard
        total = np.bincount(a[ends], sharp[ends], minlength=n) + np.bincount(b[ends], sharp[ends], minlength=n)
        count = self._count(ends)
        point_ends = (own > 0) & (lower_own <= 0)
        total, count = total + np.where(point_ends, own, 0.0), count + point_ends
        self.share = np.clip(total / np.maximum(count, 1), 0, 1)

    def _count(self, edges: NDArray) -> NDArray:
        """How many of some edges meet at each point."""
        n = self.n
        return np.asarray(np.bincount(self.a[edges], minlength=n) + np.bincount(self.b[edges], minlength=n))

    def apply(self, x: Doubles, bilinear: bool) -> Doubles:
        centre = _sum(x[self.v], self.owner, len(self.cage.counts)) / self.cage.counts[:, None]
        middle = (x[self.a] + x[self.b]) / 2
        if bilinear:
            return np.concatenate([x, middle, centre])
        around = _sum(centre[self.owner], self.edge_of, len(self.a))
        sides = np.bincount(self.edge_of, minlength=len(self.a))[:, None]
        smooth = (x[self.a] + x[self.b] + around) / (2 + sides)
        share = np.clip(self.sharp, 0, 1)[:, None]
        edge = smooth * (1 - share) + middle * share
        return np.concatenate([self._vertices(x, centre, middle), edge, centre])

    def _vertices(self, x: Doubles, centre: Doubles, middle: Doubles) -> Doubles:
        n = self.n
        valence = np.maximum(self.valence, 1)[:, None]
        f = _sum(centre[self.owner], self.v, n) / np.maximum(self.faces_at, 1)[:, None]
        r = (_sum(middle, self.a, n) + _sum(middle, self.b, n)) / valence
        smooth = (f + 2 * r + (valence - 3) * x) / valence
        smooth[self.valence == 0] = x[self.valence == 0]
        return self._by_rule(x, smooth)

    def _by_rule(self, x: Doubles, smooth: Doubles) -> Doubles:
        """Smooth points where nothing is sharp; crease and corner points as far as their sharpness goes."""
        if not self.rule.any():
            return smooth
        here = self._masked(x, smooth, self.rule, self.hard)
        after = self._masked(x, smooth, self.next_rule, self.still_hard)
        share = np.where(self.rule == self.next_rule, 1.0, self.share)[:, None]
        return np.asarray(here * share + after * (1 - share))

    def _masked(self, x: Doubles, smooth: Doubles, rule: NDArray, hard: NDArray) -> Doubles:
        n = self.n
        ends = _sum(x[self.b[hard]], self.a[hard], n) + _sum(x[self.a[hard]], self.b[hard], n)
        crease = (6 * x + ends) / 8
        result = np.where((rule == 1)[:, None], crease, smooth)
        return np.where((rule == 2)[:, None], x, result)

    def loop(self, x: Doubles) -> Doubles:
        """Points and edge points of Loop's scheme; a crease is that of Catmull-Clark."""
        n = self.n
        middle = (x[self.a] + x[self.b]) / 2
        corners = x[self.v].reshape(-1, 3, x.shape[1])
        # the point across from each edge of a triangle, which begins at its own corner
        across = _sum(corners[:, [2, 0, 1]].reshape(-1, x.shape[1]), self.edge_of, len(self.a))
        sides = np.bincount(self.edge_of, minlength=len(self.a))[:, None]
        smooth = np.where(sides == 2, 0.75 * middle + across / 8, middle)
        share = np.clip(self.sharp, 0, 1)[:, None]
        edge = smooth * (1 - share) + middle * share
        valence = np.maximum(self.valence, 1)
        around = _sum(x[self.b], self.a, n) + _sum(x[self.a], self.b, n)
        beta = (5 / 8 - (3 / 8 + np.cos(2 * np.pi / valence) / 4) ** 2) / valence
        inner = (1 - valence * beta)[:, None] * x + beta[:, None] * around
        inner[self.valence == 0] = x[self.valence == 0]
        return np.concatenate([self._by_rule(x, inner), edge])


def _lowered(sharpness: Doubles) -> Doubles:
    """Sharpness at the next level; what is infinite stays."""
    return np.where(sharpness >= _SHARP, sharpness, np.maximum(sharpness - 1, 0))


def _rule(edges: NDArray, own: Doubles) -> NDArray:
    """0 smooth, 1 crease, 2 corner, by how many sharp edges meet at a point and its own sharpness."""
    return np.asarray(np.where((own > 0) | (edges > 2), 2, np.where(edges == 2, 1, 0)))


def _three_corners(vertices: NDArray, middles: NDArray) -> Ints:
    """The four triangles `(4 t, 3)` of each triangle: its corners', then the middle one."""
    v, e = vertices.reshape(-1, 3), middles.reshape(-1, 3)
    four = [
        np.stack([v[:, 0], e[:, 0], e[:, 2]], 1), np.stack([v[:, 1], e[:, 1], e[:, 0]], 1),
        np.stack([v[:, 2], e[:, 2], e[:, 1]], 1), np.stack([e[:, 0], e[:, 1], e[:, 2]], 1),
    ]  # fmt: skip
    return np.stack(four, 1).reshape(-1, 3).astype(np.int32)


def _split_triangles(values: Doubles) -> Doubles:
    """Values of corners of the next level, linear inside of each triangle."""
    v = values.reshape(-1, 3, values.shape[1])
    e = (v + v[:, [1, 2, 0]]) / 2
    four = [
        np.stack([v[:, 0], e[:, 0], e[:, 2]], 1), np.stack([v[:, 1], e[:, 1], e[:, 0]], 1),
        np.stack([v[:, 2], e[:, 2], e[:, 1]], 1), np.stack([e[:, 0], e[:, 1], e[:, 2]], 1),
    ]  # fmt: skip
    return np.stack(four, 1).reshape(-1, values.shape[1])


def _sum(values: Doubles, to: NDArray, count: int) -> Doubles:
    result: Doubles = np.empty((count, values.shape[1]))
    for k in range(values.shape[1]):
        result[:, k] = np.bincount(to, values[:, k], minlength=count)
    return result
