# SPDX-License-Identifier: Apache-2.0
"""Overlapping pieces united in one closed shell with one material, texture coordinates kept."""

from __future__ import annotations

import manifold3d
import numpy as np

from pipeline.generators.embedded.model import Mesh, Model, assemble, corner_normals
from pipeline.generators.embedded.pieces import Floats, Ints, Look, Piece
from pipeline.generators.embedded.props.order import Parts
from pipeline.generators.embedded.timber import Hand, bar

NAME = "material_0"


def solid(points: Floats, triangles: Ints, uv: Floats | None = None) -> manifold3d.Manifold:
    """A solid of `manifold3d`; with uv (t, 3, 2) its corners carry them as properties."""
    if uv is None:
        return manifold3d.Manifold(manifold3d.Mesh64(points, triangles.astype(np.uint64)))
    corner = np.concatenate([triangles.reshape(-1, 1), uv.reshape(-1, 2)], axis=1)
    unique, index = np.unique(corner, axis=0, return_inverse=True)
    vertex = unique[:, 0].astype(np.int64)
    properties = np.concatenate([points[vertex], unique[:, 1:]], axis=1)
    first = np.full(len(points), -1, np.int64)
    first[vertex[::-1]] = np.arange(len(vertex))[::-1]
    double = np.flatnonzero(first[vertex] != np.arange(len(vertex)))
    return manifold3d.Manifold(
        manifold3d.Mesh64(
            properties,
            index.reshape(-1, 3).astype(np.uint64),
            merge_from_vert=double.astype(np.uint64),
            merge_to_vert=first[vertex[double]].astype(np.uint64),
        )
    )


def fuse(parts: Parts, texture_size: int, seed: int) -> Model:
    """One mesh, one shell, one material, one atlas.

    Shells that touch nothing are tied to the largest by a web, as surfaces that a network closed too eagerly.
    """
    whole = assemble(parts, texture_size, seed, one_atlas=NAME)
    solids = []
    for mesh, pieces in zip(whole.meshes, parts.values(), strict=True):
        point = face = 0
        for piece in pieces:
            solids.append(_piece(mesh, piece, point, face))
            point, face = point + len(piece.points), face + len(piece.faces)
    united = manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)
    shells = sorted(united.decompose(), key=lambda m: -float(m.surface_area()))
    webs = [_web(shell, shells[0]) for shell in shells[1:]]
    united = manifold3d.Manifold.batch_boolean([*shells, *webs], manifold3d.OpType.Add)
    ground = min(float(p.points[:, 1].min()) for pieces in parts.values() for p in pieces)
    united = united.trim_by_plane((0.0, 1.0, 0.0), ground)
    body = max(united.decompose(), key=lambda m: float(m.surface_area()))
    out = body.to_mesh64()
    table = np.asarray(out.vert_properties)
    weld = np.arange(len(table))
    weld[np.asarray(out.merge_from_vert, np.int64)] = np.asarray(out.merge_to_vert, np.int64)
    used, index = np.unique(weld, return_inverse=True)
    triangles = np.asarray(out.tri_verts, np.int64)
    faces = np.concatenate([index[triangles], np.full((len(triangles), 1), -1)], axis=1)
    uv = np.zeros((len(triangles), 4, 2))
    uv[:, :3] = table[triangles, 3:5]
    points = np.ascontiguousarray(table[used, :3])
    mesh = Mesh("mesh_0", "mesh_0", NAME, points, faces, uv, corner_normals(points, faces))
    return Model((mesh,), whole.surfaces)


def _piece(mesh: Mesh, piece: Piece, point: int, face: int) -> manifold3d.Manifold:
    rows = slice(face, face + len(piece.faces))
    faces, uv = mesh.faces[rows] - point, mesh.uv[rows]
    quad = piece.faces[:, 3] >= 0
    triangles = np.concatenate([faces[:, :3], faces[quad][:, [0, 2, 3]]])
    corners = np.concatenate([uv[:, :3], uv[quad][:, [0, 2, 3]]])
    return solid(piece.points, triangles, corners)


def _samples(body: manifold3d.Manifold) -> Floats:
    mesh = body.to_mesh64()
    points = np.asarray(mesh.vert_properties)[:, :3]
    corners = points[np.asarray(mesh.tri_verts, np.int64)]
    middles = (corners + np.roll(corners, 1, axis=1)) / 2
    return np.concatenate([points, corners.mean(1), middles.reshape(-1, 3)])


def _web(shell: manifold3d.Manifold, body: manifold3d.Manifold) -> manifold3d.Manifold:
    """A short bar from a shell to the nearest place of the body, reaching into both."""
    from scipy.spatial import cKDTree

    own, other = _samples(shell), _samples(body)
    distance, nearest = cKDTree(other).query(own)
    i = int(np.argmin(distance))
    a, b = own[i], other[nearest[i]]
    axis = (b - a) / max(float(distance[i]), 1e-9)
    look = Look("wood", (0.5, 0.4, 0.3))
    hand = Hand(np.random.default_rng(0), chamfer=0.0)
    up = (0.0, 1.0, 0.0) if abs(axis[1]) < 0.9 else (0.0, 0.0, 1.0)
    piece = bar(a - axis * 0.015, b + axis * 0.015, 0.03, 0.03, look, hand, up)
    triangles = np.concatenate([piece.faces[:, :3], piece.faces[:, [0, 2, 3]]])
    return solid(piece.points, triangles, np.full((len(triangles), 3, 2), 0.5))
