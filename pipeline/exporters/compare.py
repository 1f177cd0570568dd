# SPDX-License-Identifier: Apache-2.0
"""What the stage draws, and where a foreign reading of the written file differs."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.exporters.result import Stats
from pipeline.exporters.seam import Reading
from pipeline.usd.scene.draws import bounds, draws
from pipeline.usd.scene.model import Scene

__all__ = ["differences", "stats_of"]

#: share of the diagonal by which bounds may differ
_BOUNDS = 1e-3


def stats_of(scene: Scene) -> Stats:
    """Counts and bounds of everything that is drawn."""
    meshes: set[int] = set()
    materials: set[int] = set()
    instances = triangles = 0
    for draw in draws(scene):
        meshes.add(draw.mesh)
        instances += len(draw.matrices)
        triangles += scene.meshes[draw.mesh].triangle_count * len(draw.matrices)
        materials.update(m for m in draw.materials if m >= 0)
    textures = {
        path
        for m in materials
        for t in scene.materials[m].textures
        for path in (t.path, *(p for _, p in t.tiles))
        if path
    }
    box = bounds(scene)
    moving = [c for c in scene.clips if c.transforms or c.joints or c.weights]
    clips = len(moving) or int(any(scene.meshes[m].track is not None for m in meshes))
    return Stats(
        meshes=len(meshes),
        instances=instances,
        triangles=triangles,
        materials=len(materials),
        textures=len(textures),
        uv_sets=sum(len(scene.meshes[m].uvs) for m in meshes),
        joints=sum(len(scene.skeletons[n.skeleton].joints) for n in scene.nodes if n.skeleton is not None),
        clips=clips,
        cameras=sum(n.camera is not None for n in scene.nodes),
        lights=sum(n.light is not None for n in scene.nodes),
        bounds_m=None if box is None else (tuple(box[0].tolist()), tuple(box[1].tolist())),
    )


def differences(scene: Scene, stats: Stats, reading: Reading) -> list[str]:
    """One sentence for each fact that is not as the stage says; the reader's own problems first.

    A reader reports under the names of `Stats`, and may also report `unposed_bounds_m` (skinned meshes as they
    are stored), `has_textures` and `has_skins`.
    """
    found = list(reading.problems)
    facts: dict[str, Any] = reading.facts
    expected = stats.model_dump()
    found += [
        f"{key}: the stage has {expected[key]}, the file {facts[key]}"
        for key in ("meshes", "instances", "triangles", "uv_sets", "joints", "clips", "cameras", "lights")
        if key in facts and facts[key] != expected[key]
    ]
    # a file may hold one for each way it is used, but never fewer
    found += [
        f"{key}: the stage has {expected[key]}, the file only {facts[key]}"
        for key in ("materials", "textures")
        if key in facts and facts[key] < expected[key] and not _lost(scene, key)
    ]
    if facts.get("has_textures") is False and stats.textures and not _lost(scene, "texture"):
        found.append("the stage has textures, the file none")
    if facts.get("has_skins") is False and any(n.skin_root is not None for n in scene.nodes):
        found.append("the stage has skinned meshes, the file no skin")
    for key, posed in (("bounds_m", True), ("unposed_bounds_m", False)):
        if key not in facts or facts[key] is None:
            continue
        # a format without lines leaves out faces of two corners and says so
        truths = [bounds(scene, posed=posed, edges=edges) for edges in (True, False)]
        errors = [
            float(np.abs(np.array(facts[key]) - box).max()) / (float(np.linalg.norm(box[1] - box[0])) or 1.0)
            for box in truths
            if box is not None
        ]
        error = min(errors, default=0.0)
        if not error <= _BOUNDS:
            found.append(f"bounds are off by {error:.2%} of the size: {np.round(facts[key], 4).tolist()}")
    return found


def _lost(scene: Scene, word: str) -> bool:
    return any(word.rstrip("s") in loss.what for loss in scene.losses)
