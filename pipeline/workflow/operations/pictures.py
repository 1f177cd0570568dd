# SPDX-License-Identifier: Apache-2.0
"""Pictures that other nodes and people look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import files, operation

if TYPE_CHECKING:
    from pipeline.project import Project
    from pipeline.render.result import Quality


@operation("sheet")
def _sheet(project: Project, asset: str, out: str) -> dict[str, Any]:
    """Draw every candidate side by side."""
    from pipeline.gates.generation import contact_sheet

    path = project.root / out
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(project, asset, path)
    return {"picture": out, "files": files(project, path)}


@operation("picture")
def _picture(
    project: Project,
    asset: str,
    out: str,
    camera: str,
    size: list[int],
    quality: Quality = "review",
    variants: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Render the scene through an authored camera."""
    from pipeline.gates.context import picture

    path = project.root / out
    path.parent.mkdir(parents=True, exist_ok=True)
    renderer = picture(project, asset, path, camera, (size[0], size[1]), quality, variants or {})
    return {"picture": out, "renderer": renderer, "files": files(project, path)}


@operation("compare")
def _compare(project: Project, asset: str, pictures: list[str], labels: list[str], out: str) -> dict[str, Any]:
    """Put pictures side by side."""
    from pipeline.render.sheet import contact_sheet

    path = project.root / out
    contact_sheet([project.root / p for p in pictures], labels, path)
    return {"picture": out, "files": files(project, path)}
