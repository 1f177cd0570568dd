# SPDX-License-Identifier: Apache-2.0
"""The UV layout of one geometry: islands, coverage, density; shared by the rules about UVs and textures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.protocol import Finding
from pipeline.checks.subject import Part, UVs
from pipeline.mesh import faces as triangle
from pipeline.mesh.distinct import distinct, firsts
from pipeline.mesh.islands import Islands, islands
from pipeline.mesh.once import once
from pipeline.mesh.uvraster import covered
from pipeline.settings.jobs import Severity

if TYPE_CHECKING:
    from pipeline.usd.scene.model import Material

#: what a fault weighs on a further set that no texture reads (for light or detail maps to come)
MILDER: dict[Severity, Severity] = {"error": "warning", "warning": "info", "info": "info"}
#: texels a UV unit when coverage is measured
SIDE = 1024
#: texels of a layout that are looked at, and the coarsest raster that still tells anything
MOST, COARSEST = 1 << 21, 32
#: texels in a row of all tiles together
_WIDE = 1 << 20


@dataclass(frozen=True)
class Coverage:
    """Which islands lie on which texels.

    Attributes
    ----------
    texel : (j,) int64
        Covered texels, sorted; one entry for each island on it.
    island : (j,) int32
    clash : (j,) bool
        Another island of the same material lies on that texel as well.
    triangles : (c,) int32
        Triangles that cover such a texel.
    """

    texel: NDArray[np.int64]
    island: NDArray[np.int32]
    clash: NDArray[np.bool_]
    triangles: NDArray[np.int32]

    @property
    def texels(self) -> int:
        """How many texels are covered at all."""
        return int(np.count_nonzero(firsts(self.texel)))

    @property
    def clashing(self) -> int:
        """How many texels more than one island lies on."""
        return int(np.count_nonzero(firsts(self.texel[self.clash])))


class Surface:
    """One UV set of a part.

    Parameters
    ----------
    part
        A part with UVs.
    among
        How many layouts share the time of one inspection: more are looked at more coarsely.
    uvs
        The set; the first where None.
    read
        Whether a texture of the part reads it.
    """

    def __init__(self, part: Part, among: int = 1, uvs: UVs | None = None, read: bool = True) -> None:
        self.part = part
        self.most = max(MOST * 8 // max(among, 8), 1 << 17)
        self.uvs = part.shape.uvs[0] if uvs is None else uvs
        self.read = read

    @property
    def first(self) -> bool:
        """Whether it is the set that renderers take where nobody names one."""
        return self.uvs is self.part.shape.uvs[0]

    def told(self, finding: Finding) -> Finding:
        """A finding with the set's name where it is not the first; milder where nothing reads that set yet."""
        if self.first:
            return finding
        severity = finding.severity if self.read else MILDER[finding.severity]
        return dataclasses.replace(
            finding, severity=severity, message=f"UV set {self.uvs.name!r}: {finding.message}", fixable=False
        )

    @once
    def faces(self) -> NDArray[np.int32]:
        """(l,) the triangles of the part that count."""
        return self.part.shape.topology.live

    @once
    def islands(self) -> Islands:
        """The layout cut into islands, with positions in the world."""
        topology = self.part.shape.topology
        points = self.part.points[topology.weld.first]
        corners = self.uvs.triangles[topology.live]
        return islands(points, topology.edges, self.uvs.values, corners)

    @once
    def area(self) -> NDArray[np.float64]:
        """(l,) area of each triangle on the surface, square metres."""
        return triangle.areas(self.islands.points, self.islands.edges.faces)

    @once
    def density(self) -> NDArray[np.float64]:
        """(l,) UV units a metre of each triangle; zero where the surface has no area."""
        flat = np.abs(self.islands.signed)
        return np.sqrt(np.divide(flat, self.area, out=np.zeros_like(flat), where=self.area > 0))

    def _side(self) -> int:
        """Texels a UV unit at which the whole layout stays within bounds; tilings may cover thousands of units."""
        v = self.islands.uv[:, 1].astype(np.float64)[self.islands.corners]
        rows = float(np.ptp(v, axis=1).sum())
        area = float(np.abs(self.islands.signed).sum())
        if not np.isfinite([rows, area]).all():
            return 0
        return int(min(SIDE, np.sqrt(self.most / max(area, 1e-12)), self.most / max(rows, 1e-12)))

    @once
    def coverage(self) -> Coverage:
        """The islands on each texel."""
        label = self.islands.label
        material = self.part.material[self.faces].astype(np.int64) + 1
        side = self._side()
        found = [
            (row * _WIDE + column, face.astype(np.int32))
            for column, row, face in (covered(self.islands.uv, self.islands.corners, side) if side >= COARSEST else ())
            if len(face)
        ]
        if not found:
            nothing = np.zeros(0, np.int32)
            return Coverage(np.zeros(0, np.int64), nothing, np.zeros(0, bool), nothing)
        texel = np.concatenate([f[0] for f in found])
        face = np.concatenate([f[1] for f in found])
        if material.min() != material.max():
            texel = texel * (int(material.max()) + 1) + material[face]
        texel -= texel.min()
        if int(texel.max()) > (1 << 62) // self.islands.count:  # far tiles and very many islands
            _, texel = np.unique(texel, return_inverse=True)
        entry = texel * self.islands.count + label[face]
        place, island = np.divmod(distinct(entry), self.islands.count)
        clash = np.zeros(len(place), bool)
        same = place[1:] == place[:-1]
        clash[1:] |= same
        clash[:-1] |= same
        crowded = place[clash]
        triangles = np.zeros(len(self.faces), bool)
        if len(crowded):
            at = np.searchsorted(crowded, texel).clip(0, len(crowded) - 1)
            triangles[face[crowded[at] == texel]] = True
        marked = np.flatnonzero(triangles).astype(np.int32)
        return Coverage(place, island.astype(np.int32), clash, marked)


def surfaces_of(parts: Sequence[Part], materials: Sequence[Material]) -> tuple[Surface, ...]:
    """Every UV set of some parts, copies of another set left out.

    Parameters
    ----------
    parts
        Each geometry once.
    materials
        The scene's: their textures say which sets are read.
    """
    chosen = [(part, uvs) for part in parts for uvs in _different(part.shape.uvs)]
    return tuple(Surface(part, len(chosen), uvs, uvs.name in sets_read(part, materials)) for part, uvs in chosen)


def sets_read(part: Part, materials: Sequence[Material]) -> set[str]:
    """Names of the UV sets that textures of a part read; the first stands for names that are not there."""
    have = [u.name for u in part.shape.uvs]
    wanted = {t.uv_set for n in part.materials if 0 <= n < len(materials) for t in materials[n].textures}
    return {name if name in have else have[0] for name in wanted} if have else set()


def _different(sets: tuple[UVs, ...]) -> list[UVs]:
    """The sets, without those that only repeat an earlier one."""
    kept: list[UVs] = []
    for one in sets:
        if not any(_same(one, other) for other in kept):
            kept.append(one)
    return kept


def _same(one: UVs, other: UVs) -> bool:
    if one.values.shape == other.values.shape and np.array_equal(one.triangles, other.triangles):
        return bool(np.array_equal(one.values, other.values, equal_nan=True))
    few = slice(None, None, max(1, len(one.triangles) // 64))  # indexed otherwise: a look tells most apart
    if not np.array_equal(one.values[one.triangles[few]], other.values[other.triangles[few]], equal_nan=True):
        return False
    return bool(np.array_equal(one.values[one.triangles], other.values[other.triangles], equal_nan=True))
