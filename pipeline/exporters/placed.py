# SPDX-License-Identifier: Apache-2.0
"""Meshes where they stand in the world, for formats that have neither nodes nor instances nor motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.usd.scene import Draw, Mesh, Scene, draws, posed_points
from pipeline.usd.scene.report import Report

__all__ = ["Placed", "face_normals", "placed_meshes", "report_still"]

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

#: Y up to Z up, row vectors: (x, y, z) becomes (x, -z, y)
Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


@dataclass(frozen=True, eq=False)
class Placed:
    """One mesh in one place.

    Attributes
    ----------
    points
        `(n, 3)` in the file's unit and axes.
    counts, vertices
        Polygons, turned where the transform mirrors.
    uv, uv_indices
        First UV set and the index of each corner.
    normals, normal_indices
        Unit length, and the index of each corner.
    colors
        `(n, 3)` linear displayColor of the points, None without.
    """

    name: str
    path: str
    mesh: Mesh
    materials: tuple[int, ...]
    points: Floats
    counts: Ints
    vertices: Ints
    uv: Floats | None
    uv_indices: Ints
    normals: Floats | None
    normal_indices: Ints
    colors: Floats | None = None


def placed_meshes(
    scene: Scene, report: Report, form: str, *, scale: float = 1.0, z_up: bool = False, detail: bool = True
) -> Iterator[Placed]:
    """Every drawn mesh, instances multiplied out.

    Parameters
    ----------
    form
        The format's name, for the report.
    scale
        Units of the file in a metre.
    z_up
        Turn from Y-up to Z-up.
    detail
        Also UVs, normals and colours.
    """
    shared: dict[int, _Shared] = {}
    for draw in draws(scene):
        mesh = scene.meshes[draw.mesh]
        if not len(mesh.points) or not len(mesh.face_counts):
            report.lose(draw.node.path, "mesh", "it has no faces")
            continue
        if mesh.track is not None:
            report.lose(draw.node.path, "point animation", f"{form} stands still, as at the time that was read")
        if mesh.subdivision != "none":
            report.lose(draw.node.path, f"{mesh.subdivision} subdivision", "the mesh is written as polygons")
        posed = posed_points(scene, draw.node, draw.number)
        known = shared.get(draw.mesh)
        if known is None or posed is not None:
            known = _Shared(mesh, report, form, detail=detail, posed=posed)
            if posed is None:
                shared[draw.mesh] = known
        yield from _places(draw, known, posed, scale, z_up)


class _Shared:
    """What all places of a mesh have in common."""

    def __init__(self, mesh: Mesh, report: Report, form: str, *, detail: bool, posed: Floats | None) -> None:
        self.mesh = mesh
        self.points = (mesh.points if posed is None else posed).astype(np.float64)
        self.normals: Floats | None = None
        self.normal_indices: Ints = np.zeros(0, np.int32)
        self.uv: Floats | None = None
        self.uv_indices: Ints = np.zeros(0, np.int32)
        self.colors: Floats | None = None
        #: the colour of the whole mesh, which shows where it has no material
        self.one_color: Floats | None = None
        if not detail or mesh.kind != "polygons":
            return
        self._normals(mesh, posed)
        if mesh.uvs:
            self.uv, self.uv_indices = mesh.uvs[0].values[:, :2], mesh.uvs[0].at_corners(mesh)
            for other in mesh.uvs[1:]:
                report.lose(mesh.path, f"UV set {other.name}", f"{form} has one UV set")
        self._colors(mesh, report, form)
        if mesh.opacity is not None and not bool((mesh.opacity.values == 1).all()):
            report.lose(mesh.path, "displayOpacity", f"{form} has no opacity on vertices")

    def _normals(self, mesh: Mesh, posed: Floats | None) -> None:
        if posed is None and mesh.normals is not None:
            self.normals, self.normal_indices = mesh.normals.values, mesh.normals.at_corners(mesh)
        elif mesh.faceted and mesh.normals is None:
            self.normals = face_normals(self.points, mesh.face_counts, mesh.face_vertices)
            self.normal_indices = np.repeat(np.arange(len(mesh.face_counts)), mesh.face_counts)
        else:
            from pipeline.usd.scene.normals import smooth_normals

            self.normals = smooth_normals(self.points.astype(np.float32), mesh.triangle_vertices)
            self.normal_indices = mesh.face_vertices

    def _colors(self, mesh: Mesh, report: Report, form: str) -> None:
        color = mesh.color
        if color is None:
            return
        if color.interpolation == "constant":
            self.one_color = color.values[0, :3]
            return
        if color.interpolation == "vertex":
            self.colors = color.values if color.indices is None else color.values[color.indices]
        else:
            report.lose(mesh.path, "displayColor", f"{form} has colours on points, not on faces or corners")


def _places(draw: Draw, shared: _Shared, posed: Floats | None, scale: float, z_up: bool) -> Iterator[Placed]:
    mesh = shared.mesh
    many = len(draw.matrices) > 1
    turned: tuple[Ints, Ints, Ints] | None = None
    colors = shared.colors
    if shared.one_color is not None and all(m < 0 for m in draw.materials):
        colors = np.broadcast_to(shared.one_color, (len(shared.points), 3))
    for number, matrix in enumerate(draw.matrices):
        linear = np.eye(3) if posed is not None else matrix[:3, :3]
        move = np.zeros(3) if posed is not None else matrix[3, :3]
        normals = shared.normals
        plain = posed is not None or np.array_equal(linear, np.eye(3))
        if normals is not None and not plain:
            normals = _normals(normals, linear)
        if z_up:
            linear, move = linear @ Z_UP, move @ Z_UP
            normals = None if normals is None else normals @ Z_UP
        points = shared.points @ (linear * scale) + move * scale
        vertices: Ints = mesh.face_vertices
        uv_indices, normal_indices = shared.uv_indices, shared.normal_indices
        if np.linalg.det(linear) < 0 and mesh.kind == "polygons":
            if turned is None:
                order = _reversed(mesh.face_counts)
                turned = (
                    vertices[order],
                    uv_indices[order] if len(uv_indices) else uv_indices,
                    normal_indices[order] if len(normal_indices) else normal_indices,
                )
            vertices, uv_indices, normal_indices = turned
        yield Placed(
            f"{draw.node.name}_{number}" if many else draw.node.name,
            draw.node.path,
            mesh,
            draw.materials,
            points,
            mesh.face_counts,
            vertices,
            shared.uv,
            uv_indices,
            normals,
            normal_indices,
            colors,
        )


def _normals(normals: Floats, linear: Floats) -> Floats:
    """Normals under a transform: by the cofactor matrix, which exists also where the inverse does not."""
    a, b, c = linear
    cofactors = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
    if np.linalg.det(linear) < 0:
        cofactors = -cofactors
    moved = normals @ cofactors
    length = np.sqrt((moved * moved).sum(-1, keepdims=True))
    return np.asarray(moved / np.where(length > 0, length, 1.0))


def _reversed(counts: Ints) -> Ints:
    """Corner numbers with those of every face in reverse order."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(ends, counts) - 1 - (np.arange(total) - np.repeat(ends - counts, counts))


