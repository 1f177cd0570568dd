# SPDX-License-Identifier: Apache-2.0
"""What is inspected: the parts of an asset as triangles in world space, with the scene they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.once import once
from pipeline.mesh.topology import Topology

if TYPE_CHECKING:
    from pipeline.checks.company import Companions
    from pipeline.usd.scene.model import Material, Mesh, Node, Scene

#: coordinates beyond this (metres) are no geometry: squares of float32 areas would overflow
HUGE = 1e9


@dataclass(frozen=True)
class UVs:
    """One UV set over the triangles of a part.

    Attributes
    ----------
    values : (k, 2) float32
    triangles : (t, 3) int32
        Indices into `values`.
    """

    name: str
    values: NDArray[np.float32]
    triangles: NDArray[np.int32]


@dataclass(frozen=True)
class RawFaults:
    """What the scene's reader leaves out because nothing can be done with it."""

    bad_points: int = 0
    bad_faces: int = 0
    bad_uvs: int = 0


class Shape:
    """The geometry of one mesh, shared by all its instances.

    Parameters
    ----------
    mesh
        Polygons of the flattened scene, in their own space, metres.
    """

    #: the small geometries that its arrays are computed with, and its place among them
    company: Companions | None = None
    number: int = 0

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh

    @once
    def points(self) -> NDArray[np.float32]:
        """(n, 3) positions in the mesh's own space."""
        return self.company.points[self.number] if self.company else self.sound_points()

    def sound_points(self) -> NDArray[np.float32]:
        """(n, 3) positions, all of them numbers."""
        points = np.ascontiguousarray(self.mesh.points, np.float32)
        sound = np.logical_and.reduce(np.isfinite(points), axis=1)
        if sound.all():
            return points
        # no face names a point that is no number (the reader took those out): it lies where another one does
        return np.where(sound[:, None], points, points[sound][0] if sound.any() else np.float32(0))

    @once
    def triangles(self) -> NDArray[np.int32]:
        """(t, 3) triangles, indices into `points`."""
        if self.company:
            return self.company.triangles[self.number]
        return np.ascontiguousarray(self.mesh.triangle_vertices, np.int32)

    @once
    def usable(self) -> bool:
        """Whether all coordinates are numbers that areas can be computed of."""
        return self.company.usable[self.number] if self.company else self.measurable()

    def measurable(self) -> bool:
        """Whether no coordinate lies too far out to be squared."""
        return bool(len(self.points) == 0 or np.abs(self.points).max() < HUGE)

    @once
    def topology(self) -> Topology:
        """Edges, shells and borders."""
        if self.company:
            return self.company.topologies[self.number]
        return Topology(self.points, self.triangles)

    @once
    def uvs(self) -> tuple[UVs, ...]:
        """UV sets, the one that renderers take first in front."""
        sets = []
        corners = self.mesh.triangles
        for primvar in self.mesh.uvs:
            values = np.ascontiguousarray(primvar.values[:, :2], np.float32)
            if len(values):
                sets.append(UVs(primvar.name, values, primvar.at_corners(self.mesh)[corners]))
        return tuple(sets)

    @once
    def slot(self) -> NDArray[np.int32]:
        """(t,) the material slot of each triangle."""
        if self.mesh.face_slots is None:
            return np.zeros(len(self.triangles), np.int32)
        return np.ascontiguousarray(self.mesh.face_slots[self.mesh.triangle_faces], np.int32)


