# SPDX-License-Identifier: Apache-2.0
"""Gate 5: scenes and shots, and what is put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.context import written
from pipeline.workflow.operations.registry import operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("scene")
def _scene(
    project: Project,
    asset: str,
    scene: str,
    kind: str | None = None,
    frames: list[float] | None = None,
    departments: list[str] | None = None,
) -> dict[str, Any]:
    """Make a sequence or shot, or give the one that is there these frames and departments."""
    from pipeline.gates.scenes import list_scenes, new_scene, set_departments, set_range

    span = (frames[0], frames[1]) if frames else None
    if scene not in {row.name for row in list_scenes(project)}:
        row = new_scene(project, scene, kind=kind, frames=span, departments=departments)
    else:
        row = set_departments(project, scene, order=departments, from_kind=departments is None)
        row = set_range(project, scene, span) if span else row
    return {"scene": row.name, "departments": [d.name for d in row.departments], "stages": {row.path: ["/World"]}}


@operation("scene_add")
def _scene_add(
    project: Project,
    asset: str,
    scene: str,
    name: str | None = None,
    origin: str | None = None,
    follow: bool = False,
    variants: dict[str, str] | None = None,
    at: list[float] | None = None,
    yaw: float = 0.0,
    ground: bool = False,
    where: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Reference the asset in a scene, pinned, with variant selections."""
    from pipeline.gates.dressing import add_asset

    point = (at[0], at[1], at[2]) if at else None
    result = add_asset(
        project, scene, asset, name=name, origin=origin, follow=follow, variants=variants, at=point, yaw=yaw,
        ground=ground, **(where or {}),
    )  # fmt: skip
    return {"pin": result.pin, "layer": result.layer, "variants": result.variants, **written(result)}


@operation("blockout")
def _blockout(
    project: Project,
    asset: str,
    name: str,
    shape: str,
    size: list[float],
    at: list[float] | None = None,
    scene: str | None = None,
    openings: list[list[float]] | None = None,
    where: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Put a shape that stands in for something into the set; `where` holds what else `gates scene blockout` takes."""
    from pipeline.gates.dressing import add_blockout
    from pipeline.scenes.shapes import Opening

    width, height, depth = size
    point = (at[0], at[1], at[2]) if at else None
    result = add_blockout(
        project, name, shape, (width, height, depth), scene=scene, at=point,  # type: ignore[arg-type]
        openings=[Opening(*opening) for opening in openings or []], **(where or {}),
    )  # fmt: skip
    return {"position_m": result.position_m, **written(result)}


@operation("scatter")
def _scatter(
    project: Project,
    asset: str,
    name: str,
    assets: list[str],
    spec: dict[str, Any],
    on: list[str] | None = None,
    keep_out: list[str] | None = None,
    margin: float = 0.0,
    origin: str | None = None,
    variants: dict[str, str] | None = None,
    scene: str | None = None,
) -> dict[str, Any]:
    """Scatter assets or set pieces over surfaces."""
    from pipeline.gates.scattering import add_scatter
    from pipeline.scenes.scatter import ScatterSpec

    settings: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in spec.items()}
    result = add_scatter(
        project, name, assets, ScatterSpec(**settings), on=on or (), keep_out=keep_out or (), margin=margin,
        origin=origin, variants=variants, scene=scene,
    )  # fmt: skip
    return {"instances": result.instances, "spacing_m": result.spacing_m, **written(result)}


@operation("rendering")
def _rendering(
    project: Project,
    asset: str,
    camera: str,
    size: list[int] | None = None,
    product: str | None = None,
    aovs: list[str] | None = None,
    scene: str | None = None,
) -> dict[str, Any]:
    """Author render settings, a product and its variables."""
    from pipeline.gates.filming import set_rendering

    resolution = (size[0], size[1]) if size else None
    result = set_rendering(project, camera, scene=scene, resolution=resolution, product=product, aovs=aovs or ())
    return {"product": result.product, **written(result)}


@operation("continuity")
def _continuity(project: Project, asset: str, sequence: str, shots: list[str] | None = None) -> dict[str, Any]:
    """Compare the shots of a sequence; what drifts is told, not refused."""
    from pipeline.gates.scene_versions import check_continuity

    result = check_continuity(project, sequence, shots=shots)
    return {"drifts": [d.model_dump() for d in result.drifts], "shots": result.shots}


@operation("scene_commit")
def _scene_commit(project: Project, asset: str, message: str, scene: str | None = None) -> dict[str, Any]:
    """Freeze scenes and commit them with the branch; where nothing changed, the head is the version."""
    from pipeline.gates.scene_versions import commit_scenes

    result = commit_scenes(project, message, scene)
    return {"version": result.version or project.head(), "scenes": result.scenes}
