# SPDX-License-Identifier: Apache-2.0
"""Gate 5."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("set")
def _set(project: Project, asset: str, name: str, layer: str | Path) -> dict[str, Any]:
    """Reference a set below /World/Set."""
    from pipeline.gates.dressing import add_set

    return {"prims": [add_set(project, name, Path(layer)).prim]}


@operation("place")
def _place(project: Project, asset: str, at: list[float], yaw: float = 0.0, ground: bool = True) -> dict[str, Any]:
    """Place the asset."""
    from pipeline.gates.dressing import place_asset

    x, y, z = at
    result = place_asset(project, asset, at=(x, y, z), yaw=yaw, ground=ground)
    return {"position_m": result.position_m, "prims": [result.prim]}


@operation("light")
def _light(project: Project, asset: str, rig: str) -> dict[str, Any]:
    """Light the scene with a rig."""
    from pipeline.gates.filming import add_lights

    return {"rig": rig, "prims": [add_lights(project, rig).prim]}


@operation("camera")
def _camera(project: Project, asset: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Author a camera that looks at the asset."""
    from pipeline.gates.filming import add_camera
    from pipeline.scenes import CameraSpec

    return {"camera": name, "prims": [add_camera(project, name, asset, CameraSpec(**spec)).prim]}


@operation("context")
def _context(project: Project, asset: str, camera: str) -> dict[str, Any]:
    """Measure the asset in its scene."""
    from pipeline.gates.context import measure_context

    result = measure_context(project, asset, camera)
    corrections: dict[str, float] = {}
    for note in result.notes:
        corrections.update(note.correction)
    return {
        "notes": [n.model_dump() for n in result.notes],
        "kinds": sorted({n.kind for n in result.notes}),
        "corrections": corrections,
    }
