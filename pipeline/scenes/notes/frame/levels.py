# SPDX-License-Identifier: Apache-2.0
"""Is the right level of detail shown? The coarsest whose error stays within a pixel from here.

Levels are those of a variant set of the asset (`lod`, `LOD`, …) or the children of a UsdLod root. A level's error is
how far its surface is from the finest one's, at the asset's nearest distance to the camera.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Usd, UsdGeom, UsdLod

from pipeline.mesh.deviation import deviation
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View
from pipeline.usd.scene import draws, posed_points, read_scene
from pipeline.usd.scene.variant_sets import is_level_set, rank

#: places of each surface that are compared
PLACES = 4000


@dataclass(frozen=True, eq=False)
class Level:
    """One level of detail: its name, its triangles, and its error in metres."""

    name: str
    triangles: int
    error: float


class Levels(Measure):
    """The level that is selected against the level that the picture asks for."""

    kind = "lod"
    title = "level of detail by screen error"
    limit = 1.0
    unit = "pixels"
    advice = "Select the level that the distance asks for, or mend the thresholds."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        found = _levels(situation, view)
        if found is None:
            return
        levels, selected, how = found
        limit = situation.setting(self).limit
        _, depth = view.project(situation.mesh[0])
        nearest = max(float(depth.min()), view.camera.near)
        pixel = float(view.metres_per_pixel(np.array([nearest]))[0])
        errors = [level.error / pixel for level in levels]
        right = max(i for i, error in enumerate(errors) if error <= limit or i == 0)
        if right == selected:
            return
        coarse = selected > right
        saved = levels[selected].triangles - levels[right].triangles
        yield self.note(
            situation,
            f"{levels[selected].name} is too coarse from here"
            if coarse
            else f"{levels[right].name} would look the same and save {saved:,} triangles",
            measured=f"{levels[selected].name} ({how}), {errors[selected]:.2f} pixels of error, "
            f"{levels[selected].triangles:,} triangles",
            expected=f"{levels[right].name}, {errors[right]:.2f} pixels (at most {limit:g})",
            value=errors[selected],
            severity=None if coarse else "info",
            advice=f"Select {levels[right].name} at {nearest:.1f} m, or mend the thresholds.",
            view=view,
        )


def _levels(situation: Situation, view: View) -> tuple[list[Level], int, str] | None:
    """Levels finest first, the number of the one that is shown, and who chose it; None without levels."""
    asset = situation.asset
    root = next((p for p in Usd.PrimRange(asset) if p.HasAPI(UsdLod.RootAPI)), None)
    if root is not None:
        children = [c for c in root.GetChildren() if not c.IsA(UsdLod.Heuristic)]
        if len(children) > 1:
            chosen = _by_heuristic(situation, root, view)
            meshes = [_mesh(situation, str(c.GetPath()), {}) for c in children]
            return _measured([c.GetName() for c in children], meshes), min(chosen, len(children) - 1), "UsdLod"
    sets = asset.GetVariantSets()
    for name in sets.GetNames():
        variants = sorted((v for v in sets.GetVariantSet(name).GetVariantNames() if rank(v)[0] < 9), key=rank)
        selection = sets.GetVariantSelection(name)
        if is_level_set(name) and len(variants) > 1 and selection in variants:
            path = str(asset.GetPath())
            meshes = [_mesh(situation, path, {f"{path}{{{name}}}": v}) for v in variants]
            return _measured(variants, meshes), variants.index(selection), f"variant set {name}"
    return None


def _by_heuristic(situation: Situation, root: Usd.Prim, view: View) -> int:
    """The child that USD's own heuristics choose through this camera."""
    frustum = UsdGeom.Camera(situation.stage.GetPrimAtPath(view.path)).GetCamera(Usd.TimeCode.Default()).frustum
    world = UsdGeom.XformCache().GetLocalToWorldTransform(root)
    for target in UsdLod.RootAPI(root).GetLodHeuristicsRel().GetTargets():
        prim = situation.stage.GetPrimAtPath(target)
        if prim.IsA(UsdLod.ScreenSizeHeuristic):
            return int(UsdLod.ScreenSizeHeuristic(prim).ComputeLOD(frustum, world))
        if prim.IsA(UsdLod.DistanceHeuristic):
            return int(UsdLod.DistanceHeuristic(prim).ComputeLOD(Gf.Vec3d(frustum.position), world))
    return int(UsdLod.RootAPI(root).GetLodDefaultIndexAttr().Get() or 0)


def _mesh(situation: Situation, root: str, variants: dict[str, str]) -> tuple[NDArray, NDArray]:
    """World points and triangles of what lies beneath a prim."""
    scene = read_scene(situation.stage, root=root, variants=variants, clips=False)
    points, faces, start = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], 0
    for draw in draws(scene):
        mesh = scene.meshes[draw.mesh]
        stood = posed_points(scene, draw.node, draw.number)
        own = mesh.points if stood is None else stood
        for matrix in [np.eye(4)] if stood is not None else draw.matrices:
            points.append(own @ matrix[:3, :3] + matrix[3, :3])
            faces.append(mesh.triangle_vertices.astype(np.int64) + start)
            start += len(own)
    return np.concatenate(points), np.concatenate(faces)


def _measured(names: list[str], meshes: list[tuple[NDArray, NDArray]]) -> list[Level]:
    finest = meshes[0]
    result = [Level(names[0], len(finest[1]), 0.0)]
    for name, (points, faces) in zip(names[1:], meshes[1:], strict=True):
        gap = deviation(*finest, points, faces, count=PLACES).maximum
        # a coarser level is never closer than a finer one
        result.append(Level(name, len(faces), max(gap, result[-1].error)))
    return result
