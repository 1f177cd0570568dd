# SPDX-License-Identifier: Apache-2.0
"""Shading normals, by corner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.faces import normals as face_normals
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.shells import components

__all__ = ["CREASE", "corner_normals", "with_normals"]

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
