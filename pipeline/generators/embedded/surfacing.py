# SPDX-License-Identifier: Apache-2.0
"""A closed surface around a field on a grid: marching tetrahedra, then reduced.

Each cell is cut into six tetrahedra around its diagonal (Kuhn), the same way in every cell, so that neighbours
agree and the surface is always closed and manifold (Doi and Koide 1991).
"""

from __future__ import annotations

import manifold3d
import numpy as np

from pipeline.generators.embedded.pieces import Floats, Ints

#: the six tetrahedra as corners of the cell (bit 0 x, bit 1 y, bit 2 z), all of positive volume
_TETS = np.array([(0, 1, 3, 7), (0, 3, 2, 7), (0, 2, 6, 7), (0, 6, 4, 7), (0, 4, 5, 7), (0, 5, 1, 7)], np.int64)


def isosurface(field: Floats, level: float, cell: Floats, target: int) -> tuple[Floats, Ints]:
    """The largest closed shell where `field` crosses `level`, inside being higher.

    Parameters
    ----------
    field
        (nx, ny, nz), below the level on its border.
    cell
        (3,) metres of a grid step.
    target
        triangles to reduce to.

    Returns
    -------
    points, faces
        (n, 3) float64 metres, (t, 3) int64, outward.
    """
    points, faces = _march(field, level)
    solid = manifold3d.Manifold(manifold3d.Mesh64(points * cell, faces.astype(np.uint64)))
    body = max(solid.decompose(), key=lambda m: float(m.volume()))
    tolerance = float(cell.min()) * 0.15
    for _ in range(12):
        if body.num_tri() <= target:
            break
        body = body.simplify(tolerance)
        tolerance *= 1.4
    mesh = body.to_mesh64()
    return np.asarray(mesh.vert_properties, float)[:, :3], np.asarray(mesh.tri_verts, np.int64)


def _march(field: Floats, level: float) -> tuple[Floats, Ints]:
    nx, ny, nz = field.shape
    value = field.reshape(-1) - level
    value = np.where(value == 0, -1e-9, value)
    inside = value > 0
    stride = np.array([ny * nz, nz, 1])
    corner = np.array([[c & 1, c >> 1 & 1, c >> 2 & 1] for c in range(8)]) @ stride
    base = np.arange(nx * ny * nz).reshape(nx, ny, nz)[:-1, :-1, :-1].reshape(-1)
    count = sum(inside[base + c].astype(np.int8) for c in corner)
    base = base[(count > 0) & (count < 8)]
    tets = (base[:, None, None] + corner[_TETS][None]).reshape(-1, 4)
    full = inside[tets].sum(1)
    edges: list[Ints] = []
    # one corner inside, or one outside: a triangle; two and two: a quad
    for n in (1, 3):
        some = tets[full == n]
        lone = inside[some] == (n == 1)
        order = np.argsort(~lone, axis=1, kind="stable")
        t = np.take_along_axis(some, order, 1)
        edges.append(np.stack([t[:, [0, 1]], t[:, [0, 2]], t[:, [0, 3]]], 1))
    some = tets[full == 2]
    order = np.argsort(~inside[some], axis=1, kind="stable")
    t = np.take_along_axis(some, order, 1)
    a, b, c, d = t[:, [0, 2]], t[:, [0, 3]], t[:, [1, 3]], t[:, [1, 2]]
    edges += [np.stack([a, b, c], 1), np.stack([a, c, d], 1)]
    cut = np.sort(np.concatenate(edges), axis=2)
    pairs, index = np.unique(cut.reshape(-1, 2), axis=0, return_inverse=True)
    low, high = pairs[:, 0], pairs[:, 1]
    place = np.stack(np.unravel_index(np.arange(nx * ny * nz), (nx, ny, nz)), -1).astype(float)
    share = (value[low] / (value[low] - value[high]))[:, None]
    share = np.clip(share, 0.02, 0.98)
    points = place[low] * (1 - share) + place[high] * share
    faces = index.reshape(-1, 3)
    p = points[faces]
    normal = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    # away from the inside corner of the first cut edge
    first = np.concatenate(edges)[:, 0]
    inner = np.where(inside[first[:, 0]], first[:, 0], first[:, 1])
    outward = np.einsum("ij,ij->i", normal, p[:, 0] - place[inner]) >= 0
    faces = np.where(outward[:, None], faces, faces[:, ::-1])
    return points, faces
