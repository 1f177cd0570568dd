# SPDX-License-Identifier: Apache-2.0
"""Make every edge and vertex manifold: cut fins off, part surfaces that touch in an edge or a point."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.shells import components
from pipeline.refiners.core import Operation, Settings, Subject


class ManifoldSettings(Settings):
    """How far apart."""

    gap: float = Field(
        default=2e-5, gt=0, le=0.01, description="How far parted surfaces move, as a share of the part's diagonal."
    )


def run(subject: Subject, settings: ManifoldSettings) -> None:
    """Treat each part."""
    for part in subject.parts():
        topology = part.mesh.topology
        if len(topology.edges.crowded) == 0 and len(topology.split_vertices) == 0:
            continue
        why = subject.deformed(part)
        if why:
            subject.skip(part.path, why)
            continue
        mesh, fins = without_fins(part.mesh)
        # far from the origin float32 has no smaller step
        step = 8 * float(np.spacing(np.abs(part.mesh.points).max()))
        mesh, moved = parted(mesh, max(settings.gap * topology.size, step))
        if fins:
            subject.count("fins_removed", fins)
        if moved:
            subject.count("points_parted", moved)
        if fins or moved:
            subject.deviation(part.mesh, mesh, part.to_asset)
            subject.write(part, mesh)


def without_fins(mesh: PolygonMesh) -> tuple[PolygonMesh, int]:
    """Remove sheets that hang on a crowded edge and have an open border, as long as there are any."""
    removed = 0
    for _ in range(8):
        topology = mesh.topology
        edges = topology.edges
        if len(edges.crowded) == 0:
            break
        # sheets: faces that hang together across edges with exactly two faces
        sheet, count = components(edges.paired // 3, len(edges.faces))
        owner = np.repeat(np.arange(len(edges.count)), edges.count)
        crowded = np.zeros(count, bool)
        crowded[sheet[edges.half[(edges.count > 2)[owner]] // 3]] = True
        opened = np.zeros(count, bool)
        opened[sheet[edges.open // 3]] = True
        size = np.bincount(sheet, topology.area, minlength=count)
        fin = crowded & opened & (size < 0.05 * size.sum())
        if not fin.any():
            break
        gone = np.zeros(len(mesh.triangles), bool)
        gone[topology.live] = fin[sheet]
        stays = np.bincount(mesh.triangle_face[~gone], minlength=len(mesh.counts)) > 0
        removed += int((~stays).sum())
        mesh = mesh.with_faces(stays)
    return mesh, removed


def parted(mesh: PolygonMesh, gap: float) -> tuple[PolygonMesh, int]:
    """Give every fan of faces a vertex of its own and move it `gap` towards its faces."""
    topology = mesh.topology
    edges = topology.edges
    bad = np.zeros(len(topology.vertices), bool)
    bad[topology.split_vertices] = True
    bad[edges.ends(edges.half[edges.start[edges.crowded]]).reshape(-1)] = True
    if not bad.any():
        return mesh, 0
    flat = edges.faces.reshape(-1)
    group, count = components(_joins(edges.paired, flat), len(flat))
    vertex = np.zeros(count, np.int64)
    vertex[group] = flat
    inside = np.flatnonzero(bad[vertex])
    # the first fan of a vertex keeps its place
    first = np.unique(vertex[inside], return_index=True)[1]
    movers = np.setdiff1d(inside, inside[first])
    if len(movers) == 0:
        return mesh, 0
    middle = topology.vertices[edges.faces].mean(axis=1, dtype=np.float64)
    total = np.stack([np.bincount(group, np.repeat(middle[:, k], 3), minlength=count) for k in range(3)], axis=1)
    towards = total / np.bincount(group, minlength=count)[:, None]
    away = towards[movers] - topology.vertices[vertex[movers]]
    length = np.linalg.norm(away, axis=1, keepdims=True)
    places = topology.vertices[vertex[movers]] + gap * away / np.where(length > 0, length, 1)
    return _with_new_points(mesh, group, movers, places), len(movers)


def _joins(paired: NDArray, flat: NDArray) -> NDArray:
    a, b = paired.T
    after_a, after_b = (h - h % 3 + (h + 1) % 3 for h in (a, b))
    same = flat[a] == flat[b]
    return np.concatenate(
        [np.stack([a, np.where(same, b, after_b)], 1), np.stack([after_a, np.where(same, after_b, b)], 1)]
    )


def _with_new_points(mesh: PolygonMesh, group: NDArray, movers: NDArray, places: NDArray) -> PolygonMesh:
    topology = mesh.topology
    number = np.full(int(group.max()) + 1, -1)
    number[movers] = len(mesh.points) + np.arange(len(movers))
    corners = mesh.corners.copy()
    at = mesh.triangle_corners[topology.live].reshape(-1)
    new = number[group]
    source = np.zeros(len(movers), np.int64)
    source[new[new >= 0] - len(mesh.points)] = mesh.corners[at[new >= 0]]
    corners[at[new >= 0]] = new[new >= 0]
    chosen = np.concatenate([np.arange(len(mesh.points)), source])
    return replace(
        mesh,
        points=np.concatenate([mesh.points, places.astype(mesh.points.dtype)]),
        corners=corners.astype(np.int32),
        primvars={
            n: p.taken(chosen) if p.interpolation in ("vertex", "varying") else p for n, p in mesh.primvars.items()
        },
    )


operation = Operation(
    name="split-non-manifold",
    summary="Cut fins off and part surfaces that touch in an edge or point",
    settings=ManifoldSettings,
    run=run,
    fixes=("geometry.non-manifold-edges", "geometry.non-manifold-vertices"),
    rounds=8,
)