@dataclass(frozen=True)
class Part:
    """One mesh as it stands in the world.

    Attributes
    ----------
    number
        Its place in `Subject.parts`.
    prim
        Prim path.
    shape
        Its geometry, shared with its instances.
    matrix : (4, 4) float64, optional
        Row-vector transform to the world around the subject's `origin`; None for the identity.
    materials
        Number of the material of each slot, -1 for none.
    first
        Whether no earlier part has the same shape; topology is judged once a shape.
    """

    number: int
    prim: str
    shape: Shape
    matrix: NDArray[np.float64] | None
    materials: tuple[int, ...]
    node: Node
    first: bool = True

    @once
    def points(self) -> NDArray[np.float32]:
        """(n, 3) positions in the world around the subject's `origin`, metres, Y up."""
        local = self.shape.points
        if self.matrix is None:
            return local
        world = local.astype(np.float64) @ self.matrix[:3, :3] + self.matrix[3, :3]
        result: NDArray[np.float32] = world.astype(np.float32)
        return result

    @property
    def box(self) -> tuple[NDArray, NDArray]:
        """Lowest and highest corner of a part that has points, as `points`."""
        companions = self.shape.company
        if companions is None or not self._upright:
            return self.points.min(axis=0), self.points.max(axis=0)
        low, high = (side[self.shape.number].astype(np.float64) for side in companions.boxes)
        if self.matrix is None:
            return low, high
        scale, place = self.matrix.diagonal()[:3], self.matrix[3, :3]
        one, two = low * scale + place, high * scale + place
        return np.minimum(one, two), np.maximum(one, two)

    @property
    def _upright(self) -> bool:
        """Whether the transform keeps axes, so that a box stays one."""
        if self.matrix is None:
            return True
        return int(np.count_nonzero(self.matrix[:3, :3])) == int(np.count_nonzero(self.matrix.diagonal()[:3]))

    @property
    def mirrored(self) -> bool:
        """Whether the transform turns right hands into left ones."""
        return self.matrix is not None and bool(np.linalg.det(self.matrix[:3, :3]) < 0)

    @once
    def triangles(self) -> NDArray[np.int32]:
        """(t, 3) triangles, counter-clockwise seen from outside in the world."""
        own = self.shape.triangles
        return np.ascontiguousarray(own[:, ::-1]) if self.mirrored else own

    @once
    def material(self) -> NDArray[np.int32]:
        """(t,) number of each triangle's material, -1 for none."""
        table = np.array(self.materials or (-1,), np.int32)
        slot = self.shape.slot
        return table[np.minimum(slot, len(table) - 1)]


@dataclass(frozen=True)
class Subject:
    """An asset to be judged.

    Attributes
    ----------
    path
        The file, or the stage's identifier.
    prim
        The prim that is judged: the default prim, or the one asked for.
    scene
        The flattened scene.
    parts
        Its meshes in the world: what ships (render and default purpose, finest level of detail).
    faults
        By prim path: what the scene's reader left out.
    file
        The file that would be delivered, where there is one; its size counts.
    stage
        The stage, for the rules that read USD itself.
    native
        The stage is what would ship, and not a conversion of ours.
    asked
        Somebody asked for `prim`; the rest of the stage is no concern.
    origin : (3,) float64
        Where parts are measured from, metres, Y up: not zero where the asset stands so far out that single precision
        has too few digits left for its shape.
    """

    path: str
    prim: str
    scene: Scene
    parts: tuple[Part, ...]
    faults: Mapping[str, RawFaults] = field(default_factory=dict)
    file: Path | None = None
    stage: Any = None
    native: bool = False
    asked: bool = False
    origin: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    @property
    def materials(self) -> tuple[Material, ...]:
        """The scene's materials."""
        return self.scene.materials

    @once
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Lowest and highest corner in metres, Y up; None without points."""
        boxes = [self._box(p) for p in self.parts if len(p.shape.mesh.points)]
        if not boxes:
            return None
        low = np.min([b[0] for b in boxes], axis=0).astype(np.float64)
        high = np.max([b[1] for b in boxes], axis=0).astype(np.float64)
        return low + self.origin, high + self.origin

    def _box(self, part: Part) -> tuple[NDArray, NDArray]:
        """Lowest and highest corner of a part; of a skinned one where its skeleton has it stand."""
        from pipeline.usd.scene.posing import standing_points

        stood = standing_points(self.scene, part.node) if part.shape.mesh.skin is not None else None
        if stood is None or not np.isfinite(stood).all():
            return part.box
        return stood.min(axis=0) - self.origin, stood.max(axis=0) - self.origin
