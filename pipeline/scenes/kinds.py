# SPDX-License-Identifier: Apache-2.0
"""Kinds of scene stages: which departments they have, in which order, and who writes what (`config/scenes.toml`)."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import ConfigError, UsageError
from pipeline.settings import load

__all__ = ["Continuity", "Kind", "RenderDefaults", "SceneSettings", "scene_settings"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(_Strict):
    """A kind of stage.

    Attributes
    ----------
    departments
        Names of its layers, the strongest first.
    """

    departments: list[str] = Field(min_length=1)


class Continuity(_Strict):
    """What may differ between two shots: metres, degrees, and shares of a size and of a light."""

    position_m: float = Field(default=0.01, ge=0)
    angle: float = Field(default=0.5, ge=0)
    scale: float = Field(default=0.005, ge=0)
    light: float = Field(default=0.02, ge=0)


class RenderDefaults(_Strict):
    """Render settings of a stage unless told otherwise; the product's name is relative to the stage."""

    width: int = Field(default=1920, ge=1, le=16384)
    height: int = Field(default=1080, ge=1, le=16384)
    product: str = "renders/{scene}.####.exr"
    aovs: list[str] = Field(default=["color"], min_length=1)


class SceneSettings(_Strict):
    """The tables of `config/scenes.toml` as they count for a project."""

    levels: list[str] = Field(min_length=1)
    kinds: dict[str, Kind]
    writes: dict[str, list[str]] = Field(default_factory=dict)
    continuity: Continuity = Continuity()
    render: RenderDefaults = RenderDefaults()

    def kind(self, name: str) -> Kind:
        """A kind by name.

        Raises
        ------
        UsageError
            There is none.
        """
        if name not in self.kinds:
            raise UsageError(
                f"there is no kind of scene {name!r}",
                remedy=f"use one of: {', '.join(self.kinds)}, or add [scenes.kinds.{name}] to gates.toml",
            )
        return self.kinds[name]

    def kind_at(self, depth: int) -> str:
        """The kind of a stage by its depth, the first being 1."""
        return self.levels[min(depth, len(self.levels)) - 1]

    def writer(self, work: str, departments: list[str]) -> str:
        """The department that a kind of work belongs to."""
        return next((name for name in self.writes.get(work, []) if name in departments), departments[-1])


def scene_settings(project: Path | None = None) -> SceneSettings:
    """What counts for the project in a folder.

    Raises
    ------
    ConfigError
        A key means nothing.
    """
    try:
        return SceneSettings(**load("scenes", project)["scenes"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"[scenes] {where}: {first['msg']}",
            path=project and project / "gates.toml",
            remedy="see config/scenes.toml",
        ) from error
