# SPDX-License-Identifier: Apache-2.0
"""Operations by name: files of `pipeline/refiners`, and plug-ins of the entry point group `sevengates.refiners`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.refiners.core.base import Operation, Settings

__all__ = ["failed", "find", "names", "operations", "settings_of"]

_FOLDER = Path(__file__).parent.parent
_failed: dict[str, str] = {}


def names() -> list[str]:
    """Every operation, sorted."""
    return sorted({*_files(), *_plugins()})


def find(name: str) -> Operation:
    """The operation called `name`.

    Raises
    ------
    UsageError
        There is none, or its plug-in does not load.
    """
    wanted = name.replace("_", "-")
    if wanted in _files():
        module = import_module(f"pipeline.refiners.{wanted.replace('-', '_')}")
        operation: Operation = module.operation
        return operation
    if wanted in _plugins():
        try:
            loaded = _plugins()[wanted].load()
            return loaded if isinstance(loaded, Operation) else loaded.operation
        except Exception as error:  # a studio's own code may raise anything
            _failed[wanted] = f"{type(error).__name__}: {error}"
            raise UsageError(
                f"the plug-in operation {wanted!r} does not load: {_failed[wanted]}", remedy="see `gates plugins`"
            ) from error
    raise UsageError(f"unknown operation {name!r}", remedy=f"use one of: {', '.join(names())}")


def operations() -> list[Operation]:
    """Every operation that loads; the others are told by `failed`."""
    found = []
    for name in names():
        try:
            found.append(find(name))
        except UsageError as error:
            _failed.setdefault(name, error.message)
    return found


def failed() -> dict[str, str]:
    """Plug-ins that did not load, and why."""
    return dict(_failed)


def settings_of(operation: Operation, given: dict[str, Any] | Settings | None) -> Settings:
    """The operation's settings from plain values; text is turned into the type of the field.

    Raises
    ------
    UsageError
        A key is unknown or a value does not serve.
    """
    if isinstance(given, Settings):
        return given
    values = {key.replace("-", "_"): value for key, value in (given or {}).items()}
    try:
        return operation.settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(x) for x in first["loc"])
        known = ", ".join(operation.settings.model_fields) or "none"
        raise UsageError(f"{operation.name}: {key}: {first['msg']}", remedy=f"its settings are: {known}") from error


@cache
def _files() -> frozenset[str]:
    return frozenset(p.stem.replace("_", "-") for p in _FOLDER.glob("*.py") if p.stem != "__init__")


@cache
def _plugins() -> dict[str, Any]:
    return {e.name: e for e in entry_points(group="sevengates.refiners")}
