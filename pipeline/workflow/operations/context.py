# SPDX-License-Identifier: Apache-2.0
"""Gate 5: what stands where, what sees it and what lights it, in the project's stage or in a `scene`; and the notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import operation

if TYPE_CHECKING:
    from pipeline.gates.dressing import PrimResult
    from pipeline.project import Project

__all__ = ["written"]


def written(result: PrimResult) -> dict[str, Any]:
    """Where the effect of what was authored is: a prim of the project's stage, or of a scene."""
    if not result.scene:
        return {"prims": [result.prim]}
    return {"stages": {f"scenes/{result.scene}/{result.scene.rpartition('/')[2]}.usda": [result.prim]}}


@operation("set")
def _set(project: Project, asset: str, name: str, layer: str | Path, scene: str | None = None) -> dict[str, Any]:
    """Reference a set below /World/Set."""
    from pipeline.gates.dressing import add_set

    return written(add_set(project, name, Path(layer), scene=scene))


@operation("place")
def _place(
    project: Project,
    asset: str,
    at: list[float] | None = None,
    yaw: float = 0.0,
    ground: bool = True,
    name: str | None = None,
    scene: str | None = None,
    where: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Place the asset, or the set piece `name`; `where` holds what else `gates place` takes."""
    from pipeline.gates.dressing import place_asset

    point = (at[0], at[1], at[2]) if at else None
    result = place_asset(project, name or asset, at=point, yaw=yaw, ground=ground, scene=scene, **(where or {}))
    return {"position_m": result.position_m, **written(result)}


@operation("light")
def _light(
    project: Project,
    asset: str,
    rig: str,
    subject: str | None = None,
    link: list[str] | None = None,
    exclude: list[str] | None = None,
    only: list[str] | None = None,
    scene: str | None = None,
) -> dict[str, Any]:
    """Light the scene with a rig."""
    from pipeline.gates.filming import add_lights

    result = add_lights(
        project, rig, subject=subject, only=only or (), link=link or (), exclude=exclude or (), scene=scene
    )
    return {"rig": rig, **written(result)}


@operation("camera")
def _camera(
    project: Project,
    asset: str,
    name: str,
    spec: dict[str, Any],
    subject: str | None = None,
    motion: dict[str, Any] | None = None,
    scene: str | None = None,
) -> dict[str, Any]:
    """Author a camera that looks at the asset, or at `subject`; with `motion` it moves."""
    from pipeline.gates.filming import add_camera, move_camera
    from pipeline.scenes import CameraSpec
    from pipeline.scenes.motion import MotionSpec

    looks, lens = subject or asset, CameraSpec(**spec)
    if motion is None:
        return {"camera": name, **written(add_camera(project, name, looks, lens, scene=scene))}
    result = move_camera(project, name, looks, lens, MotionSpec(**motion), scene=scene)
    return {"camera": name, "frames": result.frames, **written(result)}


@operation("context")
def _context(project: Project, asset: str, camera: str | list[str], sheet: str | None = None) -> dict[str, Any]:
    """Measure the asset in its scene, through one camera or several; `sheet` is where its remarks are drawn."""
    from pipeline.gates.context import measure_context

    result = measure_context(project, asset, camera, sheet=project.root / sheet if sheet else None)
    corrections: dict[str, float] = {}
    for note in result.notes:
        corrections.update(note.correction)
    return {
        "notes": [n.model_dump() for n in result.notes],
        "kinds": sorted({n.kind for n in result.notes}),
        "corrections": corrections,
    }
