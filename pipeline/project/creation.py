# SPDX-License-Identifier: Apache-2.0
"""A new project folder: configuration, the stage everybody opens, the first version and the branch `main`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pxr import Sdf, UsdGeom

from pipeline.errors import ProjectError
from pipeline.resources import folder
from pipeline.usd.writing import replace_text
from pipeline.versions.layout import Layout
from pipeline.versions.stages import root_stage_text
from pipeline.versions.store import VersionStore
from pipeline.versions.version import root_metadata

__all__ = ["create_project"]

METERS = {"m": UsdGeom.LinearUnits.meters, "cm": UsdGeom.LinearUnits.centimeters}
FIRST_BRANCH = "main"

_CONFIG = """\
# Seven Gates: what holds for this project. Keys of jobs, targets, thresholds and naming may be overridden in
# tables of the same names, as in the files of config/.

[project]
name = {name}
# the job of assets whose intent names none (see `gates intent`)
job = {job}
# where deliveries go unless told otherwise: unreal, unity, godot, web, print, ar, or empty
target = {target}
# of the stage: m or cm
units = {units}
"""


def create_project(root: Path, *, name: str, job: str, target: str, units: Literal["m", "cm"], author: str) -> None:
    """Write everything a project consists of; `project.usda` comes last, since it is what makes it one.

    Raises
    ------
    ProjectError
        There is a project already, or the folder cannot be written.
    """
    layout = Layout(root)
    if layout.stage.exists():
        raise ProjectError("there is a project here already", path=root, remedy="choose another folder")
    try:
        for path in (
            layout.branches,
            layout.versions,
            layout.objects,
            layout.tags,
            layout.works,
            layout.publish,
            layout.locks,
        ):
            path.mkdir(parents=True, exist_ok=True)
        replace_text(
            layout.config,
            _CONFIG.format(
                name=json.dumps(name), job=json.dumps(job), target=json.dumps(target), units=json.dumps(units)
            ),
        )
        replace_text(layout.private / ".gitignore", "*\n")
        store = VersionStore(layout)
        first = first_layer(units)
        content = store.objects.add_content(first)
        version = store.record(
            [content.name],
            root_metadata(first),
            parents=[],
            branch=FIRST_BRANCH,
            author=author,
            message="new project",
            size=content.stat().st_size,
        )
        store.refs.move(FIRST_BRANCH, version.id)
        replace_text(layout.stage, root_stage_text(root_metadata(first), FIRST_BRANCH))
        store.index.add([version])
    except OSError as error:
        raise ProjectError(
            f"this folder cannot hold a project: {error.strerror or error}",
            path=error.filename or root,
            remedy="check its permissions and the free space",
        ) from error


def first_layer(units: Literal["m", "cm"]) -> Sdf.Layer:
    """The content of the first version, from the template in `stages/`."""
    layer = Sdf.Layer.OpenAsAnonymous(str(folder("stages") / "project.usda"))
    layer.ClearCustomLayerData()
    layer.pseudoRoot.SetInfo("metersPerUnit", METERS[units])
    return layer
