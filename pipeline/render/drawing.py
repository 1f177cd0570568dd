# SPDX-License-Identifier: Apache-2.0
"""The flattened scene as triangles with surfaces and lamps: what every renderer of our own is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.render.lamps import Lamp, read_lamps
from pipeline.render.standins import frame, solid
from pipeline.render.surfaces import DEFAULT, Surface, read_surface
from pipeline.render.textures import TextureReader
from pipeline.usd.scene import Mesh, Scene, draws, posed_points
from pipeline.usd.scene.normals import smooth_normals

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Shape:
    """Triangles of one surface, drawn at one or many places.

    Attributes
    ----------
    path
        The prim that is drawn.
    points, normals
        ``(v, 3) float32``; normals None where the faces are flat.
    triangles
        ``(t, 3) int32`` into the points.
    uvs
        ``(v, 2) float32`` by primvar.
    colour, opacity
        ``(v, 3)`` and ``(v, 1)`` displayColor and displayOpacity, None where there are none.
    surface
        Number into `Drawing.surfaces`.
    matrices
        ``(k, 4, 4) float64`` to the world, row vectors.
    instancer
        The PointInstancer that repeats it, empty where there is none.
    """

    path: str
    points: Array
    normals: Array | None
    triangles: Array
    uvs: dict[str, Array]
    colour: Array | None
    opacity: Array | None
    surface: int
    matrices: Array
    double_sided: bool
    instancer: str = ""


@dataclass(frozen=True, eq=False)
class Drawing:
    """All that is drawn.

    Attributes
    ----------
    bounds
        ``(2, 3)`` metres, of the shapes.
    """

    shapes: tuple[Shape, ...]
    surfaces: tuple[Surface, ...]
    lamps: tuple[Lamp, ...]
    bounds: Array
    notes: tuple[tuple[str, str, str], ...] = field(default=())

    @property
    def triangle_count(self) -> int:
        """Triangles with all their instances."""
        return sum(len(s.triangles) * len(s.matrices) for s in self.shapes)

    def outline(self, limit: int = 20_000) -> Array:
        """World points ``(n, 3)`` that stand for the extent of everything: vertices, or boxes of instances."""
        parts = []
        for shape in self.shapes:
            if len(shape.matrices) > 1 or len(shape.points) > limit:
                local = _box(shape.points)
            else:
                local = shape.points[np.unique(shape.triangles)]
            world = np.einsum("pi,kij->kpj", local, shape.matrices[:, :3, :3]) + shape.matrices[:, None, 3, :3]
            parts.append(world.reshape(-1, 3))
        return np.concatenate(parts) if parts else _box(self.bounds)


def read_drawing(
    scene: Scene, prims: Sequence[str] = (), texture_limit: int = 1024, boxes: Sequence[tuple[str, Array]] = ()
) -> Drawing:
    """Everything visible of a scene (or what lies beneath some prims) with its surfaces and lamps.

    Parameters
    ----------
    texture_limit
        Pixels along the longer side of a picture.
    boxes
        Corners ``(8, 3)`` of what is only shown by its bounds, by path.
    """
    reader = TextureReader(texture_limit)
    surfaces: list[Surface] = []
    numbers: dict[int, int] = {}
    shapes: list[Shape] = []
    notes = [(loss.prim, loss.what, loss.why) for loss in scene.losses]
    cache: dict[tuple[int, tuple[int, ...]], list[Shape]] = {}
    solids: dict[int, Mesh] = {}

    def surface(material: int) -> int:
        if material not in numbers:
            numbers[material] = len(surfaces)
            surfaces.append(read_surface(scene.materials[material] if material >= 0 else DEFAULT, reader))
        return numbers[material]

    for draw in draws(scene):
        path = draw.instancer or draw.node.path
        if prims and not any(path == p or path.startswith(f"{p.rstrip('/')}/") for p in prims):
            continue
        mesh = scene.meshes[draw.mesh]
        if mesh.kind != "polygons":
            if draw.mesh not in solids:
                solids[draw.mesh], note = solid(mesh)
                notes.append(note)
            mesh = solids[draw.mesh]
        if not len(mesh.triangles):
            continue
        stood = posed_points(scene, draw.node, draw.number)
        key = (draw.mesh, draw.materials)
        if stood is None and key in cache:
            made = cache[key]
        else:
            made = _parts(mesh, stood, [surface(m) for m in draw.materials or (-1,)])
            if stood is None:
                cache[key] = made
        matrices = np.eye(4)[None] if stood is not None else draw.matrices
        shapes += [replace(s, path=draw.node.path, matrices=matrices, instancer=draw.instancer) for s in made]
    for path, corners in boxes:
        if not prims or any(path == p or path.startswith(f"{p.rstrip('/')}/") for p in prims):
            shapes += _parts(frame(path, corners), None, [surface(-1)])
            notes.append((path, "bounds", "its box is drawn in its place"))
    notes += [(path, "texture", why) for path, why in reader.notes]
    lamps, lamp_notes = read_lamps(scene, prims)
    return Drawing(tuple(shapes), tuple(surfaces), lamps, _bounds(shapes), tuple(notes + lamp_notes))


def _parts(mesh: Mesh, stood: Array | None, surfaces: list[int]) -> list[Shape]:
    """A mesh as shapes of one surface each."""
    points = np.asarray(mesh.points if stood is None else stood, np.float32)
    corners = mesh.triangles
    vertices = mesh.face_vertices
    varying = {"faceVarying", "uniform"}
    authored = mesh.normals if stood is None else None
    by_corner = any(uv.interpolation in varying for uv in mesh.uvs)
    by_corner |= authored is not None and authored.interpolation in varying
    by_corner |= any(p is not None and p.interpolation in varying for p in (mesh.color, mesh.opacity))
    source = np.arange(len(vertices), dtype=np.int32) if by_corner else None

    normals: Array | None = None
    if authored is not None:
        normals = authored.flat(mesh) if by_corner else _by_point(authored, mesh)
    elif not mesh.faceted or mesh.normals is not None:
        smooth = mesh.smooth_normals if stood is None else smooth_normals(points, vertices[corners])
        normals = smooth[vertices] if by_corner else smooth
    uvs = {uv.name: (uv.flat(mesh) if by_corner else _by_point(uv, mesh))[:, :2] for uv in mesh.uvs}
    tint = None if mesh.color is None else mesh.color.flat(mesh) if by_corner else _by_point(mesh.color, mesh)
    clear = None if mesh.opacity is None else mesh.opacity.flat(mesh) if by_corner else _by_point(mesh.opacity, mesh)
    positions = points[vertices] if by_corner else points
    triangles = corners if source is not None else vertices[corners]
    groups: list[tuple[int, Array]] = []
    if mesh.face_slots is None or len(set(surfaces)) == 1:
        groups.append((surfaces[0], triangles))
    else:
        lookup = np.asarray(surfaces, np.int32)
        which = lookup[np.minimum(mesh.face_slots[mesh.triangle_faces], len(surfaces) - 1)]
        groups = [(int(n), triangles[which == n]) for n in np.unique(which)]
    out = []
    for number, part in groups:
        if len(groups) > 1:
            used, inverse = np.unique(part, return_inverse=True)
            part = inverse.reshape(-1, 3)  # noqa: PLW2901
        else:
            used = np.arange(len(positions))
        out.append(
            Shape(
                path=mesh.path,
                points=np.ascontiguousarray(positions[used], np.float32),
                normals=None if normals is None else np.ascontiguousarray(normals[used], np.float32),
                triangles=np.ascontiguousarray(part, np.int32),
                uvs={name: np.ascontiguousarray(values[used], np.float32) for name, values in uvs.items()},
                colour=None if tint is None else np.ascontiguousarray(tint[used], np.float32),
                opacity=None if clear is None else np.ascontiguousarray(clear[used], np.float32),
                surface=number,
                matrices=np.eye(4)[None],
                double_sided=mesh.double_sided,
            )
        )
    return out


def _by_point(primvar: Any, mesh: Mesh) -> Array:
    """A constant or vertex primvar, one row for each point."""
    if primvar.interpolation == "constant":
        row = primvar.values[:1] if primvar.indices is None else primvar.values[primvar.indices[:1]]
        return np.repeat(row, len(mesh.points), axis=0)
    return np.asarray(primvar.values if primvar.indices is None else primvar.values[primvar.indices])


def _bounds(shapes: Sequence[Shape]) -> Array:
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for shape in shapes:
        used = shape.points[np.unique(shape.triangles)] if len(shape.points) < 4096 else shape.points
        if len(shape.matrices) > 1:
            used = _box(used)
            world = np.einsum("pi,kij->kpj", used, shape.matrices[:, :3, :3]) + shape.matrices[:, None, 3, :3]
            world = world.reshape(-1, 3)
        else:
            world = used @ shape.matrices[0, :3, :3] + shape.matrices[0, 3, :3]
        low, high = np.minimum(low, world.min(0)), np.maximum(high, world.max(0))
    return np.stack([low, high]) if np.isfinite(low).all() else np.array([[-0.5] * 3, [0.5] * 3])


def _box(points: Array) -> Array:
    """The eight corners around points."""
    low, high = points.min(0), points.max(0)
    return np.array([np.where([i & 1, i >> 1 & 1, i >> 2 & 1], high, low) for i in range(8)])
