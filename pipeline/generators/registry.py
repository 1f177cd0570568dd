# SPDX-License-Identifier: Apache-2.0
"""Which generators there are: ours, and a studio's own through the entry point group `sevengates.generators`.

An entry point names a class or function that takes no argument, or the keywords `project` and `jobs`, and gives a
`Generator`. One that does not load is reported, never swallowed, and never stops the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.generators.base import Generator

GROUP = "sevengates.generators"
#: our own, imported only when asked for
BUILTIN: dict[str, str] = {
    "embedded": "pipeline.generators.embedded:EmbeddedGenerator",
    "folder": "pipeline.generators.folder:FolderGenerator",
    "meshy": "pipeline.generators.meshy:Meshy",
    "tripo": "pipeline.generators.tripo:Tripo",
    "hunyuan": "pipeline.generators.hunyuan:Hunyuan",
    "tencent": "pipeline.generators.tencent:Tencent",
    "rodin": "pipeline.generators.rodin:Rodin",
    "stability": "pipeline.generators.stability:Stability",
    "fal": "pipeline.generators.fal:Fal",
    "selfhosted": "pipeline.generators.selfhosted:SelfHosted",
    "comfyui": "pipeline.generators.comfyui:ComfyUI",
}


@dataclass(frozen=True)
class Found:
    """One generator that was found: its name, where it comes from, and why it did not load (empty if it did)."""

    name: str
    source: str
    error: str = ""


def _foreign() -> dict[str, EntryPoint]:
    return {e.name: e for e in entry_points(group=GROUP) if e.name not in BUILTIN}


def names() -> list[str]:
    """All generators by name, ours first."""
    return [*BUILTIN, *sorted(_foreign())]


def load_generator(name: str, *, project: Path | None = None, jobs: Path | None = None) -> Generator:
    """Make one generator.

    Parameters
    ----------
    project
        The project's folder, whose `gates.toml` may configure the service.
    jobs
        The folder in which jobs of services are recorded before they are waited for.

    Raises
    ------
    UsageError
        There is none of that name, or it does not load.
    """
    if name in BUILTIN:
        module, _, attribute = BUILTIN[name].partition(":")
        made = getattr(import_module(module), attribute)
    else:
        foreign = _foreign()
        if name not in foreign:
            raise UsageError(f"unknown generator {name!r}", remedy=f"use one of: {', '.join(names())}")
        try:
            made = foreign[name].load()
        except Exception as error:
            raise UsageError(
                f"generator {name!r} does not load: {type(error).__name__}: {error}",
                remedy=f"mend or uninstall {foreign[name].value}",
            ) from error
    known = signature(made).parameters
    given: dict[str, Any] = {k: v for k, v in {"project": project, "jobs": jobs}.items() if k in known}
    generator: Generator = made(**given)
    return generator


def get(name: str, *, project: Path | None = None, jobs: Path | None = None) -> Generator:
    """The same as `load_generator`, short where it reads as `generators.get("meshy")`."""
    return load_generator(name, project=project, jobs=jobs)


def discover() -> list[Found]:
    """Every generator with the reason why it does not load, for `gates plugins`."""
    result = [Found(name, "sevengates") for name in BUILTIN]
    for name, entry in sorted(_foreign().items()):
        error = ""
        try:
            entry.load()
        except Exception as problem:  # noqa: BLE001
            error = f"{type(problem).__name__}: {problem}"
        result.append(Found(name, entry.dist.name if entry.dist else entry.value, error))
    return result
