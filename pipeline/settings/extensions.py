# SPDX-License-Identifier: Apache-2.0
"""Classes that come from outside the package: installed entry points and files of the studio's folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.settings import studio_folder
from pipeline.settings.trust import is_trusted

__all__ = ["classes_of", "load_extensions"]


def load_extensions(
    group: str,
    folder: str,
    base: type[Any],
    attribute: str,
    add: Callable[[Any, str], None],
    project: Path | None = None,
) -> dict[str, str]:
    """Give each class and where it comes from to `add`; returns why the others did not load, by origin.

    Parameters
    ----------
    group
        Of entry points, each a class or a module of classes.
    folder
        Of Python files, below the studio's, and below the project's where that was trusted (`gates trust`).
    base, attribute
        What counts in a module, see `classes_of`.
    project
        The project's folder; None for what counts without one.
    """
    failures: dict[str, str] = {}
    for entry in entry_points(group=group):
        origin = f"entry point {entry.name}"
        try:
            loaded = entry.load()
            for found in classes_of(loaded, base, attribute) if isinstance(loaded, ModuleType) else [loaded]:
                add(found, origin)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a plug-in may fail in any way; it is reported and left out
            failures[origin] = f"{type(error).__name__}: {error}"
    for file in _files(folder, failures, project):
        try:
            for found in classes_of(_load(file, folder), base, attribute):
                add(found, str(file))
        except (Exception, SystemExit) as error:  # noqa: BLE001
            failures[str(file)] = f"{type(error).__name__}: {error}"
    return failures


def _files(folder: str, failures: dict[str, str], project: Path | None) -> list[Path]:
    studio = studio_folder()
    files = sorted((studio / folder).glob("*.py")) if studio else []
    own = sorted((project / folder).glob("*.py")) if project else []
    if own and project and not is_trusted(project):
        failures[str(project / folder)] = "this project is not trusted here: read its rules, then run gates trust"
        own = []
    return [*files, *own]


def classes_of(module: ModuleType, base: type[Any], attribute: str) -> list[type[Any]]:
    """The subclasses of `base` that a module defines itself and that have `attribute`."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and hasattr(value, attribute)
    ]


def _load(file: Path, folder: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"sevengates_studio_{folder}_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
