# SPDX-License-Identifier: Apache-2.0
"""Close small holes with triangles over their rims."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from pipeline.mesh.patches import Patch, patches
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.refiners.core import Operation, Settings, Subject


class HoleSettings(Settings):
    """How large a hole may be."""

    longest: float = Field(
        default=0.6, gt=0, description="Length of a hole's border, as a share of the asset's diagonal."
    )


def run(subject: Subject, settings: HoleSettings) -> None:
    """Fill each part; new corners take the values of the rim's corners."""
    limit = settings.longest * subject.size
    for part in subject.parts():
        topology = part.mesh.topology
        if len(topology.edges.open) == 0:
            continue
        why = subject.deformed(part)
        if why:
            subject.skip(part.path, why)
            continue
        scale = float(np.cbrt(abs(np.linalg.det(part.to_asset[:3, :3]))))
        found, left = patches(topology.vertices, topology.edges, topology.loops, limit / max(scale, 1e-30))
        if left:
            subject.count("holes_left", left)
            subject.note("holes with a long border stay: rebuild them by hand, or allow more with `longest`")
        if found:
            subject.write(part, filled(part.mesh, found))
            subject.count("holes_filled", len(found))
            subject.count("faces_added", sum(len(p.faces) for p in found))


def filled(mesh: PolygonMesh, found: list[Patch]) -> PolygonMesh:
    """The mesh with the patches' triangles as new faces at its end."""
    topology = mesh.topology
    faces = np.concatenate([p.faces for p in found])
    # a vertex of the rim lends the corner that starts its open half-edge
    half = np.concatenate([p.half for p in found])
    triangle, turn = topology.live[half // 3], half % 3
    corner_of = np.zeros(len(topology.vertices), np.int64)
    corner_of[topology.edges.ends(half)[:, 0]] = mesh.triangle_corners[triangle, turn]
    face_of = np.concatenate([np.full(len(p.faces), mesh.triangle_face[topology.live[p.half[0] // 3]]) for p in found])
    corners = corner_of[faces].reshape(-1)
    if mesh.left_handed:
        corners = corners.reshape(-1, 3)[:, ::-1].reshape(-1)
    primvars = {name: _extended(p, corners, face_of, len(mesh.corners), len(mesh.counts))
                for name, p in mesh.primvars.items() if name != "normals"}  # fmt: skip
    first = len(mesh.counts)
    subsets = {
        name: np.concatenate([s, first + np.flatnonzero(np.isin(face_of, s))]).astype(np.int32)
        for name, s in mesh.subsets.items()
    }
    return replace(
        mesh,
        counts=np.concatenate([mesh.counts, np.full(len(faces), 3, np.int32)]),
        corners=np.concatenate([mesh.corners, mesh.corners[corners]]).astype(np.int32),
        primvars=primvars,
        subsets=subsets,
    )


def _extended(primvar: Primvar, corners: np.ndarray, face: np.ndarray, count: int, faces: int) -> Primvar:
    if primvar.interpolation == "faceVarying":
        index = primvar.index(count)
        return replace(primvar, indices=np.concatenate([index, index[corners]]).astype(np.int32))
    if primvar.interpolation == "uniform":
        index = primvar.index(faces)
        return replace(primvar, indices=np.concatenate([index, index[face]]).astype(np.int32))
    return primvar


operation = Operation(
    name="fill-holes",
    summary="Close small holes",
    settings=HoleSettings,
    run=run,
    fixes=("geometry.holes",),
    rounds=8,
)
