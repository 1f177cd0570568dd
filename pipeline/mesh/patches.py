# SPDX-License-Identifier: Apache-2.0
"""Faces over the holes of a mesh, all holes of one size at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.distinct import distinct
from pipeline.mesh.edges import Edges
from pipeline.mesh.faces import areas, normals
from pipeline.mesh.rings import Rings

__all__ = ["Patches", "joined", "patches", "rims"]

#: rims up to this long are triangulated as one; of longer ones so many vertices first, then what lies between
_WHOLE = 96
#: the same for the stretches between
_STRETCH = 32
_PIECES = 16
#: how much a bend counts against area, and the length of chords
_BEND, _CHORD = 2.0, 0.02
#: mean cosine between a patch and what is around it beneath which it is the back of a sheet, and no hole
_BACK = -0.7
#: share of its shell's area from which a patch closes a sheet
_BAG = 0.75
#: triangles of candidates that are weighed at once
_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Patches:
    """What closes the holes of a mesh.

    Attributes
    ----------
    rings
        The borders that were closed.
    points : (a, 3) float64
        New vertices; they are numbered after the mesh's own.
    faces : (t, 3) int64
        New triangles, wound as their surroundings.
    ring : (t,) int64
        The ring each belongs to.
    first
        Number of the first new vertex.
    sheets
        Borders that are left because they go around a sheet: what closes them would be its back.
    """

    rings: Rings
    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    ring: NDArray[np.int64]
    first: int
    sheets: int = 0

    def chosen(self, mask: NDArray, sheets: int = 0) -> Patches:
        """Only some of the rings, and how many of the others go around sheets."""
        kept = mask[self.ring]
        points, faces = _used(self.first, self.points, self.faces[kept])
        ring = (np.cumsum(mask) - 1)[self.ring[kept]]
        return Patches(self.rings.chosen(mask), points, faces, ring, self.first, self.sheets + sheets)


def patches(points: NDArray, edges: Edges, rings: Rings, body: NDArray | None = None) -> Patches:
    """Triangles over rings: of little area, bent little against their surroundings.

    Dynamic programming over the chords of a ring (Barequet and Sharir, Filling gaps in the boundary of a
    polyhedron, 1995, with the bends of Liepa, Filling holes in meshes, 2003). A chord that is an edge already would
    give it a third face: there another triangulation is taken, and a new vertex in the middle where none serves.

    Parameters
    ----------
    points : (n, 3) float
    edges
        Edges of the welded mesh.
    rings
        Borders to close.
    body : (m,) float, optional
        For each face the area of the shell it belongs to: a patch that is nearly as large as its shell closes no
        hole, it makes a bag of a sheet.
    """
    rings = rings.chosen(~_loose(rings))
    if len(rings.size) == 0:
        return Patches(rings, np.zeros((0, 3)), np.zeros((0, 3), np.int64), np.zeros(0, np.int64), len(points))
    known = np.sort(_keys(edges.unique(), len(points)))
    faces, ring = _triangulated(points, edges, rings, None)
    bad = _crowding(faces, ring, rings, edges, known, len(points))
    if bad.any():
        again, label = _triangulated(points, edges, rings.chosen(bad), known)
        faces = np.concatenate([faces[~bad[ring]], again])
        ring = np.concatenate([ring[~bad[ring]], np.flatnonzero(bad)[label]])
    added = np.zeros((0, 3))
    bad = _crowding(faces, ring, rings, edges, known, len(points))
    if bad.any():
        fans, label, added = _fans(points, edges, rings.chosen(bad), len(points))
        faces = np.concatenate([faces[~bad[ring]], fans])
        ring = np.concatenate([ring[~bad[ring]], np.flatnonzero(bad)[label]])
    places = np.concatenate([np.asarray(points, np.float64), added])
    back = _backs(places, edges, faces, ring, rings)
    if body is not None:
        area = np.bincount(ring, areas(places, faces), len(rings.size))
        back |= area > _BAG * body[rings.half[rings.start] // 3]
    added, faces = _used(len(points), added, faces)
    return Patches(rings, added, faces, ring, len(points)).chosen(~back, int(back.sum()))


def joined(one: Patches, other: Patches) -> Patches:
    """Patches over different rings of one mesh as one."""
    half = np.concatenate([one.rings.half, other.rings.half])
    size = np.concatenate([one.rings.size, other.rings.size])
    moved = np.where(other.faces >= other.first, other.faces + len(one.points), other.faces)
    return Patches(
        Rings(half, np.cumsum(size) - size, size, one.rings.left),
        np.concatenate([one.points, other.points]),
        np.concatenate([one.faces, moved]),
        np.concatenate([one.ring, other.ring + len(one.rings.size)]),
        one.first,
        max(one.sheets, other.sheets),
    )


def rims(edges: Edges, rings: Rings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Vertices ring by ring in the order that new faces run, and the half-edge that meets the side after each."""
    last = rings.start + rings.size - 1
    within = np.arange(len(rings.half)) - np.repeat(rings.start, rings.size)
    backward = np.repeat(last, rings.size) - within
    vertex = edges.ends(rings.half)[:, 0].astype(np.int64)[backward]
    # the side from one to the next is met by the half-edge that begins at the next
    ahead = np.where(within == np.repeat(rings.size, rings.size) - 1, np.repeat(last, rings.size), backward - 1)
    return vertex, rings.half[ahead].astype(np.int64)


