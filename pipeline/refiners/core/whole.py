# SPDX-License-Identifier: Apache-2.0
"""All parts of an asset as one soup of triangles, for questions that look across parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import areas, diagonal, normals
from pipeline.mesh.rays import Rays
from pipeline.refiners.core.removal import remove_faces
from pipeline.refiners.core.subject import Part, Subject

__all__ = ["Whole"]


@dataclass(frozen=True, eq=False)
class Whole:
    """Parts welded each by itself, in the asset's space.

    Attributes
    ----------
    parts
        Their order gives `part`.
    points : (n, 3) float64
        Vertices of all parts.
    faces : (m, 3) int
        The triangles that topology is read from.
    part : (m,) int
        The part of each triangle.
    triangle : (m,) int
        Its number among the part's triangles.
    shell : (m,) int
        Its shell, numbered through all parts.
    """

    parts: list[Part]
    points: NDArray[np.float64]
    faces: NDArray
    part: NDArray
    triangle: NDArray
    shell: NDArray

    @classmethod
    def of(cls, parts: list[Part]) -> Whole:
        """Gather the parts."""
        points, faces, part, triangle, shell = [], [], [], [], []
        base = shells = 0
        for number, one in enumerate(parts):
            topology = one.mesh.topology
            at = one.points[topology.weld.first]
            points.append(at)
            faces.append(topology.solid.astype(np.int64) + base)
            part.append(np.full(len(topology.solid), number))
            triangle.append(topology.live)
            shell.append(topology.shells.label.astype(np.int64) + shells)
            base += len(at)
            shells += topology.shells.count
        return cls(parts, *(np.concatenate(x) for x in (points, faces, part, triangle, shell)))

    @cached_property
    def shells(self) -> int:
        """How many shells there are."""
        return int(self.shell.max()) + 1 if len(self.shell) else 0

    @cached_property
    def area(self) -> NDArray[np.float64]:
        """(m,) area of each triangle."""
        return areas(self.points, self.faces)

    @cached_property
    def shell_area(self) -> NDArray[np.float64]:
        """(s,) area of each shell."""
        return np.bincount(self.shell, self.area, minlength=self.shells).astype(np.float64)

    @cached_property
    def normals(self) -> NDArray[np.float64]:
        """(m, 3) unit normals."""
        return np.asarray(normals(self.points, self.faces), np.float64)

    @cached_property
    def size(self) -> float:
        """Diagonal."""
        return diagonal(self.points)

    @cached_property
    def rays(self) -> Rays:
        """Rays against all triangles."""
        return Rays(self.points, self.faces)

    def remove(self, subject: Subject, gone: NDArray) -> int:
        """Remove the faces all of whose triangles are in the mask `gone`, (m,); returns how many went."""
        removed = 0
        for number, part in enumerate(self.parts):
            mine = self.triangle[(self.part == number) & gone]
            if len(mine) == 0:
                continue
            left = np.ones(len(part.mesh.triangles), bool)
            left[mine] = False
            stays = np.bincount(part.mesh.triangle_face[left], minlength=len(part.mesh.counts))
            removed += remove_faces(subject, part, stays == 0)
        return removed
