# SPDX-License-Identifier: Apache-2.0
"""Scene stages on disk: `scenes/<sequence>/<sequence>.usda`, `scenes/<sequence>/<shot>/<shot>.usda`, and so on.

The root layer of a stage lists its departments, each a layer beside it, the strongest first, and beneath them the
root layer of the stage it belongs to: a shot sees what its sequence says and may say otherwise. All paths are
relative and no expression variable is used, so a stage opens in any USD tool wherever the project folder lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pxr import Sdf, Tf, Usd, UsdGeom

from pipeline.errors import StageError, UsageError
from pipeline.usd.writing import replace_text
from pipeline.versions.objects import open_copy
from pipeline.versions.version import root_metadata, set_root_metadata

__all__ = ["SceneStage", "create_stage", "list_departments", "require_stage", "scene_stages", "write_department"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,63}")
_KEY = "gates"
#: below the project folder
FOLDER = "scenes"


@dataclass(frozen=True)
class SceneStage:
    """A stage of a project.

    Attributes
    ----------
    project
        The project folder.
    name
        `sequence` or `sequence/shot`.
    """

    project: Path
    name: str

    @classmethod
    def named(cls, project: Path, name: str) -> SceneStage:
        """A stage by its name, whether it is there or not.

        Raises
        ------
        UsageError
            The name cannot be one.
        """
        parts = name.strip("/").removeprefix(f"{FOLDER}/").split("/")
        for part in parts:
            if not _NAME.fullmatch(part):
                raise UsageError(
                    f"{name!r} cannot name a scene",
                    remedy="write sequence or sequence/shot with letters, digits and underscores",
                )
        return cls(project, "/".join(parts))

    @classmethod
    def found(cls, project: Path, name: str) -> SceneStage:
        """A stage that is there.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        scene = cls.named(project, name)
        if not scene.path.is_file():
            known = ", ".join(s.name for s in scene_stages(project))
            raise UsageError(
                f"there is no scene {scene.name!r}",
                path=scene.path,
                remedy=f"use one of: {known}" if known else f"gates scene new {scene.name}",
            )
        return scene

    @property
    def folder(self) -> Path:
        """Where its layers lie."""
        return self.project / FOLDER / self.name

    @property
    def path(self) -> Path:
        """Its root layer."""
        return self.folder / f"{self.short}.usda"

    @property
    def short(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def depth(self) -> int:
        """1 for a sequence, 2 for a shot of one."""
        return self.name.count("/") + 1

    @property
    def parent(self) -> SceneStage | None:
        """The stage whose opinions it begins with."""
        above = self.name.rpartition("/")[0]
        return SceneStage(self.project, above) if above else None

    @property
    def lock(self) -> Path:
        """The file to lock while its layers change."""
        return self.project / ".gates" / "locks" / f"scene-{self.name.replace('/', '-')}.lock"

    def department(self, name: str) -> Path:
        """The layer of a department."""
        return self.folder / f"{name}.usda"

    def root(self) -> Sdf.Layer:
        """The root layer as it is on the disk, shared with nobody.

        Raises
        ------
        StageError
            It cannot be read.
        """
        return open_copy(self.path)

    @property
    def kind(self) -> str:
        """What it was made as."""
        return str(self.root().customLayerData.get(_KEY, {}).get("kind", "shot"))

    def departments(self) -> list[str]:
        """Its departments, the strongest first."""
        layer = self.root()
        own = [str(path) for path in layer.subLayerPaths if path.startswith("./")]
        return [path.removeprefix("./").removesuffix(".usda") for path in own]

    def layers(self) -> list[Path]:
        """The root layer and the departments' layers."""
        return [self.path, *(self.department(name) for name in self.departments())]

    def metadata(self) -> dict[str, Any]:
        """What its root layer says about axes, units and time."""
        return root_metadata(self.root())

    def children(self) -> list[SceneStage]:
        """The stages that begin with this one."""
        return [s for s in scene_stages(self.project) if s.parent == self]


def scene_stages(project: Path) -> list[SceneStage]:
    """Every stage of a project, each sequence before its shots."""
    return sorted(_stages_below(project, project / FOLDER), key=lambda s: s.name)


def _stages_below(project: Path, folder: Path) -> Iterator[SceneStage]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (path / f"{path.name}.usda").is_file():
            yield SceneStage(project, path.relative_to(project / FOLDER).as_posix())
            yield from _stages_below(project, path)


def create_stage(scene: SceneStage, kind: str, departments: list[str], metadata: dict[str, Any]) -> None:
    """Write the layers of a new stage; the root layer comes last, since it is what makes it one.

    Parameters
    ----------
    metadata
        Root metadata: axes, units and time, the same on every layer.

    Raises
    ------
    UsageError
        There is such a stage already, its parent is missing, or a department's name cannot be a file's.
    """
    if scene.path.exists():
        raise UsageError(f"there is a scene {scene.name!r} already", path=scene.path, remedy="choose another name")
    if scene.parent and not scene.parent.path.is_file():
        raise UsageError(
            f"there is no scene {scene.parent.name!r} to begin with", remedy=f"gates scene new {scene.parent.name}"
        )
    for name in departments:
        if not scene.department(name).exists():
            write_department(scene, name, metadata)
    write_root(scene, kind, departments, metadata)


def write_department(scene: SceneStage, name: str, metadata: dict[str, Any]) -> None:
    """Write an empty layer of a department.

    Raises
    ------
    UsageError
        That is no name for one.
    """
    if not _NAME.fullmatch(name) or name == scene.short:
        raise UsageError(
            f"{name!r} cannot name a department of {scene.name}",
            remedy="use letters, digits and underscores, and not the scene's own name",
        )
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, metadata)
    layer.documentation = f"{name} of {scene.name}"
    replace_text(scene.department(name), layer.ExportToString())