def face_normals(points: Floats, counts: Ints, vertices: Ints) -> NDArray[np.float32]:
    """The normal of each polygon, `(f, 3) float32`, by Newell's sum over its edges; +Y where it has no area."""
    p = points[vertices].astype(np.float64)
    ends = np.cumsum(counts)
    following = np.arange(1, len(vertices) + 1)
    following[ends - 1] = ends - counts
    n = np.add.reduceat(np.cross(p, p[following]), ends - counts, axis=0)
    length = np.sqrt((n * n).sum(-1, keepdims=True))
    return np.where(length > 0, n / np.where(length > 0, length, 1), [0.0, 1.0, 0.0]).astype(np.float32)


def report_still(scene: Scene, report: Report, form: str) -> None:
    """Report what a format of still polygons has no place for."""
    for clip in scene.clips:
        report.lose(scene.source, f"animation {clip.name}", f"{form} stands still")
    for node in scene.nodes:
        if node.camera is not None:
            report.lose(node.path, "camera", f"{form} has no cameras")
        if node.light is not None:
            report.lose(node.path, "light", f"{form} has no lights")
        if node.skeleton is not None:
            report.lose(node.path, "skeleton", f"{form} has none; the meshes are written posed")
        if node.mesh is not None and scene.meshes[node.mesh].blend_shapes:
            report.lose(node.path, "blend shapes", f"{form} has none; the mesh is written as shaped")
