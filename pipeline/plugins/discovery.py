# SPDX-License-Identifier: Apache-2.0
"""Every plug-in that was found, and why one was left out: nothing that fails to load is swallowed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

__all__ = ["Plugin", "discover"]

Kind = Literal["generator", "check", "note", "refiner", "exporter", "hook", "command"]


class Plugin(BaseModel):
    """One plug-in."""

    name: str
    kind: Kind
    state: Literal["ready", "failed"]
    source: str = ""
    error: str = ""


def discover(project: Path | None = None) -> list[Plugin]:
    """Generators, checks, measures of context notes, refiners, exporters, hooks and commands, ours first."""
    return [*_generators(), *_checks(project), *_notes(), *_refiners(), *_exporters(), *_hooks(project), *_commands()]


def _plugin(kind: Kind, name: str, source: str, error: str = "") -> Plugin:
    return Plugin(kind=kind, name=name, source=source, state="failed" if error else "ready", error=error)


def _generators() -> list[Plugin]:
    from pipeline.generators.registry import discover as found

    return [_plugin("generator", f.name, f.source, f.error) for f in found()]


def _checks(project: Path | None) -> list[Plugin]:
    from pipeline.checks.registry import load_rules

    known = load_rules(project)
    rows = [
        _plugin("check", name, f"{known.origins.get(name, '')}{' (instead of ours)' if name in known.replaced else ''}")
        for name in known.rules
    ]
    return rows + [_plugin("check", where, where, why) for where, why in known.failures.items()]


def _notes() -> list[Plugin]:
    from pipeline.scenes.notes import load_measures

    known = load_measures()
    rows = [_plugin("note", kind, known.origins.get(kind, "")) for kind in known.measures]
    return rows + [_plugin("note", where, where, why) for where, why in known.failures.items()]


def _refiners() -> list[Plugin]:
    from pipeline.refiners import failed, names, operations

    operations()  # loads them, so that what does not load is told
    broken = failed()
    return [
        _plugin("refiner", name, "sevengates" if name not in broken else "", broken.get(name, "")) for name in names()
    ]


def _exporters() -> list[Plugin]:
    from importlib import import_module

    from pipeline.exporters.seam import formats

    rows = []
    for suffix, module in sorted(formats().items()):
        error = ""
        try:
            import_module(module)
        except Exception as problem:  # noqa: BLE001  a foreign module may raise anything
            error = f"{type(problem).__name__}: {problem}"
        rows.append(_plugin("exporter", suffix, module, error))
    return rows


def _hooks(project: Path | None) -> list[Plugin]:
    from pipeline.plugins.hooks import EVENTS, find
    from pipeline.settings.trust import is_trusted

    rows = [
        _plugin("hook", f"{event}/{path.name}", source) for event in EVENTS for source, path in find(event, project)
    ]
    if project and (project / "hooks").is_dir() and not is_trusted(project):
        why = "this project is not trusted here: read its hooks, then run gates trust"
        rows.append(_plugin("hook", "hooks/", "project", why))
    return rows


def _commands() -> list[Plugin]:
    from importlib.metadata import entry_points

    rows = []
    for entry in entry_points(group="sevengates.commands"):
        error = ""
        try:
            entry.load()
        except Exception as problem:  # noqa: BLE001  a foreign module may raise anything
            error = f"{type(problem).__name__}: {problem}"
        rows.append(_plugin("command", entry.name, entry.value, error))
    return rows
