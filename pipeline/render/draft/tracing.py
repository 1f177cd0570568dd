# SPDX-License-Identifier: Apache-2.0
"""All triangles in the world inside of Embree, and what a ray finds there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from pipeline.render.coarseness import within_budget
from pipeline.render.drawing import Drawing, Shape
from pipeline.render.lamps import Array
from pipeline.render.setting import Floor


@dataclass(frozen=True, eq=False)
class Hits:
    """What rays found.

    Attributes
    ----------
    found
        ``(n,) bool``.
    triangle
        ``(n,) int32``, meaningless where nothing was found.
    u, v
        ``(n,)`` weights of the triangle's second and third corner.
    distance
        ``(n,)`` along the ray.
    """

    found: Array
    triangle: Array
    u: Array
    v: Array
    distance: Array


class World:
    """Triangles with their attributes, one row a triangle or vertex, and two acceleration structures.

    Attributes
    ----------
    surface, shape
        ``(t,) int32``: surface and shape of each triangle; the floor has surface ``floor_surface``.
    """

    def __init__(self, drawing: Drawing, floor: Floor | None, pixel: float = 0.0) -> None:
        shapes, self.coarser = within_budget(drawing, pixel)
        points, normals, triangles, surface, shape = [], [], [], [], []
        names = sorted({name for s in drawing.shapes for name in s.uvs})
        uvs: dict[str, list[Array]] = {name: [] for name in names}
        tints: list[Array] = []
        clears: list[Array] = []
        faceted: list[Array] = []
        sided: list[Array] = []
        count = 0
        for number, own in enumerate(shapes):
            places, v = len(own.matrices), len(own.points)
            linear = own.matrices[:, :3, :3].astype(np.float32)
            points.append((np.einsum("vi,kij->kvj", own.points, linear) + own.matrices[:, None, 3, :3]).reshape(-1, 3))
            if own.normals is None:
                normals.append(np.zeros((places * v, 3), np.float32))
            else:
                turn = np.linalg.pinv(own.matrices[:, :3, :3]).transpose(0, 2, 1).astype(np.float32)
                normals.append(np.einsum("vi,kij->kvj", own.normals, turn).reshape(-1, 3))
            mirrored = np.linalg.det(linear) < 0
            order = np.where(mirrored[:, None], [0, 2, 1], [0, 1, 2])
            faces = own.triangles[:, order].transpose(1, 0, 2) + (np.arange(places) * v)[:, None, None] + count
            triangles.append(faces.reshape(-1, 3).astype(np.int32))
            total = places * len(own.triangles)
            surface.append(np.full(total, own.surface, np.int32))
            shape.append(np.full(total, number, np.int32))
            faceted.append(np.full(total, own.normals is None))
            sided.append(np.full(total, own.double_sided))
            for name in names:
                uvs[name].append(np.tile(own.uvs.get(name, _first(own, v)), (places, 1)))
            tints.append(np.tile(_or(own.colour, v, 3, np.nan), (places, 1)))
            clears.append(np.tile(_or(own.opacity, v, 1, 1.0), (places, 1)))
            count += places * v
        self.floor_surface = len(drawing.surfaces)
        if floor is not None:
            reach = floor.outer * 1.5
            square = np.array([[-1, 0, -1], [-1, 0, 1], [1, 0, 1], [1, 0, -1]]) * reach + floor.centre
            points.append(square.astype(np.float32))
            normals.append(np.zeros((4, 3), np.float32))
            triangles.append(np.array([[0, 1, 2], [0, 2, 3]], np.int32) + count)
            surface.append(np.full(2, self.floor_surface, np.int32))
            shape.append(np.full(2, -1, np.int32))
            faceted.append(np.ones(2, bool))
            sided.append(np.ones(2, bool))
            for name in names:
                uvs[name].append(np.zeros((4, 2), np.float32))
            tints.append(np.full((4, 3), np.nan, np.float32))
            clears.append(np.ones((4, 1), np.float32))
        self.points = _joined(points, (0, 3), np.float32)
        self.normals = _joined(normals, (0, 3), np.float32)
        self.triangles = _joined(triangles, (0, 3), np.int32)
        self.surface = _joined(surface, (0,), np.int32)
        self.shape = _joined(shape, (0,), np.int32)
        self.faceted = _joined(faceted, (0,), bool)
        self.double_sided = _joined(sided, (0,), bool)
        self.uvs = {name: _joined(parts, (0, 2), np.float32) for name, parts in uvs.items()}
        self.tint = _joined(tints, (0, 3), np.float32)
        self.clear = _joined(clears, (0, 1), np.float32)
        reach = float(np.ptp(self.points, axis=0).max()) if len(self.points) else 1.0
        #: metres that a ray starts off the surface, so that it does not find it again
        self.step = np.float32(max(reach, 1e-6) * 2e-5)
        self._all = self._scene(self.triangles)
        clear = np.array([s.see_through and not s.cutout for s in drawing.surfaces] + [False])
        solid = ~clear[self.surface]
        self._solid = self._all if solid.all() else self._scene(self.triangles[solid])
        self._solid_numbers = None if solid.all() else np.flatnonzero(solid)

    def _scene(self, triangles: Array) -> EmbreeScene | None:
        if not len(triangles):
            return None
        scene = EmbreeScene()
        TriangleMesh(scene, np.ascontiguousarray(self.points), np.ascontiguousarray(triangles))
        return scene

    def hits(self, origins: Array, directions: Array, solid: bool = False) -> Hits:
        """The nearest triangle on each ray; with `solid` what light passes through is left out."""
        scene = self._solid if solid else self._all
        count = len(origins)
        if scene is None or not count:
            zero = np.zeros(count, np.float32)
            return Hits(np.zeros(count, bool), np.zeros(count, np.int32), zero, zero, zero)
        found = scene.run(
            np.ascontiguousarray(origins, np.float32), np.ascontiguousarray(directions, np.float32), output=1
        )
        triangle = found["primID"]
        hit = triangle >= 0
        if solid and self._solid_numbers is not None:
            triangle = np.where(hit, self._solid_numbers[np.maximum(triangle, 0)], -1)
        return Hits(hit, np.maximum(triangle, 0).astype(np.int32), found["u"], found["v"], found["tfar"])

    def free(self, origins: Array, directions: Array, distance: Array | None = None) -> Array:
        """``(n,) float32``: 1 where nothing solid stands within the distance (any distance without one)."""
        if self._solid is None or not len(origins):
            return np.ones(len(origins), np.float32)
        if distance is None or bool((distance > 1e19).all()):
            blocked = self._solid.run(
                np.ascontiguousarray(origins, np.float32),
                np.ascontiguousarray(directions, np.float32),
                query="OCCLUDED",
            )
            return np.asarray(blocked != 0, np.float32)
        found = self.hits(origins, directions, solid=True)
        return np.asarray(~(found.found & (found.distance < distance * 0.999)), np.float32)


def _joined(parts: Sequence[Array], empty: tuple[int, ...], kind: type) -> Array:
    return np.ascontiguousarray(np.concatenate(parts), kind) if parts else np.zeros(empty, kind)


def _first(shape: Shape, count: int) -> Array:
    """The first UV set of a shape, where the one asked for is missing."""
    return next(iter(shape.uvs.values()), np.zeros((count, 2), np.float32))


def _or(values: Array | None, count: int, channels: int, otherwise: float) -> Array:
    return np.full((count, channels), otherwise, np.float32) if values is None else values
