# SPDX-License-Identifier: Apache-2.0
"""Scenes in versions: commit them with the branch, bring one back, see and change what they are pinned to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.scenes.continuity import Drift
from pipeline.scenes.pinning import ScenePin

if TYPE_CHECKING:
    from pipeline.project import Project
    from pipeline.scenes.stages import SceneStage
    from pipeline.versions.diff import Diff

__all__ = [
    "ContinuityResult",
    "PinsResult",
    "RestoreResult",
    "SceneCommit",
    "check_continuity",
    "commit_scenes",
    "diff_scenes",
    "list_scene_pins",
    "pin_scene",
    "restore",
]


class SceneCommit(BaseModel):
    """What `gates scene commit` prints; `version` is None where nothing had changed."""

    version: str | None
    branch: str
    scenes: list[str]


class RestoreResult(BaseModel):
    """What `gates scene restore` prints; `kept` are the objects that hold what was overwritten."""

    scene: str
    ref: str
    departments: list[str]
    kept: list[str] = Field(default_factory=list)


class PinsResult(BaseModel):
    """What `gates scene pins` prints; `changed` are prims, by scene."""

    pins: list[ScenePin]
    changed: dict[str, list[str]] = Field(default_factory=dict)


class ContinuityResult(BaseModel):
    """What `gates scene continuity` prints: the shots in the order they were compared, and where they drift."""

    sequence: str
    shots: list[str]
    drifts: list[Drift]


def commit_scenes(project: Project, message: str, name: str | None = None) -> SceneCommit:
    """Freeze scenes and commit them with the work on the current branch.

    Parameters
    ----------
    name
        A scene; with it go those it begins with and those that begin with it. None takes all.

    Raises
    ------
    UsageError
        There is no such scene, or there is none at all.
    """
    from pxr import Sdf

    from pipeline.errors import NothingToCommit, UsageError
    from pipeline.scenes.editing import open_scene
    from pipeline.scenes.freezing import ROOT, freeze_scene
    from pipeline.scenes.stages import SceneStage, scene_stages
    from pipeline.versions.merge import Choice, Conflict

    every = scene_stages(project.root)
    if not every:
        raise UsageError("there is no scene to commit", path=project.root, remedy="gates scene new NAME")
    if name is not None:
        wanted = SceneStage.found(project.root, name).name
        every = [s for s in every if f"{s.name}/".startswith(f"{wanted}/") or f"{wanted}/".startswith(f"{s.name}/")]
    for scene in every:
        open_scene(scene)  # a scene that does not open is not committed
    with project.edit() as stage:
        here, who = project.work_path.parent, project.work
        frozen = [scene.name for scene in every if freeze_scene(stage, scene, project.objects, here, who)]

    def mine(conflict: Conflict) -> Choice | None:
        # the files below scenes/ are everybody's: what is frozen last holds what was frozen before
        if not f"{conflict.path}/".startswith(f"{ROOT}/"):
            return None
        return Choice(Sdf.SpecifierDef if conflict.field == "specifier" else conflict.ours)

    try:
        version: str | None = project.commit(message, settle=mine).id
    except NothingToCommit:
        version = None
    return SceneCommit(version=version, branch=project.branch_name, scenes=frozen)


def restore(project: Project, name: str, ref: str | None = None) -> RestoreResult:
    """Write a scene's files as a branch, tag or version holds them (default: the current branch).

    What was not committed is kept among the objects and named in the result.

    Raises
    ------
    UsageError
        The version has no such scene.
    """
    from pipeline.scenes.freezing import restore_scene
    from pipeline.scenes.stages import SceneStage
    from pipeline.versions.locks import locked

    scene = SceneStage.named(project.root, name)
    stage = project.open_stage(ref or project.branch_name)
    with locked(scene.lock, f"the scene {scene.name!r}"):
        kept = restore_scene(stage, scene, project.objects)
    return RestoreResult(
        scene=scene.name,
        ref=ref or project.branch_name,
        departments=scene.departments(),
        kept=[path.relative_to(project.root).as_posix() for path in kept],
    )


def diff_scenes(project: Project, name: str, a: str, b: str | None = None, *, composed: bool = False) -> Diff:
    """What differs between a scene as two versions hold it, or as one holds it and as its files are now.

    Raises
    ------
    UsageError
        A version has no such scene.
    """
    from pipeline.scenes.freezing import frozen_stage
    from pipeline.scenes.stages import SceneStage

    scene = SceneStage.named(project.root, name)
    old = frozen_stage(project.open_stage(a), scene.name)
    if b is not None:
        new = frozen_stage(project.open_stage(b), scene.name)
    else:  # stored as a commit would, so that both sides name files alike
        new = project.objects.add_layer(SceneStage.found(project.root, name).path)
    return project.diff(str(old), str(new), composed=composed)


def list_scene_pins(project: Project, name: str | None = None) -> PinsResult:
    """What scenes bring in and what each is pinned to."""
    from pipeline.scenes.pinning import scene_pins

    return PinsResult(pins=[pin for scene in _scenes(project, name) for pin in scene_pins(scene)])


def pin_scene(project: Project, asset: str, number: int, name: str | None = None) -> PinsResult:
    """Use package `number` of an asset in a scene and those that begin with it (None: in all).

    Raises
    ------
    UsageError
        There is no such package.
    """
    from pipeline.scenes.pinning import repin_scene, scene_pins
    from pipeline.versions.locks import locked

    changed: dict[str, list[str]] = {}
    scenes = _scenes(project, name)
    for scene in scenes:
        with locked(scene.lock, f"the scene {scene.name!r}"):
            found = repin_scene(scene, asset, number)
        if found:
            changed[scene.name] = found
    return PinsResult(pins=[pin for scene in scenes for pin in scene_pins(scene)], changed=changed)


def check_continuity(
    project: Project, sequence: str, *, shots: list[str] | None = None, fields: list[str] | None = None
) -> ContinuityResult:
    """Compare what each shot of a sequence begins with to what the one before ends with.

    Parameters
    ----------
    shots
        In the order of the cut; unless told, by name.
    fields
        Only these: presence, asset, pin, variant, position, rotation, scale, visibility, pose, material, light.

    Raises
    ------
    UsageError
        There is no such sequence or shot, or fewer than two shots.
    """
    from pipeline.errors import UsageError
    from pipeline.scenes.continuity import compare
    from pipeline.scenes.editing import open_scene
    from pipeline.scenes.facts import facts_of
    from pipeline.scenes.kinds import scene_settings
    from pipeline.scenes.stages import SceneStage

    scene = SceneStage.found(project.root, sequence)
    names = [n if "/" in n else f"{scene.name}/{n}" for n in shots] if shots else [s.name for s in scene.children()]
    if len(names) < 2:
        raise UsageError(
            f"{scene.name} has fewer than two shots to compare", remedy=f"gates scene new {scene.name}/sh020"
        )
    limits = scene_settings(project.root).continuity
    drifts: list[Drift] = []
    before: Any = None
    for i, name in enumerate(names):
        stage = open_scene(SceneStage.found(project.root, name))
        first = facts_of(stage, project.root, stage.GetStartTimeCode())
        if before is not None:
            drifts += compare(before, first, (names[i - 1], name), limits)
        before = facts_of(stage, project.root, stage.GetEndTimeCode())
    kept = [d for d in drifts if not fields or d.field in fields]
    return ContinuityResult(sequence=scene.name, shots=names, drifts=kept)


def _scenes(project: Project, name: str | None) -> list[SceneStage]:
    from pipeline.scenes.stages import SceneStage, scene_stages

    every = scene_stages(project.root)
    if name is None:
        return every
    wanted = SceneStage.found(project.root, name).name
    return [s for s in every if f"{s.name}/".startswith(f"{wanted}/")]
