# SPDX-License-Identifier: Apache-2.0
"""What the stage draws, and where a foreign reading of the written file differs."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import Any

import numpy as np

from pipeline.errors import GatesError
from pipeline.exporters.result import Stats
from pipeline.exporters.seam import Reading
from pipeline.exporters.seen import mended, polygons_only
from pipeline.usd.scene.draws import bounds, draws
from pipeline.usd.scene.model import Scene
from pipeline.usd.scene.textures import read_texture

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
    are stored), `has_textures`, `has_skins`, and what every drawn mesh has, instances counted each:
    `drawn_uv_sets` and `drawn_blend_shapes`; `polygons_only` says that it has no lines and points, `mends` that it
    leaves out faces that are none.
    The scene's losses say which cameras and lights are not in the file.
    """
    found = list(reading.problems)
    facts: dict[str, Any] = reading.facts
    if facts.get("polygons_only"):
        scene, stats = _as_seen(scene, stats, polygons_only(scene))
    if facts.get("mends") and facts.get("triangles", stats.triangles) < stats.triangles:
        scene, stats = _as_seen(scene, stats, mended(scene))
    expected = {**stats.model_dump(), **_drawn(scene)}
    expected["cameras"] -= _dropped(scene, "camera")
    expected["lights"] -= _dropped(scene, "light")
    found += [
        f"{_words(key)}: the stage has {expected[key]}, the file {facts[key]}"
        for key in ("meshes", "instances", "triangles", "uv_sets", "drawn_uv_sets", "clips", "cameras", "lights")
        if key in facts and facts[key] != expected[key]
    ]
    # a file may hold one for each way it is used, but never fewer
    if facts.get("textures", expected["textures"]) < expected["textures"]:
        expected["textures"] = _different_pictures(scene)
    found += [
        f"{_words(key)}: the stage has {expected[key]}, the file only {facts[key]}"
        for key in ("materials", "textures", "joints", "drawn_blend_shapes")
        if key in facts and facts[key] < expected[key] - _lost(scene, key)
    ]
    if facts.get("has_textures") is False and not _lost(scene, "textures") and stats_of(polygons_only(scene)).textures:
        found.append("the stage has textures, the file none")
    if facts.get("has_skins") is False and any(n.skin_root is not None for n in scene.nodes):
        found.append("the stage has skinned meshes, the file no skin")
    bent = any("shear" in loss.what for loss in scene.losses)
    for key, posed in (("bounds_m", True), ("unposed_bounds_m", False)):
        # a moving shear that was squared, and said so, is not where it was
        if facts.get(key) is None or bent:
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


def _as_seen(scene: Scene, stats: Stats, seen: Scene) -> tuple[Scene, Stats]:
    return (scene, stats) if seen is scene else (seen, stats_of(seen))


def _drawn(scene: Scene) -> dict[str, int]:
    """Counts over every mesh that is drawn, instances each."""
    uvs = shapes = 0
    for draw in draws(scene):
        mesh = scene.meshes[draw.mesh]
        if mesh.kind == "polygons":
            uvs += len(draw.matrices) * len(mesh.uvs)
            shapes += len(draw.matrices) * len(mesh.blend_shapes)
    return {"drawn_uv_sets": uvs, "drawn_blend_shapes": shapes}


def _dropped(scene: Scene, what: str) -> int:
    """How many cameras or lights are not in the file: those that a loss calls `light` or `dome light`."""
    lost = {loss.prim for loss in scene.losses if re.fullmatch(rf"(\w+ )?{what}", loss.what)}
    nodes = [n for n in scene.nodes if (n.camera if what == "camera" else n.light) is not None]
    return sum(n.path in lost for n in nodes)


def _words(key: str) -> str:
    return key.removeprefix("drawn_").replace("_", " ")


def _lost(scene: Scene, key: str) -> int:
    """How many things of this kind the losses say are not in the file; `textures` are all of a material."""
    all_of = {m.path: len(m.textures) for m in scene.materials} if key == "textures" else {}
    return sum(
        all_of.get(loss.prim, 1) if loss.what == key else 1 for loss in scene.losses if key.rstrip("s") in loss.what
    )


def _different_pictures(scene: Scene) -> int:
    """How many pictures with different bytes the textures of what is drawn name; the same one twice is one."""
    used = {m for draw in draws(scene) for m in draw.materials if m >= 0}
    paths = {p for m in used for t in scene.materials[m].textures for p in (t.path, *(q for _, q in t.tiles)) if p}
    found = set()
    for path in paths:
        with suppress(GatesError):
            found.add(hashlib.blake2b(read_texture(path)).digest())
    return len(found)
