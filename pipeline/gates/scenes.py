# SPDX-License-Identifier: Apache-2.0
"""Scenes and shots of a project: stages below scenes/, their departments, and where a piece of work is written.

The project's own stage is a scene too: the one that every asset is judged in. Whatever takes a `scene` writes there
when none is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from pipeline.errors import StageError, UsageError
from pipeline.usd.anchoring import relative

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project
    from pipeline.scenes.stages import SceneStage

__all__ = [
    "DepartmentRow",
    "SceneRow",
    "Workplace",
    "find_prim",
    "list_scenes",
    "new_scene",
    "prim_name",
    "set_departments",
    "set_range",
    "show_scene",
    "view",
    "working",
]


class DepartmentRow(BaseModel):
    """One layer of a scene; `prims` is how many prims it says something about."""

    name: str
    path: str
    prims: int


class SceneRow(BaseModel):
    """A scene: its departments, the strongest first; paths relative to the project, times in time codes.

    Attributes
    ----------
    assets
        Prim path to the asset and what it is pinned to.
    problems
        What is wrong with it: missing layers, metadata that differs, arcs that do not compose.
    """

    name: str
    kind: str
    path: str
    parent: str | None
    start: float
    end: float
    fps: float
    departments: list[DepartmentRow]
    shots: list[str] = Field(default_factory=list)
    assets: dict[str, str] = Field(default_factory=dict)
    problems: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Workplace:
    """A stage that is being edited.

    Attributes
    ----------
    anchor
        Gives the relative asset path to author for a file of the project.
    department
        The layer that is written; empty for the project's own stage.
    """

    stage: Usd.Stage
    anchor: Callable[[Path], str]
    scene: str = ""
    department: str = ""

    def overruled(self, prim: str) -> list[str]:
        """Departments stronger than this one that say otherwise about what it says of a prim."""
        own = self.stage.GetEditTarget().GetLayer()
        spec = own.GetPrimAtPath(prim)
        if not self.scene or spec is None:
            return []
        names = [one.name for one in spec.properties.values()]
        said = {name for name in names if name.startswith(("xformOp", "focus", "focal", "inputs:"))}
        found = []
        for layer in self.stage.GetLayerStack(includeSessionLayers=False):
            if layer == own:
                break
            other = layer.GetPrimAtPath(prim)
            if other is not None and said & set(other.properties.keys()):
                found.append(Path(layer.realPath).stem)
        return found


@contextmanager
def working(project: Project, work: str, scene: str | None, department: str | None = None) -> Iterator[Workplace]:
    """Open the project's stage, or a scene at the department that a kind of work belongs to.

    Parameters
    ----------
    work
        asset, placement, set, blockout, scatter, camera, motion, light or render (`[scenes.writes]`).

    Raises
    ------
    UsageError
        There is no such scene or department.
    """
    from pipeline.scenes.editing import edit_scene
    from pipeline.scenes.kinds import scene_settings
    from pipeline.scenes.stages import SceneStage

    if scene is None:
        if department:
            raise UsageError("the project's own stage has no departments", remedy="name a scene with --scene")
        with project.edit() as stage:
            yield Workplace(stage, project.anchor)
        return
    found = SceneStage.found(project.root, scene)
    chosen = department or scene_settings(project.root).writer(work, found.departments())
    with edit_scene(found, chosen) as stage:
        yield Workplace(stage, lambda path: relative(Path(path).absolute(), found.folder), found.name, chosen)


def view(project: Project, scene: str | None = None) -> Usd.Stage:
    """The composed stage of a scene, or the project's own, for reading."""
    from pipeline.scenes.editing import open_scene
    from pipeline.scenes.stages import SceneStage

    return project.open_stage() if scene is None else open_scene(SceneStage.found(project.root, scene))


def new_scene(
    project: Project,
    name: str,
    *,
    kind: str | None = None,
    frames: tuple[float, float] | None = None,
    departments: list[str] | None = None,
) -> SceneRow:
    """Make a sequence, or a shot that begins with what its sequence says.

    Parameters
    ----------
    kind
        Of `[scenes.kinds]`; unless told, by depth.
    frames
        First and last time code; unless told, the parent's or the project's.
    departments
        In place of the kind's, the strongest first.

    Raises
    ------
    UsageError
        There is one already, its sequence is missing, or there is no such kind.
    """
    from pipeline.scenes.departments import OWN
    from pipeline.scenes.kinds import scene_settings
    from pipeline.scenes.stages import SceneStage, create_stage
    from pipeline.versions.locks import locked

    scene = SceneStage.named(project.root, name)
    settings = scene_settings(project.root)
    chosen = kind or settings.kind_at(scene.depth)
    names = departments or settings.kind(chosen).departments
    parent = scene.parent
    known = parent.metadata() if parent and parent.path.is_file() else project.store.metadata(project.head())
    metadata = {key: value for key, value in known.items() if key in OWN}
    if frames is not None:
        metadata.update(_frames(frames))
    with locked(scene.lock, f"the scene {scene.name!r}"):
        create_stage(scene, chosen, names, metadata)
    return show_scene(project, scene.name)


