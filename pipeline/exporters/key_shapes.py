# SPDX-License-Identifier: Apache-2.0
"""Moving points for formats that move only what blends: a shape for each key, each faded into the next."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.usd.scene.model import BlendShape, Doubles, Floats, Mesh, Scene, Shape, WeightTrack
from pipeline.usd.scene.report import Report
from pipeline.usd.scene.sampling import reduced

__all__ = ["track_keys", "with_key_shapes"]

#: allowed error of a key that is left out, as a share of the size of what moves
_TOLERANCE = 1e-4


def track_keys(mesh: Mesh) -> tuple[Doubles, Floats]:
    """The times `(k,)` and positions `(k, n, 3)` of the key shapes of moving points."""
    assert mesh.track is not None
    times, points = mesh.track.times, mesh.track.points
    flat = points.reshape(len(points), -1)
    size = float(np.ptp(mesh.points, axis=0).max(initial=0.0)) or 1.0
    keep = reduced(times, flat, _TOLERANCE * size)
    return times[keep], points[keep]


def with_key_shapes(scene: Scene, report: Report) -> Scene:
    """The scene with blend shapes in place of moving points; the scene itself where no points move."""
    if not scene.clips or not any(m.track is not None and not m.blend_shapes for m in scene.meshes):
        return scene
    meshes = list(scene.meshes)
    made: dict[int, WeightTrack] = {}
    for number, mesh in enumerate(scene.meshes):
        if mesh.track is None or mesh.blend_shapes:
            continue
        times, keys = track_keys(mesh)
        shapes, columns = [], []
        for k, points in enumerate(keys):
            offsets = points - mesh.points
            if not offsets.any():
                continue  # the mesh itself
            name = f"frame_{k}"
            shapes.append(BlendShape(name, f"{mesh.path}.points", (Shape(1.0, None, offsets),)))
            columns.append(k)
        meshes[number] = replace(mesh, track=None, blend_shapes=tuple(shapes))
        made[number] = WeightTrack(times, np.eye(len(keys), dtype=np.float32)[:, columns])
        report.lose(mesh.path, "point animation", f"{len(shapes)} blend shapes that fade into each other stand for it")
    first = scene.clips[0]
    weights = {**first.weights, **{i: made[n.mesh] for i, n in enumerate(scene.nodes) if n.mesh in made}}
    return replace(scene, meshes=tuple(meshes), clips=(replace(first, weights=weights), *scene.clips[1:]))
