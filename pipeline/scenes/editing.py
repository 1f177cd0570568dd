# SPDX-License-Identifier: Apache-2.0
"""Writing to one department of a scene stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pxr import Sdf, Usd

from pipeline.errors import UsageError
from pipeline.project.threads import alone, keep
from pipeline.scenes.departments import reload_scenes
from pipeline.scenes.stages import SceneStage, require_stage
from pipeline.usd.writing import replace_layer
from pipeline.versions.locks import locked
from pipeline.versions.objects import open_copy

__all__ = ["edit_scene", "open_scene"]


@contextmanager
def edit_scene(scene: SceneStage, department: str) -> Iterator[Usd.Stage]:
    """The composed stage with the department's layer as edit target.

    Saved whole on leaving; on an exception the layer stays as it was. Departments are files of their own, so two
    people who work in two of them do not meet; two programs in one stage wait for each other.

    Raises
    ------
    UsageError
        The stage has no such department.
    StageError
        The department's layer is missing or cannot be read.
    """
    known = scene.departments()
    if department not in known:
        raise UsageError(
            f"{scene.name} has no department {department!r}",
            path=scene.path,
            remedy=f"use one of: {', '.join(known)}, or gates scene department {scene.name} --add {department}",
        )
    path = scene.department(department)
    open_copy(path)  # a broken layer is refused here, in words
    with alone(), locked(scene.lock, f"the scene {scene.name!r}"):
        reload_scenes(scene.project)
        stage = keep(require_stage(scene))
        layer = Sdf.Layer.FindOrOpen(str(path))
        before = layer.ExportToString()
        stage.SetEditTarget(layer)
        try:
            yield stage
        except BaseException:
            layer.Reload(force=True)
            raise
        if layer.ExportToString() != before:
            replace_layer(path, layer)


def open_scene(scene: SceneStage) -> Usd.Stage:
    """The composed stage as it is on the disk now, for reading."""
    with alone():
        reload_scenes(scene.project)
        return keep(require_stage(scene))
