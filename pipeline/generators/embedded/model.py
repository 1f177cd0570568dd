# SPDX-License-Identifier: Apache-2.0
"""From pieces to a model: parts become meshes with packed texture coordinates, looks become painted surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.generators.embedded.atlas import pack
from pipeline.generators.embedded.paint import Surface, paint
from pipeline.generators.embedded.pieces import Floats, Ints, Piece


@dataclass(frozen=True)
class Mesh:
    """One named mesh with one material.

    Attributes
    ----------
    points
        (n, 3) float64, metres, Y up.
    faces
        (f, 4) int64; -1 in the last column makes a triangle.
    uv
        (f, 4, 2) float64 in 0-1, v up.
    normals
        (f, 4, 3) float64, unit length.
    """

    name: str
    part: str
    material: str
    points: Floats
    faces: Ints
    uv: Floats
    normals: Floats

    @property
    def triangles(self) -> int:
        """How many triangles the faces make."""
        return int(len(self.faces) + (self.faces[:, 3] >= 0).sum())

    def triangulated(self) -> tuple[Ints, Floats, Floats]:
        """(t, 3) point indices, (t, 3, 2) uv and (t, 3, 3) normals; quads split from corner 0 to 2."""
        quad = self.faces[:, 3] >= 0
        first, second = [0, 1, 2], [0, 2, 3]

        def split(a: np.ndarray) -> np.ndarray:
            return np.concatenate([a[:, first], a[quad][:, second]])

        return split(self.faces), split(self.uv), split(self.normals)


@dataclass(frozen=True)
class Model:
    """Meshes and the surfaces of their materials."""

    meshes: tuple[Mesh, ...]
    surfaces: Mapping[str, Surface]
    notes: tuple[str, ...] = ()

    @property
    def triangles(self) -> int:
        """Triangles of all meshes."""
        return sum(m.triangles for m in self.meshes)

    @property
    def bounds(self) -> Floats:
        """(2, 3) lowest and highest corner in metres."""
        points = np.concatenate([m.points for m in self.meshes])
        return np.stack([points.min(0), points.max(0)])


def join(pieces: Sequence[Piece]) -> tuple[Floats, Ints, Floats, Ints]:
    """Points, faces, local uv and running island numbers of several pieces."""
    points, faces, uv, island = [], [], [], []
    at = islands = 0
    for p in pieces:
        points.append(p.points)
        faces.append(np.where(p.faces >= 0, p.faces + at, -1))
        uv.append(p.uv)
        island.append(p.island + islands)
        at += len(p.points)
        islands += int(p.island.max()) + 1
    return np.concatenate(points), np.concatenate(faces), np.concatenate(uv), np.concatenate(island)


def corner_normals(points: Floats, faces: Ints, crease: float = 42.0) -> Floats:
    """(f, 4, 3) normals weighted by area over the faces around a vertex that turn less than `crease` degrees.

    Weighting by area keeps large faces flat and lets chamfers carry the rounding.
    """
    used = faces >= 0
    last = np.where(used[:, 3], faces[:, 3], faces[:, 0])
    d1, d2 = points[faces[:, 2]] - points[faces[:, 0]], points[last] - points[faces[:, 1]]
    area = np.cross(d1, d2) / 2
    unit = area / np.maximum(np.linalg.norm(area, axis=1, keepdims=True), 1e-30)
    face, column = np.nonzero(used)
    vertex = faces[face, column]
    order = np.argsort(vertex, kind="stable")
    face, column, vertex = face[order], column[order], vertex[order]
    start = np.searchsorted(vertex, np.arange(len(points)))
    count = np.bincount(vertex, minlength=len(points))
    repeat = count[vertex]
    a = np.repeat(np.arange(len(vertex)), repeat)
    within = np.arange(len(a)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    b = start[vertex[a]] + within
    close = np.einsum("ij,ij->i", unit[face[a]], unit[face[b]]) > np.cos(np.radians(crease))
    total = np.zeros((len(vertex), 3))
    np.add.at(total, a[close], area[face[b[close]]])
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30)
    normals = np.zeros((*faces.shape, 3))
    normals[face, column] = total
    return normals


def _side(area: float, texture_size: int) -> int:
    """The smallest power of two that gives about 140 texels a metre, up to twice what was asked."""
    needed = 140.0 * float(np.sqrt(area / 0.72))
    side = min(512, texture_size)
    while side < needed and side < 2 * texture_size:
        side *= 2
    return side


def assemble(
    parts: Mapping[str, Sequence[Piece]], texture_size: int, seed: int, notes: Sequence[str] = (), one_atlas: str = ""
) -> Model:
    """Pack and paint named parts.

    Each material gets an atlas of its own, shared by all parts that use it; `one_atlas` names the single
    material that takes them all instead.
    """
    groups: dict[tuple[str, str], list[Piece]] = {}
    for part, pieces in parts.items():
        for p in pieces:
            groups.setdefault((part, one_atlas or p.look.material), []).append(p)
    surfaces: dict[str, Surface] = {}
    made: dict[tuple[str, str], Mesh] = {}
    for material in sorted({m for _, m in groups}):
        keys = [k for k in groups if k[1] == material]
        pieces = [p for k in keys for p in groups[k]]
        _, faces, uv, island = join(pieces)
        extent = np.zeros((int(island.max()) + 1, 2))
        np.maximum.at(extent, np.repeat(island, 4), np.where((faces >= 0)[..., None], uv, 0).reshape(-1, 2))
        looks = [p.look for p in pieces for _ in range(int(p.island.max()) + 1)]
        area = float((extent[:, 0] * extent[:, 1]).sum())
        side = texture_size if one_atlas else _side(area, texture_size)
        atlas = pack(extent, side)
        surfaces[material] = paint(material, atlas, looks, seed)
        placed = atlas.place(uv, island)
        at = 0
        for key in keys:
            points, local, _, _ = join(groups[key])
            single = sum(k[0] == key[0] for k in groups) == 1
            made[key] = Mesh(
                key[0] if single else f"{key[0]}_{material}",
                key[0],
                material,
                points,
                local,
                placed[at : at + len(local)],
                corner_normals(points, local),
            )
            at += len(local)
    return Model(tuple(made[k] for k in groups), surfaces, tuple(notes))
