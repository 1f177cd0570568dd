# SPDX-License-Identifier: Apache-2.0
"""Meshes that lie on the same texels of one picture: what is painted or baked for one lands on the other.

Islands that lie on others with nearly all they have are stacked on purpose (four wheels, one wheel's paint), and where
a mesh reaches beyond the picture, that is a tiling or a trim which everything may share: neither counts.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Marks
from pipeline.checks.surfaces import Surface, sets_read
from pipeline.mesh.distinct import distinct, firsts
from pipeline.mesh.uvraster import covered

#: texels a UV unit, and the texels of one mesh that are looked at
SIDE, MOST = 512, 1 << 20
#: an island that others cover by this much is stacked
STACKED = 0.9
#: meshes of one material that are compared
MOST_MESHES = 4096
_WIDE = 1 << 20


@dataclass(frozen=True)
class Shared:
    """Meshes on the same texels.

    Attributes
    ----------
    material
        Prim path of the material.
    share
        Texels that more than one mesh covers, among all that are covered.
    surfaces
        Those that take part, most of it first.
    marks
        Their triangles on such texels.
    """

    material: str
    share: float
    surfaces: tuple[Surface, ...]
    marks: tuple[Marks, ...]


def shared_texels(context: Context) -> list[Shared]:
    """For each material with pictures that are laid out once: how much of them several meshes lie on."""
    groups: dict[int, list[Surface]] = defaultdict(list)
    materials = context.subject.materials
    for surface in context.surfaces:
        for number in sorted({n for n in surface.part.materials if n >= 0}):
            textures = materials[number].textures
            if not textures or any(t.tiles for t in textures):
                continue
            if surface.uvs.name in sets_read(surface.part, materials):
                groups[number].append(surface)
    found = (_of(context, number, surfaces[:MOST_MESHES]) for number, surfaces in groups.items() if len(surfaces) > 1)
    return [f for f in found if f is not None]


def _of(context: Context, material: int, surfaces: list[Surface]) -> Shared | None:
    texels, owners, islands, base = [], [], [], 0
    for number, surface in enumerate(surfaces):
        mine = surface.part.material[surface.faces] == material
        lies = _lies_on(surface, np.flatnonzero(mine))
        if lies is None:
            return None
        texel, island = lies
        texels.append(texel)
        owners.append(np.full(len(texel), number, np.int32))
        islands.append(island.astype(np.int64) + base)
        base += surface.islands.count
    texel, owner, island = np.concatenate(texels), np.concatenate(owners), np.concatenate(islands)
    if not len(texel):
        return None
    order = np.argsort(texel, kind="stable")  # of one texel, owners stand in order
    texel, owner, island = texel[order], owner[order], island[order]
    fresh = firsts(texel)
    group = np.cumsum(fresh) - 1
    low, high = owner[np.flatnonzero(fresh)], np.maximum.reduceat(owner, np.flatnonzero(fresh))
    common = (low != high)[group]
    whole = np.bincount(island, minlength=base)
    stacked = np.bincount(island[common], minlength=base) >= STACKED * whole
    spoilt = np.bincount(group, common & ~stacked[island]) > 0
    share = float(np.count_nonzero(spoilt) / len(spoilt))
    if share == 0:
        return None
    concerned = spoilt[group]
    many = np.bincount(owner[concerned], minlength=len(surfaces))
    rank = [int(n) for n in np.argsort(-many, kind="stable") if many[n]]
    marks = []
    for number in rank:
        label = distinct(island[concerned & (owner == number)]) - sum(s.islands.count for s in surfaces[:number])
        hit = np.zeros(surfaces[number].islands.count, bool)
        hit[label] = True
        faces = surfaces[number].faces[hit[surfaces[number].islands.label]]
        marks.append(Marks(surfaces[number].part.number, faces=faces))
    path = context.subject.materials[material].path
    return Shared(path, share, tuple(surfaces[n] for n in rank), tuple(marks))


def _lies_on(surface: Surface, faces: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
    """Texels that some triangles of a layout cover, each once, and the island that lies there; None of a tiling."""
    layout = surface.islands
    nothing = np.zeros(0, np.int64), np.zeros(0, np.int32)
    if not len(faces):
        return nothing
    uv = layout.uv
    reach = np.abs(np.nan_to_num(uv[layout.corners[faces]], nan=9.0) - 0.5).max(initial=0.0)
    if reach > 0.51 or np.abs(layout.signed[faces]).sum() * SIDE * SIDE > MOST:
        return None
    found = [
        (row * _WIDE + column, layout.label[faces[face]])
        for column, row, face in covered(uv, layout.corners[faces], SIDE)
        if len(face)
    ]
    if not found:
        return nothing
    texel, island = np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
    order = np.argsort(texel, kind="stable")
    kept = order[firsts(texel[order])]
    return texel[kept], island[kept]
