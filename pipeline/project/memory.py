# SPDX-License-Identifier: Apache-2.0
"""Project memory: what the project remembers from one brief to the next, kept as prims under /Project/Memory.

| kind | says | goes into |
|---|---|---|
| `palette` | colours, how saturated they may be | prompts, inspection, context |
| `scale` | how tall things are | inspection, context |
| `style` | how things look, in words | prompts |
| `banned` | words and phrases nobody may ask for, with commas between | prompts, inspection |
| `reference` | a picture that every asset is to resemble | the input set of every request |
| `past` | a brief, who won and why the others lost | what people search |

Nothing here changes by itself: a person (or a workflow's node) says it, and a choice among candidates is
remembered by the command that makes it, which says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pipeline.errors import UsageError
from pipeline.settings.bans import phrases, says
from pipeline.settings.jobs import Remembered
from pipeline.usd.records import Record, children, now, valid_name

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project

__all__ = ["ROOT", "Memory", "banned_in", "forget", "recall", "remember", "rules_of", "search"]

ROOT = "/Project/Memory"
Kind = Literal["palette", "scale", "style", "banned", "reference", "past"]


class Memory(Record):
    """One remembered thing.

    Attributes
    ----------
    text
        The words of it; of a past brief its prompt.
    palette
        Colours, linear Rec.709.
    max_saturation
        Highest HSV saturation of sRGB values that the palette allows, 0-1; 0 where nobody said.
    height
        Smallest and largest height in metres of what `text` names; zeros where nobody said.
    losers, reasons
        Of a past brief: the candidates that were not taken, and why, in the same order.
    file, digest, role, origin, licence
        Of a reference: the stored picture, its sha256, what it stands for, where it comes from.
    """

    schema_type: ClassVar[str] = "GatesMemory"

    kind: Kind = "style"
    text: str = ""
    palette: list[tuple[float, float, float]] = Field(default_factory=list)
    max_saturation: float = 0.0
    height: tuple[float, float] = (0.0, 0.0)
    asset: str = ""
    winner: str = ""
    losers: list[str] = Field(default_factory=list)
    reasons: list[str] = Field(default_factory=list)
    why: str = ""
    file: str = ""
    digest: str = ""
    role: Literal["shape", "material", "style"] = "style"
    origin: str = ""
    licence: str = ""
    by: str = ""
    time: str = ""

    def words(self) -> str:
        """Everything in it that can be searched for."""
        parts = [self.kind, self.text, self.asset, self.winner, self.why, self.origin, self.licence, self.role]
        return " ".join([*parts, *self.losers, *self.reasons, self.by])


def remember(project: Project, name: str, memory: Memory) -> str:
    """Write one memory into the work layer; returns its prim path. An older one of that name is replaced."""
    path = f"{ROOT}/{valid_name(name)}"
    entry = memory.model_copy(update={"by": memory.by or project.work, "time": memory.time or now()})
    if entry.file and Path(entry.file).is_absolute():
        entry = entry.model_copy(update={"file": project.anchor(entry.file)})
    with project.edit() as stage:
        entry.author(stage, path).SetActive(True)
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


def search(stage: Usd.Stage, words: str, kind: Kind | None = None) -> dict[str, Memory]:
    """Memories in which every word occurs somewhere (names, briefs, reasons, people), the closest first.

    A word finds longer ones that begin with it: `stall` finds `stalls`. Whole words and names count more.
    """
    wanted = _tokens(words)
    ranked = []
    for name, entry in recall(stage, kind).items():
        named, told = _tokens(name), _tokens(entry.words())
        score = 0.0
        for word in wanted:
            hits = (3.0 * (word in named), 2.0 * (word in told), 1.5 * _begins(word, named), 1.0 * _begins(word, told))
            if not any(hits):
                break
            score += max(hits)
        else:
            ranked.append((-score, name, entry))
    return {name: entry for _, name, entry in sorted(ranked, key=lambda r: r[:2])}


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


def banned_in(stage: Usd.Stage, text: str) -> dict[str, str]:
    """The banned words and phrases that a text says, each with the memory that bans it."""
    found = {}
    for name, entry in recall(stage, "banned").items():
        for phrase in phrases(entry.text):
            if says(text, phrase):
                found[phrase] = name
    return found


def rules_of(stage: Usd.Stage) -> Remembered:
    """What of the memory inspection judges by."""
    palettes = list(recall(stage, "palette").values())
    limits = [m.max_saturation for m in palettes if m.max_saturation]
    return Remembered(
        palette=[c for m in palettes for c in m.palette],
        max_saturation=min(limits) if limits else 0.0,
        heights_m={m.text: m.height for m in recall(stage, "scale").values() if any(m.height)},
        banned=sorted({p for m in recall(stage, "banned").values() for p in phrases(m.text)}),
    )


def _tokens(text: str) -> list[str]:
    return [w for w in re.split(r"[\W_]+", text.lower()) if w]


def _begins(word: str, tokens: list[str]) -> bool:
    return any(t.startswith(word) for t in tokens)
