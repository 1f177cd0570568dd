# SPDX-License-Identifier: Apache-2.0
"""Does it stand on something, and in nothing? Floating, sunk, and crossing its neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.scenes.notes.situation import Note, Situation
from pipeline.scenes.placement import ground_height
from pipeline.scenes.surface import prim_triangles

__all__ = ["CLEARANCE_M", "contact"]

CLEARANCE_M = 0.01  # a gap or a depth that a player does not see
MAX_EDGES = 50_000  # edges tried against one neighbour, evenly picked


def contact(situation: Situation) -> list[Note]:
    """Notes on the ground and on crossings."""
    path = str(situation.asset.GetPath())
    notes = []
    gap = float(situation.box.low[1]) - ground_height(situation.asset, situation.box)
    if abs(gap) > CLEARANCE_M:
        notes.append(
            Note(
                kind="floating" if gap > 0 else "sunk",
                prim=path,
                message=f"{'floats above' if gap > 0 else 'is sunk into'} the ground: place it with --ground",
                measured=f"{gap:+.3f} m",
                expected=f"within {CLEARANCE_M:.2f} m of the surface",
            )
        )
    near = [(prim, box) for prim, box in situation.others if (situation.box.overlap(box) > CLEARANCE_M).all()]
    if not near:
        return notes
    points, faces = prim_triangles(situation.asset)
    for prim, _box in near:
        crossing = _crossings(points, faces, *prim_triangles(prim))
        if crossing:
            notes.append(
                Note(
                    kind="intersection",
                    prim=path,
                    against=prim.GetName(),
                    message=f"crosses {prim.GetPath()}: move it or the neighbour",
                    measured=f"{crossing} edges through its surface",
                    expected="0",
                )
            )
    return notes


def _crossings(
    points: NDArray[np.float64],
    faces: NDArray[np.int64],
    other_points: NDArray[np.float64],
    other_faces: NDArray[np.int64],
) -> int:
    """How many edges of one mesh pass through another."""
    if not len(faces) or not len(other_faces):
        return 0
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    edges = edges[:: max(1, len(edges) // MAX_EDGES)]
    start, way = points[edges[:, 0]], points[edges[:, 1]] - points[edges[:, 0]]
    length = np.linalg.norm(way, axis=1)
    keep = length > 1e-9
    start, way, length = start[keep], way[keep] / length[keep, None], length[keep]
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, other_points.astype(np.float32), other_faces.astype(np.int32))
    distance = np.asarray(scene.run(start.astype(np.float32), way.astype(np.float32), query="DISTANCE"), float)
    return int(((distance > CLEARANCE_M) & (distance < length - CLEARANCE_M)).sum())
