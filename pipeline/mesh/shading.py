# SPDX-License-Identifier: Apache-2.0
"""Shading normals and tangents, by corner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import normals as face_normals
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.shells import components

__all__ = ["CREASE", "corner_normals", "tangents", "with_normals"]

#: degrees between two faces from which their edge is hard
CREASE = 60.0


def corner_normals(mesh: PolygonMesh, crease: float = CREASE) -> NDArray[np.float64]:
    """(t, 3, 3) unit normals at the corners of a mesh's triangles.

    Faces around a vertex are averaged, weighted by their angle there, as far as edges softer than `crease`
    connect them (degrees); positions count, UV seams do not.
    """
    topology = mesh.topology
    faces = topology.welded
    points = np.asarray(topology.vertices, np.float64)
    flat = face_normals(points, faces)
    edges = topology.edges
    a, b = edges.paired[~edges.conflicting].T
    live = topology.live
    soft = np.einsum("ij,ij->i", flat[live[a // 3]], flat[live[b // 3]]) >= np.cos(np.radians(crease)) - 1e-9
    a, b = a[soft], b[soft]
    # the start of one half-edge is where its twin ends
    joins = np.concatenate([np.stack([a, _next(b)], 1), np.stack([_next(a), b], 1)])
    corner = live[joins // 3] * 3 + joins % 3
    group, count = components(corner, 3 * len(faces))
    weight = _angles(points, faces).reshape(-1)
    total = np.stack([np.bincount(group, weight * np.repeat(flat[:, k], 3), minlength=count) for k in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    unit = total / np.where(length > 1e-12, length, 1)
    result = unit[group].reshape(-1, 3, 3)
    lost = np.repeat((length[group] <= 1e-12).reshape(-1, 3)[:, :, None], 3, axis=2)
    return np.where(lost, np.repeat(flat[:, None], 3, axis=1), result)


def with_normals(mesh: PolygonMesh, crease: float = CREASE) -> PolygonMesh:
    """The triangle mesh with new authored normals, by corner and indexed."""
    values = corner_normals(mesh, crease)
    if mesh.left_handed:
        values = values[:, ::-1]
    flat = values.reshape(-1, 3).astype(np.float32)
    unique, rows = np.unique(flat, axis=0, return_inverse=True)
    primvar = Primvar(unique, rows.astype(np.int32).reshape(-1), "faceVarying", "normal3f[]")
    return replace(mesh, primvars={**mesh.primvars, "normals": primvar})


def tangents(
    points: NDArray, faces: NDArray, uv: NDArray, uv_corners: NDArray, normals: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tangents and signs at the corners of triangles, smooth over each UV vertex and side.

    Parameters
    ----------
    points : (n, 3) float, faces : (t, 3) int
    uv : (k, 2) float, uv_corners : (t, 3) int
    normals : (t, 3, 3) float
        Unit, at corners.

    Returns
    -------
    tangents : (t, 3, 3) float64
        Unit, orthogonal to the normals, along increasing u.
    sign : (t,) float64
        1, or -1 where the layout is mirrored: bitangent = sign * cross(normal, tangent).
    """
    p, q, r = (np.asarray(points[faces[:, i]], np.float64) for i in range(3))
    s, t, o = (np.asarray(uv[uv_corners[:, i]], np.float64) for i in range(3))
    first, second = t - s, o - s
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    along = (q - p) * second[:, 1:] - (r - p) * first[:, 1:]
    along *= np.where(area < 0, -1.0, 1.0)[:, None]
    sign = np.where(area < 0, -1.0, 1.0)
    weight = _angles(np.asarray(points, np.float64), faces)
    length = np.linalg.norm(along, axis=1, keepdims=True)
    unit = along / np.where(length > 0, length, 1)
    key = (uv_corners.astype(np.int64) * 2 + (sign[:, None] > 0)).reshape(-1)
    _, group = np.unique(np.stack([key, faces.reshape(-1)], 1), axis=0, return_inverse=True)
    group = group.reshape(-1)
    total = np.stack([np.bincount(group, (weight * unit[:, k : k + 1]).reshape(-1)) for k in range(3)], axis=1)
    smooth = total[group].reshape(-1, 3, 3)
    smooth -= np.einsum("tck,tck->tc", smooth, normals)[:, :, None] * normals
    size = np.linalg.norm(smooth, axis=2, keepdims=True)
    spare = np.cross(normals, np.where(np.abs(normals[:, :, :1]) < 0.9, [1.0, 0, 0], [0, 1.0, 0]))
    spare /= np.maximum(np.linalg.norm(spare, axis=2, keepdims=True), 1e-12)
    return np.where(size > 1e-9, smooth / np.where(size > 1e-9, size, 1), spare), sign


def _next(half: NDArray) -> NDArray:
    return np.asarray(half - half % 3 + (half + 1) % 3)


def _angles(points: NDArray, faces: NDArray) -> NDArray[np.float64]:
    """(t, 3) angle of each corner, radians."""
    result = np.zeros(faces.shape)
    for corner in range(3):
        here = points[faces[:, corner]]
        u = points[faces[:, (corner + 1) % 3]] - here
        v = points[faces[:, (corner + 2) % 3]] - here
        sine = np.linalg.norm(np.cross(u, v), axis=1)
        result[:, corner] = np.arctan2(sine, np.einsum("ij,ij->i", u, v))
    return result