def list_scenes(project: Project) -> list[SceneRow]:
    """Every scene of a project, each sequence before its shots; one that does not open says so."""
    from pipeline.scenes.stages import scene_stages

    def row(scene: SceneStage) -> SceneRow:
        try:
            return show_scene(project, scene.name)
        except StageError as error:
            path = scene.path.relative_to(project.root).as_posix()
            above = scene.parent.name if scene.parent else None
            return SceneRow(
                name=scene.name, kind="", path=path, parent=above, start=0, end=0, fps=0, departments=[],
                problems=[error.message],
            )  # fmt: skip

    return [row(scene) for scene in scene_stages(project.root)]


def show_scene(project: Project, name: str) -> SceneRow:
    """A scene as it is on the disk.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    from pipeline.scenes.departments import opinions, stage_problems
    from pipeline.scenes.editing import open_scene
    from pipeline.scenes.facts import pinned_assets
    from pipeline.scenes.stages import SceneStage

    scene = SceneStage.found(project.root, name)
    stage = open_scene(scene)

    def row(department: str) -> DepartmentRow:
        path = scene.department(department)
        return DepartmentRow(name=department, path=path.relative_to(project.root).as_posix(), prims=opinions(path))

    return SceneRow(
        name=scene.name,
        kind=scene.kind,
        path=scene.path.relative_to(project.root).as_posix(),
        parent=scene.parent.name if scene.parent else None,
        start=stage.GetStartTimeCode(),
        end=stage.GetEndTimeCode(),
        fps=stage.GetTimeCodesPerSecond(),
        departments=[row(department) for department in scene.departments()],
        shots=[s.name for s in scene.children()],
        assets=pinned_assets(stage, project.root),
        problems=stage_problems(scene),
    )


def set_departments(
    project: Project,
    name: str,
    *,
    order: list[str] | None = None,
    add: str | None = None,
    above: str | None = None,
    remove: str | None = None,
    from_kind: bool = False,
) -> SceneRow:
    """Change which departments a scene has, or their order; a removed one keeps its file and says nothing.

    Parameters
    ----------
    order
        All of them, the strongest first.
    add, above
        One more, stronger than another; unless told, the strongest.
    from_kind
        Those of its kind as the configuration has them now, then those it has besides.

    Raises
    ------
    UsageError
        There is no such scene or department.
    """
    from pipeline.scenes.departments import order_departments
    from pipeline.scenes.kinds import scene_settings
    from pipeline.scenes.stages import SceneStage
    from pipeline.versions.locks import locked

    scene = SceneStage.found(project.root, name)
    with locked(scene.lock, f"the scene {scene.name!r}"):
        names = list(order) if order else scene.departments()
        if from_kind:
            kind = scene_settings(project.root).kind(scene.kind).departments
            names = [*kind, *(n for n in names if n not in kind)]
        for wanted in (above, remove):
            if wanted and wanted not in names:
                raise UsageError(f"{scene.name} has no department {wanted!r}", remedy=f"it has: {', '.join(names)}")
        if remove:
            names.remove(remove)
        if add:
            names = [n for n in names if n != add]
            names.insert(names.index(above) if above else 0, add)
        order_departments(scene, names)
    return show_scene(project, scene.name)


def set_range(project: Project, name: str, frames: tuple[float, float]) -> SceneRow:
    """Set the first and last time code of a scene, on all of its layers.

    Raises
    ------
    UsageError
        The last comes before the first.
    """
    from pipeline.scenes.departments import set_metadata
    from pipeline.scenes.stages import SceneStage
    from pipeline.versions.locks import locked

    scene = SceneStage.found(project.root, name)
    with locked(scene.lock, f"the scene {scene.name!r}"):
        set_metadata(scene, _frames(frames))
    return show_scene(project, scene.name)


def find_prim(stage: Usd.Stage, name: str) -> Usd.Prim:
    """A prim by path, or an asset or a set piece by name.

    Raises
    ------
    UsageError
        Nothing is called that.
    """
    from pxr import Sdf

    for path in (name,) if name.startswith("/") else (f"/World/Assets/{name}", f"/World/Set/{name}"):
        prim = stage.GetPrimAtPath(path) if Sdf.Path.IsValidPathString(path) else None
        if prim:
            return prim
    for prim in stage.Traverse():
        if prim.GetName() == name and str(prim.GetPath()).startswith("/World/"):
            return prim
    raise UsageError(f"nothing called {name!r} in the scene", remedy="give an asset's name or a prim path")


def prim_name(name: str) -> str:
    """A prim's name.

    Raises
    ------
    UsageError
        It cannot be one.
    """
    from pxr import Sdf

    if not Sdf.Path.IsValidIdentifier(name):
        raise UsageError(
            f"{name!r} cannot name a prim", remedy="use letters, digits and underscores, not beginning with a digit"
        )
    return name


def _frames(frames: tuple[float, float]) -> dict[str, float]:
    if frames[1] < frames[0]:
        raise UsageError(f"frames {frames[0]:g}:{frames[1]:g} run backwards", remedy="give the first frame first")
    return {"startTimeCode": float(frames[0]), "endTimeCode": float(frames[1])}
