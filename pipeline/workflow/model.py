# SPDX-License-Identifier: Apache-2.0
"""A workflow: named nodes, each an operation with parameters, in the order they run.

A parameter `"$node.field"` is a field of what an earlier node gave (`"$node.field ? 1.0"` says what counts where
there is none); `"$settings.name"` one of the workflow's settings; `"@file"` a file beside the workflow. What a node
merely depends on, without taking it as a parameter, it lists in `sees`: a change there makes it run again.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import ConfigError, UsageError
from pipeline.resources import folder

__all__ = ["Node", "Workflow", "load_workflow", "workflow_names"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Node(_Strict):
    """One step.

    Attributes
    ----------
    op
        The operation (`pipeline.workflow.operations`).
    gate
        The gate it belongs to, for the board; empty where it belongs to none.
    sees
        `node` or `node.field`: run again when that changed.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    op: str
    gate: str = ""
    title: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    sees: list[str] = Field(default_factory=list)


class Workflow(_Strict):
    """A graph in the order it runs; `home` is the folder that `@file` parameters are relative to."""

    name: str
    title: str
    asset: str
    job: str
    settings: dict[str, Any] = Field(default_factory=dict)
    nodes: list[Node]
    home: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _order(self) -> Workflow:
        known: set[str] = {"settings"}
        for node in self.nodes:
            if node.id in known:
                raise ValueError(f"node {node.id!r} stands twice")
            for name in [s.partition(".")[0] for s in node.sees] + _references(node.params):
                if name not in known:
                    raise ValueError(f"node {node.id!r} needs {name!r}, which does not run before it")
            known.add(node.id)
        return self

    def with_settings(self, changes: dict[str, str]) -> Workflow:
        """The workflow with parameters set as `NODE.PARAM=VALUE` or `settings.NAME=VALUE`.

        Raises
        ------
        UsageError
            There is no such node or parameter.
        """
        copy = self.model_copy(deep=True)
        for key, text in changes.items():
            node_id, _, param = key.partition(".")
            place = copy.settings if node_id == "settings" else None
            if place is None:
                node = next((n for n in copy.nodes if n.id == node_id), None)
                place = node.params if node else None
            if place is None or not param:
                known = ", ".join(["settings", *(n.id for n in copy.nodes)])
                raise UsageError(f"no node {node_id!r} in {self.name}", remedy=f"use one of: {known}")
            if node_id == "settings" and param not in place:
                raise UsageError(f"no setting {param!r} in {self.name}", remedy=f"use one of: {', '.join(place)}")
            place[param] = _value(text, place.get(param))
        return copy


def workflow_names() -> list[str]:
    """The workflows that ship, by the names `gates run` takes."""
    return sorted(p.parent.name.replace("_", "-") for p in folder("examples").glob("*/workflow.toml"))


def load_workflow(name: str) -> Workflow:
    """A workflow that ships, or one in a file.

    Raises
    ------
    UsageError
        There is none.
    ConfigError
        The file says something that means nothing.
    """
    shipped = folder("examples") / name.replace("-", "_") / "workflow.toml"
    path = shipped if shipped.exists() else Path(name)
    if path.is_dir():
        path = path / "workflow.toml"
    if not path.is_file():
        raise UsageError(f"no workflow {name!r}", remedy=f"give a file, or one of: {', '.join(workflow_names())}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return Workflow(**content, home=path.parent.resolve())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", path=path, remedy="mend that line") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"])
        raise ConfigError(f"{where}: {first['msg']}", path=path, remedy="see docs/reference/workflow.md") from error


def _references(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[1:].partition("?")[0].strip().partition(".")[0]] if value.startswith("$") else []
    if isinstance(value, dict):
        value = list(value.values())
    return [name for item in value for name in _references(item)] if isinstance(value, list) else []


def _value(text: str, old: Any) -> Any:
    """Text from a command line as the type of what it replaces, or as TOML would read it."""
    if isinstance(old, str) and not old.startswith(("$", "@")):
        return text
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
