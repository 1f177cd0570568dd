# SPDX-License-Identifier: Apache-2.0
"""Scenes in versions: layers frozen as objects named by their content, records of them in the branch, and back.

The files below scenes/ are what departments work on. A commit stores each of them, with everything it names, among
the project's objects and writes down their names below /Project/Scenes, so that a version, a branch or a tag of the
project says what every scene was, and merges and diffs as the rest does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pxr import Sdf, Usd
from pydantic import Field

from pipeline.errors import UsageError
from pipeline.scenes.stages import SceneStage, list_departments
from pipeline.usd.anchoring import reanchor, relative
from pipeline.usd.clock import now
from pipeline.usd.records import Record, children, valid_name
from pipeline.usd.writing import replace_layer
from pipeline.versions.objects import ObjectStore, open_copy

__all__ = [
    "SceneLayerRecord",
    "SceneRecord",
    "freeze_scene",
    "frozen_stage",
    "record_path",
    "recorded_scenes",
    "restore_scene",
]

ROOT = "/Project/Scenes"


class SceneRecord(Record):
    """A committed scene, as it is kept in the stage."""

    schema_type: ClassVar[str] = "GatesScene"

    name: str = ""
    kind: str = ""
    stage: str = ""
    departments: list[str] = Field(default_factory=list)
    by: str = ""
    time: str = ""


class SceneLayerRecord(Record):
    """One department's layer of a committed scene."""

    schema_type: ClassVar[str] = "GatesSceneLayer"

    layer: str = ""


def record_path(name: str, *below: str) -> str:
    """The prim of a scene's record."""
    return "/".join([ROOT, *(valid_name(part) for part in name.split("/")), *(valid_name(part) for part in below)])


def freeze_scene(stage: Usd.Stage, scene: SceneStage, objects: ObjectStore, here: Path, by: str) -> bool:
    """Store a scene's layers and write their names down, at the stage's edit target.

    Parameters
    ----------
    here
        The folder of the layer that is written, for relative paths.

    Returns
    -------
    Whether anything is not as it was recorded.
    """
    path = record_path(scene.name)
    known = SceneRecord.find(stage, path)
    departments = scene.departments()
    frozen = relative(objects.add_layer(scene.path), here)
    same = known is not None and Path(known.stage).name == Path(frozen).name and known.departments == departments
    if same:
        return False
    record = SceneRecord(name=scene.name, kind=scene.kind, stage=frozen, departments=departments, by=by, time=now())
    record.author(stage, path)
    for name in departments:
        stored = relative(objects.add_layer(scene.department(name)), here)
        old = SceneLayerRecord.find(stage, record_path(scene.name, f"{name}_layer"))
        if old is None or Path(old.layer).name != Path(stored).name:
            SceneLayerRecord(layer=stored).author(stage, record_path(scene.name, f"{name}_layer"))
    return True


def recorded_scenes(stage: Usd.Stage) -> dict[str, SceneRecord]:
    """The scenes that a version holds, by name."""
    found: dict[str, SceneRecord] = {}
    waiting = [ROOT]
    while waiting:
        for prim in children(stage, waiting.pop(), SceneRecord):
            record = SceneRecord.read(prim)
            found[record.name] = record
            waiting.append(str(prim.GetPath()))
    return dict(sorted(found.items()))


def frozen_stage(stage: Usd.Stage, name: str) -> Path:
    """The stage of a scene as a version holds it: a file that opens by itself and never changes.

    Raises
    ------
    UsageError
        The version holds no such scene.
    """
    return Path(_record(stage, name).stage)


def _record(stage: Usd.Stage, name: str) -> SceneRecord:
    record = SceneRecord.find(stage, record_path(name))
    if record is None:
        known = ", ".join(recorded_scenes(stage)) or "none"
        raise UsageError(f"this version has no scene {name!r}", remedy=f"it has: {known}")
    return record


def restore_scene(stage: Usd.Stage, scene: SceneStage, objects: ObjectStore) -> list[Path]:
    """Write a scene's files as a version holds them; what they said until now is kept among the objects.

    What followed a branch or an entry layer names what that was when it was committed.

    Returns
    -------
    The objects that hold what was overwritten.

    Raises
    ------
    UsageError
        The version holds no such scene.
    """
    record = _record(stage, scene.name)
    kept = []
    for name in record.departments:
        saved = SceneLayerRecord.find(stage, record_path(scene.name, f"{name}_layer"))
        if saved is None:
            raise UsageError(
                f"this version lacks the layer of {name}", prim=record_path(scene.name), remedy="gates verify"
            )
        layer = _moved(Path(saved.layer), scene.folder)
        target = scene.department(name)
        if target.is_file() and open_copy(target).ExportToString() != layer.ExportToString():
            kept.append(objects.add_layer(target))
        replace_layer(target, layer)
    root = _moved(Path(record.stage), scene.folder)
    list_departments(scene, root, record.departments)
    replace_layer(scene.path, root)
    return kept


def _moved(stored: Path, folder: Path) -> Sdf.Layer:
    """A stored layer whose relative paths are those of a folder."""
    layer = open_copy(stored)
    reanchor(layer, Path(os.path.normpath(stored.parent)), folder)
    return layer
