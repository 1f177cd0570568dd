# SPDX-License-Identifier: Apache-2.0
"""Gate 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.workflow.operations.registry import files, operation

if TYPE_CHECKING:
    from pipeline.project import Project


@operation("commit")
def _commit(project: Project, asset: str, message: str) -> dict[str, Any]:
    """Freeze the work; where nothing changed, the head is the version."""
    from pipeline.gates.delivery import commit_if_changed

    version = commit_if_changed(project, message)
    return {"version": version}


@operation("approve")
def _approve(project: Project, asset: str, version: str, by: str, comment: str = "") -> dict[str, Any]:
    """A reviewer's decision on that exact version."""
    from pipeline.gates.delivery import approve, request_review

    request_review(project, asset, version)
    row = approve(project, asset, version, comment, by)
    return {"version": row.version, "by": row.by, "prims": [row.prim]}


@operation("publish")
def _publish(project: Project, asset: str, version: str, formats: list[str] | None = None) -> dict[str, Any]:
    """Publish the approved version; `version` says which one that must be."""
    from pipeline.errors import GateRefused
    from pipeline.gates.delivery import publish
    from pipeline.review.decisions import approved_version

    approved = approved_version(project.open_stage(), asset)
    if approved != version:
        raise GateRefused(
            f"version {version[:12]} of {asset} is not the approved one",
            prim="/Project/Decisions",
            remedy=f"gates review approve {asset} --version {version[:12]}",
        )
    result = publish(project, asset, formats=formats)
    package = project.root / result.path
    return {
        "path": result.path,
        "number": result.number,
        "version": result.version,
        "exports": result.exports,
        "hooks": result.hooks,
        "files": files(project, *(package / f for f in result.files)),
    }
