# SPDX-License-Identifier: Apache-2.0
"""Ray casts against the meshes of a scene, for ground and surface snapping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdGeom

from pipeline.scenes.bounds import to_metres
from pipeline.usd.scene.implicit import SHAPES, read_implicit
from pipeline.usd.scene.space import Space

__all__ = ["cast", "heights_below", "prim_triangles", "scene_triangles"]


def scene_triangles(stage: Usd.Stage, without: Usd.Prim | None = None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All visible mesh triangles of a stage outside one subtree: points (n, 3) in metres Y up, faces (m, 3).

    Faces are fanned, which is exact enough to stand on; instances are expanded.
    """
    return _triangles(stage.GetPseudoRoot(), without)


def prim_triangles(prim: Usd.Prim) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The same of one subtree."""
    return _triangles(prim, None)


def _triangles(root: Usd.Prim, without: Usd.Prim | None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    points: list[NDArray[np.float64]] = []
    faces: list[NDArray[np.int64]] = []
    cache = UsdGeom.XformCache()
    metres = to_metres(root.GetStage())
    count = 0
    walk = iter(Usd.PrimRange(root, Usd.TraverseInstanceProxies()))
    for prim in walk:
        if without and prim.GetPath() == without.GetPath():
            walk.PruneChildren()
            continue
        if prim.IsA(UsdGeom.PointInstancer):
            walk.PruneChildren()  # what is scattered is not stood on, and prototypes are nowhere by themselves
            continue
        if not prim.IsA(UsdGeom.Gprim):
            continue
        shown = UsdGeom.Imageable(prim)
        if shown.ComputeVisibility() == UsdGeom.Tokens.invisible or shown.ComputePurpose() not in ("default", "render"):
            continue
        local, sizes, corners = _polygons(prim)
        if not len(corners):
            continue
        matrix = np.array(cache.GetLocalToWorldTransform(prim)) @ metres
        points.append(local @ matrix[:3, :3] + matrix[3, :3])
        fan = _fan(sizes, corners)
        turned = UsdGeom.Gprim(prim).GetOrientationAttr().Get() == UsdGeom.Tokens.leftHanded
        if turned != (np.linalg.det(matrix[:3, :3]) < 0):
            fan = fan[:, ::-1]  # so that normals point outwards
        faces.append(fan + count)
        count += len(local)
    if not points:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    return np.concatenate(points), np.concatenate(faces)


def _polygons(prim: Usd.Prim) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Points, corners of each face and their points in the prim's own space; nothing where they do not fit."""
    nothing = np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros(0, np.int64)
    if prim.GetTypeName() in SHAPES:
        body = read_implicit(prim, Usd.TimeCode.Default(), Space(), {})
        if body is None:
            return nothing
        return body.points.astype(np.float64), body.face_counts.astype(np.int64), body.face_vertices.astype(np.int64)
    if not prim.IsA(UsdGeom.Mesh):
        return nothing
    mesh = UsdGeom.Mesh(prim)
    points = np.asarray(mesh.GetPointsAttr().Get() or np.zeros((0, 3)), float)
    sizes = np.asarray(mesh.GetFaceVertexCountsAttr().Get() or [], np.int64)
    corners = np.asarray(mesh.GetFaceVertexIndicesAttr().Get() or [], np.int64)
    sound = len(points) and len(corners) and sizes.min() >= 0 and sizes.sum() == len(corners)
    if not sound or corners.min() < 0 or corners.max() >= len(points) or not np.isfinite(points).all():
        return nothing
    return points, sizes, corners


def heights_below(prim: Usd.Prim, xz: NDArray[np.float64], top: float) -> NDArray[np.float64]:
    """Heights (metres) where vertical rays from `top` first meet the scene without `prim`; misses left out.

    Parameters
    ----------
    xz
        (n, 2) places in metres.
    """
    origins = np.column_stack([xz[:, 0], np.full(len(xz), top), xz[:, 1]])
    distance, _ = cast(*scene_triangles(prim.GetStage(), without=prim), origins, np.array([0.0, -1.0, 0.0]))
    result: NDArray[np.float64] = top - distance[np.isfinite(distance)]
    return result


def cast(
    points: NDArray[np.float64], faces: NDArray[np.int64], origins: NDArray[np.float64], way: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where rays first meet triangles.

    Parameters
    ----------
    points, faces
        (n, 3) metres and (m, 3).
    origins
        (k, 3) metres.
    way
        (3,) or (k, 3) unit vectors.

    Returns
    -------
    Distances (k,) in metres, infinite where a ray meets nothing, and unit normals (k, 3) of what was met, zero there.
    """
    count = len(origins)
    normals = np.zeros((count, 3))
    if not len(faces) or not count:
        return np.full(count, np.inf), normals
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, points.astype(np.float32), faces.astype(np.int32))
    directions = np.broadcast_to(way, (count, 3)).astype(np.float32)
    found = scene.run(origins.astype(np.float32), directions, output=True)
    face = np.asarray(found["primID"], np.int64)
    distance = np.where(face >= 0, np.asarray(found["tfar"], np.float64), np.inf)
    met = points[faces[face[face >= 0]]]
    cross = np.cross(met[:, 1] - met[:, 0], met[:, 2] - met[:, 0])
    normals[face >= 0] = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30)
    return distance, normals


def _fan(sizes: NDArray[np.int64], corners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles (m, 3) of polygons given by their sizes and corner indices."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    triangles = np.maximum(sizes - 2, 0)
    first = np.repeat(starts, triangles)
    inner = np.arange(triangles.sum()) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return np.column_stack([corners[first], corners[first + inner + 1], corners[first + inner + 2]])