def write_root(scene: SceneStage, kind: str, departments: list[str], metadata: dict[str, Any]) -> None:
    """Write the root layer: what is said about the stage as a whole, and its layers in order."""
    layer = Sdf.Layer.CreateAnonymous(".usda")
    set_root_metadata(layer, {**metadata, "defaultPrim": "World"})
    layer.documentation = f"The {kind} {scene.name}: departments, strongest first" + (
        f", over what {scene.parent.name} says." if scene.parent else "."
    )
    layer.customLayerData = {_KEY: {"kind": kind}}
    _outline(Usd.Stage.Open(layer, Usd.Stage.LoadNone))
    list_departments(scene, layer, departments)
    replace_text(scene.path, layer.ExportToString())


def list_departments(scene: SceneStage, layer: Sdf.Layer, departments: list[str]) -> None:
    """Say on a root layer which departments there are, the strongest first; the parent stays beneath them."""
    parent = [f"../{scene.parent.short}.usda"] if scene.parent else []
    layer.subLayerPaths = [f"./{name}.usda" for name in departments] + parent


def _outline(stage: Usd.Stage) -> None:
    """The groups that everything of a scene stands in."""
    world = UsdGeom.Xform.Define(stage, "/World").GetPrim()
    Usd.ModelAPI(world).SetKind("assembly")
    for group in ("Assets", "Set", "Cameras", "Lights"):
        prim = UsdGeom.Xform.Define(stage, f"/World/{group}").GetPrim()
        if group in ("Assets", "Set"):
            Usd.ModelAPI(prim).SetKind("group")


def require_stage(scene: SceneStage) -> Usd.Stage:
    """The composed stage.

    Raises
    ------
    StageError
        It does not open.
    """
    try:
        return Usd.Stage.Open(str(scene.path))
    except Tf.ErrorException as error:
        raise StageError(
            "this scene does not open", path=scene.path, remedy=f"restore it: gates scene restore {scene.name}"
        ) from error
