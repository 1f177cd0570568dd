# SPDX-License-Identifier: Apache-2.0
"""Project memory: what the project remembers from one brief to the next, kept as prims under /Project/Memory.

Palettes and scale constraints are rules for inspection and context, banned words and style notes go into
prompts, past briefs say which candidate won and why the others did not. Nothing here changes by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pipeline.errors import UsageError
from pipeline.usd.records import Record, children, now, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["ROOT", "Memory", "forget", "recall", "remember"]

ROOT = "/Project/Memory"
Kind = Literal["palette", "scale", "style", "banned", "reference", "past"]


class Memory(Record):
    """One remembered thing.

    Attributes
    ----------
    palette
        Colours, linear Rec.709.
    max_saturation
        Highest HSV saturation of sRGB values that the palette allows, 0-1; 0 where nobody said.
    height
        Smallest and largest height in metres of what `text` names; zeros where nobody said.
    """

    schema_type: ClassVar[str] = "GatesMemory"

    kind: Kind = "style"
    text: str = ""
    palette: list[tuple[float, float, float]] = Field(default_factory=list)
    max_saturation: float = 0.0
    height: tuple[float, float] = (0.0, 0.0)
    by: str = ""
    time: str = ""


def remember(project: Project, name: str, memory: Memory) -> str:
    """Write one memory into the work layer; returns its prim path. An older one of that name is replaced."""
    path = f"{ROOT}/{valid_name(name)}"
    entry = memory.model_copy(update={"by": memory.by or project.work, "time": memory.time or now()})
    with project.edit() as stage:
        entry.author(stage, path)
    return path


def recall(stage: Usd.Stage, kind: Kind | None = None, containing: str = "") -> dict[str, Memory]:
    """Memories by name, of one kind or all, whose name or text contains some words."""
    needle = containing.lower()
    found = {}
    for prim in children(stage, ROOT, Memory):
        entry = Memory.read(prim)
        if kind and entry.kind != kind:
            continue
        if needle in f"{prim.GetName()} {entry.text}".lower():
            found[prim.GetName()] = entry
    return found


def forget(project: Project, name: str) -> None:
    """Switch one memory off (the prim is deactivated, so that history keeps it).

    Raises
    ------
    UsageError
        There is none of that name.
    """
    path = f"{ROOT}/{valid_name(name)}"
    with project.edit() as stage:
        prim = stage.GetPrimAtPath(path)
        if not prim:
            known = ", ".join(recall(stage)) or "none"
            raise UsageError(f"nothing is remembered as {name!r}", prim=path, remedy=f"known: {known}")
        prim.SetActive(False)