def _loose(rings: Rings) -> NDArray[np.bool_]:
    """(r,) borders of single loose triangles: their back is no hole."""
    if len(rings.size) == 0:
        return np.zeros(0, bool)
    face = rings.half // 3
    same = np.logical_and.reduceat(face == np.repeat(face[rings.start], rings.size), rings.start)
    return np.asarray((rings.size < 3) | ((rings.size == 3) & same))


def _keys(pairs: NDArray, count: int) -> NDArray[np.int64]:
    pairs = pairs.astype(np.int64)
    return np.asarray(pairs.min(axis=1) * count + pairs.max(axis=1))


def _contains(ranked: NDArray, values: NDArray) -> NDArray[np.bool_]:
    if len(ranked) == 0:
        return np.zeros(values.shape, bool)
    at = np.searchsorted(ranked, values).clip(0, len(ranked) - 1)
    return np.asarray(ranked[at] == values)


def _triangulated(
    points: NDArray, edges: Edges, rings: Rings, known: NDArray | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Triangles over all rings and the ring of each; with `known` edges, chords that are one cost much."""
    vertex, half = rims(edges, rings)
    facing = normals(points, edges.faces[half // 3]).astype(np.float32)
    found, label = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    work = [(rings.start, rings.size, vertex, facing, np.arange(len(rings.size)), _WHOLE)]
    while work:
        start, size, vertex, facing, owner, most = work.pop()
        for count in distinct(size):
            chosen = np.flatnonzero(size == count)
            if count > most:
                parts = _WHOLE if most == _WHOLE else _PIECES
                coarse, fine = _coarse(start[chosen], int(count), parts, vertex, facing, owner[chosen])
                work += [(*coarse, _WHOLE), (*fine, _STRETCH)]
                continue
            step = max(1, _AT_ONCE // int(count) ** 2)
            for begin in range(0, len(chosen), step):
                some = chosen[begin : begin + step]
                rim = start[some][:, None] + np.arange(count)
                ring = vertex[rim]
                taken = None if known is None else _chords(ring, known, len(points))
                local = _cheapest(np.asarray(points[ring], np.float64), facing[rim], taken)
                found.append(np.take_along_axis(ring[:, :, None], local.reshape(len(some), -1, 1), 1).reshape(-1, 3))
                label.append(np.repeat(owner[some], count - 2))
    return np.concatenate(found), np.concatenate(label)


def _coarse(start: NDArray, count: int, parts: int, vertex: NDArray, facing: NDArray, owner: NDArray):  # type: ignore[no-untyped-def]
    """Rings of fewer vertices, and the stretches between them closed by their chords."""
    at = np.linspace(0, count, parts, endpoint=False).astype(np.int64)
    pick = (start[:, None] + at).reshape(-1)
    rows = np.arange(len(start))
    outer = (rows * parts, np.full(len(start), parts), vertex[pick], np.zeros((len(pick), 3), np.float32), owner)
    length = np.diff(at, append=count) + 1
    size = np.tile(length, len(start))
    begin = np.cumsum(size) - size
    within = np.arange(int(size.sum())) - np.repeat(begin, size)
    first = np.repeat((start[:, None] * 0 + at).reshape(-1), size)
    where = np.repeat(np.repeat(start, parts), size) + (first + within) % count
    shown = facing[where]
    shown[begin + size - 1] = 0  # the chord: what lies beyond it is not known yet
    real = size > 2
    return outer, (begin[real], size[real], vertex[where], shown, np.repeat(owner, parts)[real])


def _chords(ring: NDArray, known: NDArray, count: int) -> NDArray[np.bool_]:
    """(r, k, k) whether two of a ring's vertices are joined by an edge of the mesh."""
    one, other = ring[:, :, None], ring[:, None, :]
    return _contains(known, np.minimum(one, other) * count + np.maximum(one, other))


def _cheapest(rim: NDArray[np.float64], facing: NDArray, taken: NDArray | None) -> NDArray[np.int64]:
    """(r, k - 2, 3) the cheapest triangulations of rings of `k` vertices.

    Parameters
    ----------
    rim : (r, k, 3)
    facing : (r, k, 3)
        Normal beyond the side from each vertex to the next; zero where it does not count.
    taken : (r, k, k) bool, optional
        Chords that must not be.
    """
    many, count = rim.shape[:2]
    if count == 3:
        return np.broadcast_to(np.arange(3), (many, 1, 3))
    rim = rim - rim.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(rim, axis=2).max(axis=1)
    rim = rim / np.maximum(scale, 1e-300)[:, None, None]
    cost = np.zeros((many, count, count))
    best = np.zeros((many, count, count), np.int64)
    normal = np.zeros((many, count, count, 3), np.float32)
    every = np.arange(count - 1)
    normal[:, every, every + 1] = facing[:, :-1]
    row = np.arange(many)[:, None]
    for gap in range(2, count):
        starts = np.arange(count - gap)
        ends = starts + gap
        middle = starts[:, None] + np.arange(1, gap)
        a, b, c = rim[:, starts][:, :, None], rim[:, middle], rim[:, ends][:, :, None]
        across = np.cross(b - a, c - a)
        double = np.linalg.norm(across, axis=3)
        up = (across / np.maximum(double, 1e-300)[..., None]).astype(np.float32)
        low, high = normal[:, starts[:, None], middle], normal[:, middle, ends[:, None]]
        bend = 2.0 - np.einsum("rsmi,rsmi->rsm", up, low + high)
        if gap == count - 1:
            bend += 1.0 - np.einsum("rsmi,ri->rsm", up, facing[:, -1])[...]
        chord = np.einsum("rsmi,rsmi->rsm", c - a, c - a)
        flat = double < 1e-5 * np.maximum(chord, np.einsum("rsmi,rsmi->rsm", b - a, b - a))
        total = double * (0.5 + 0.5 * _BEND * bend) + _CHORD * chord + 10.0 * flat
        total += cost[:, starts[:, None], middle] + cost[:, middle, ends[:, None]]
        if taken is not None and gap < count - 1:
            total += 1e3 * taken[:, starts, ends][:, :, None]
        pick = total.argmin(axis=2)
        place = row, np.arange(len(starts)), pick
        cost[:, starts, ends] = total[place]
        best[:, starts, ends] = middle[np.arange(len(starts)), pick]
        normal[:, starts, ends] = up[place]
    return _unrolled(best)


def _unrolled(best: NDArray[np.int64]) -> NDArray[np.int64]:
    """The triangles that `best` middles stand for, of all rings side by side."""
    many, count = best.shape[:2]
    rows = np.arange(many)
    low = np.zeros((many, count), np.int64)
    high = np.zeros((many, count), np.int64)
    high[:, 0] = count - 1
    deep = np.ones(many, np.int64)
    found = np.zeros((many, count - 2, 3), np.int64)
    for number in range(count - 2):
        deep -= 1
        start, end = low[rows, deep], high[rows, deep]
        middle = best[rows, start, end]
        found[:, number] = np.stack([start, middle, end], axis=1)
        for one, other in ((start, middle), (middle, end)):
            wide = other - one > 1
            low[rows[wide], deep[wide]], high[rows[wide], deep[wide]] = one[wide], other[wide]
            deep += wide
    return found


def _crowding(
    faces: NDArray, ring: NDArray, rings: Rings, edges: Edges, known: NDArray, count: int
) -> NDArray[np.bool_]:
    """(r,) rings whose patch would give an edge a third face, the mesh's own or one of another patch."""
    sides = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    owner = np.repeat(ring, 3)
    key = _keys(sides, count + 1 + int(faces.max(initial=0)))
    rim = np.sort(_keys(edges.ends(rings.half), count + 1 + int(faces.max(initial=0))))
    inner = np.flatnonzero(~_contains(rim, key))
    bad = np.zeros(len(rings.size), bool)
    real = inner[np.all(sides[inner] < count, axis=1)]
    bad[owner[real[_contains(known, _keys(sides[real], count))]]] = True
    # a chord of one patch has two faces of it: what comes more often belongs to two patches
    order = inner[np.argsort(key[inner], kind="stable")]
    ranked = key[order]
    third = np.flatnonzero(ranked[2:] == ranked[:-2]) + 2
    bad[owner[order[third]]] = True
    return bad


def _fans(points: NDArray, edges: Edges, rings: Rings, first: int) -> tuple[NDArray, NDArray, NDArray]:
    """Every ring closed over a new vertex in its middle."""
    vertex, _ = rims(edges, rings)
    label = rings.label
    following = np.arange(1, len(vertex) + 1)
    following[rings.start + rings.size - 1] = rings.start
    total = np.stack([np.bincount(label, points[vertex, k], len(rings.size)) for k in range(3)], axis=1)
    middle = total / rings.size[:, None]
    return np.stack([vertex, vertex[following], first + label], axis=1), label, middle


def _backs(places: NDArray, edges: Edges, faces: NDArray, ring: NDArray, rings: Rings) -> NDArray[np.bool_]:
    """(r,) rings around sheets: the patch lies back to back with what it would close."""
    if len(faces) == 0:
        return np.zeros(len(rings.size), bool)
    count = len(places)
    ends = edges.ends(rings.half).astype(np.int64)
    key = ends[:, 1] * count + ends[:, 0]
    order = np.argsort(key)
    side = faces.astype(np.int64)
    mine = (side * count + np.roll(side, -1, axis=1)).reshape(-1)
    at = np.searchsorted(key[order], mine).clip(0, len(key) - 1)
    met = np.flatnonzero(key[order][at] == mine)
    half = rings.half[order[at[met]]]
    beyond = normals(places, edges.faces[half // 3])
    cosine = np.einsum("ij,ij->i", normals(places, faces)[met // 3], beyond)
    length = np.linalg.norm(places[ends[order[at[met]], 1]] - places[ends[order[at[met]], 0]], axis=1)
    label = ring[met // 3]
    total = np.bincount(label, length, len(rings.size))
    mean = np.bincount(label, length * cosine, len(rings.size)) / np.maximum(total, 1e-300)
    return np.asarray(mean < _BACK)


def _used(count: int, added: NDArray, faces: NDArray) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The new vertices that are used, numbered anew."""
    used = np.zeros(len(added), bool)
    used[faces[faces >= count] - count] = True
    number = np.concatenate([np.arange(count), count + np.cumsum(used) - 1])
    return added[used], number[faces].reshape(-1, 3)
