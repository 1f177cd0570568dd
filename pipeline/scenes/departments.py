# SPDX-License-Identifier: Apache-2.0
"""Departments of a scene stage: their order, and what all of its layers must say alike."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf

from pipeline.errors import StageError, UsageError
from pipeline.scenes.stages import SceneStage, list_departments, require_stage, write_department
from pipeline.usd.writing import replace_layer, replace_text
from pipeline.versions.objects import open_copy
from pipeline.versions.version import root_metadata, set_root_metadata

__all__ = ["order_departments", "set_metadata", "stage_problems"]

#: what must be equal on all layers of a scene, and on the scenes above it
SHARED = ("upAxis", "metersPerUnit", "timeCodesPerSecond", "framesPerSecond")
#: what must be equal on the layers of one stage
OWN = (*SHARED, "startTimeCode", "endTimeCode")


def order_departments(scene: SceneStage, departments: list[str]) -> list[Path]:
    """Give a stage these departments in this order, the strongest first; layers that are missing are made.

    A department that is left out keeps its file and says nothing.

    Returns
    -------
    The layers that were made.

    Raises
    ------
    UsageError
        A name stands twice, none is left, or one cannot be a file's.
    """
    if not departments or len(set(departments)) != len(departments):
        raise UsageError("a stage needs departments, each once", path=scene.path, remedy="name them in order: --order")
    metadata = scene.metadata()
    made = [scene.department(name) for name in departments if not scene.department(name).exists()]
    for name in departments:
        if not scene.department(name).exists():
            write_department(scene, name, {k: v for k, v in metadata.items() if k in OWN})
    layer = scene.root()
    list_departments(scene, layer, departments)
    replace_text(scene.path, layer.ExportToString())
    return made


def set_metadata(scene: SceneStage, values: dict[str, Any]) -> None:
    """Author root metadata on every layer of a stage, so that none of them is scaled in time."""
    for path in scene.layers():
        layer = open_copy(path)
        set_root_metadata(layer, values)
        replace_layer(path, layer)


def stage_problems(scene: SceneStage) -> list[str]:
    """What is wrong with a stage: missing layers, metadata that differs, arcs that do not compose."""
    problems: list[str] = []
    own = scene.metadata()
    for name in scene.departments():
        path = scene.department(name)
        if not path.is_file():
            problems.append(f"the layer of {name} is missing")
            continue
        try:
            problems += _differences(name, root_metadata(open_copy(path)), own, OWN)
        except StageError as error:
            problems.append(f"the layer of {name} cannot be read: {error.message}")
    if scene.parent:
        if scene.parent.path.is_file():
            problems += _differences(scene.parent.name, scene.parent.metadata(), own, SHARED)
        else:
            problems.append(f"{scene.parent.name}, which it begins with, is missing")
    problems += [_first_line(str(error)) for error in require_stage(scene).GetCompositionErrors()]
    return problems


def _differences(name: str, found: dict[str, Any], wanted: dict[str, Any], keys: tuple[str, ...]) -> list[str]:
    return [
        f"{name} says {key} {found.get(key)}, the stage {wanted[key]}"
        for key in keys
        if key in wanted and found.get(key) != wanted[key]
    ]


def _first_line(text: str) -> str:
    return " ".join(text.split())[:300]


def opinions(path: Path) -> int:
    """How many prims a department's layer has an opinion about; 0 where it cannot be read."""
    try:
        layer = open_copy(path)
    except StageError:
        return 0
    found: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, lambda prim: found.append(prim) if prim.IsPrimPath() else None)
    return len(found)


def reload_scenes(project: Path) -> None:
    """Make what moves (scenes, branches, entries of packages) say what is on the disk now."""
    moving = (project / "scenes", project / "branches")

    def moves(path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in moving) or path.parent.parent == project / "publish"

    stale = [layer for layer in Sdf.Layer.GetLoadedLayers() if layer.realPath and moves(Path(layer.realPath))]
    if stale:
        with suppress(Tf.ErrorException):  # what cannot be read is told when it is opened
            Sdf.Layer.ReloadLayers(stale, force=True)


def set_root(scene: SceneStage, values: dict[str, Any]) -> None:
    """Author root metadata on the root layer alone, for what only a root layer may say."""
    layer = scene.root()
    set_root_metadata(layer, values)
    replace_layer(scene.path, layer)
