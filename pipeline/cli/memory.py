# SPDX-License-Identifier: Apache-2.0
"""What the project remembers: palette, scale, style, references, banned words, past briefs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import LIST, number
from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.project.memory import Memory


@click.command(name="memory")
@click.argument("name", required=False)
@click.argument("words", nargs=-1)
@click.option(
    "--kind", type=click.Choice(["palette", "scale", "style", "banned", "reference", "past"]), help="What it is."
)
@click.option("--text", help="The words: a style note, banned words, or what a scale is about.")
@click.option("--colors", type=LIST, help="A palette as #rrggbb, sRGB, with commas between.")
@click.option("--max-saturation", type=number(0, 1), help="Highest HSV saturation the palette allows.")
@click.option("--height", type=(float, float), help="Smallest and largest height in metres.")
@click.option("--image", type=click.Path(path_type=Path), help="With --kind reference: a picture for every request.")
@click.option("--role", type=click.Choice(["shape", "material", "style"]), help="What the reference stands for.")
@click.option("--origin", default="", help="Where the reference comes from.")
@click.option("--licence", default="", help="Under which licence, best an SPDX identifier.")
@click.option("--search", default="", help="Only what says this; the same as `gates memory search WORDS`.")
@click.option("--forget", is_flag=True, help="Switch it off.")
@json_option
@click.pass_obj
def command(
    session: Session,
    name: str | None,
    words: tuple[str, ...],
    kind: str | None,
    text: str | None,
    colors: list[str] | None,
    max_saturation: float | None,
    height: tuple[float, float] | None,
    image: Path | None,
    role: str | None,
    origin: str,
    licence: str,
    search: str,
    forget: bool,
    as_json: bool,
) -> None:
    """Remember something under a name, forget it, list it, or search: gates memory search WORDS.

    Example: gates memory stalls --kind scale --text "market stall" --height 2.55 2.75
    """
    from pipeline.errors import UsageError
    from pipeline.gates.inputs import reference_of
    from pipeline.project.memory import Memory, remember
    from pipeline.project.memory import forget as switch_off
    from pipeline.project.memory import search as look_for
    from pipeline.usd.colour import linear_of_hex

    project = session.project()
    if name == "search":
        name, search = None, " ".join([*words, search])
    elif words:
        raise UsageError(
            f"what are {' '.join(words)!r}?", remedy="give words with --text, or: gates memory search WORDS"
        )
    if name and forget:
        switch_off(project, name)
    elif name:
        if kind is None:
            raise UsageError("what kind of memory is it?", remedy="give --kind")
        entry = Memory(
            kind=kind,  # type: ignore[arg-type]
            text=text or "",
            palette=[linear_of_hex(c) for c in colors or []],
            max_saturation=max_saturation or 0.0,
            height=height or (0.0, 0.0),
            role=role or "style",  # type: ignore[arg-type]
            origin=origin,
            licence=licence,
        )
        if image is not None:
            entry = entry.model_copy(update=reference_of(project, image))
        elif kind == "reference" and not text:
            raise UsageError("a reference is a picture or words", remedy="give --image or --text")
        remember(project, name, entry)
    found = look_for(project.open_stage(), search, kind if not name else None)  # type: ignore[arg-type]
    lines = [line for n, m in found.items() for line in _lines(n, m)]
    nothing = f"nothing remembered says {search!r}" if search else "nothing is remembered yet"
    show({n: m.model_dump() for n, m in found.items()}, as_json, "\n".join(lines) or nothing)


def _lines(name: str, entry: Memory) -> list[str]:
    """One memory as people read it."""
    lines = [f"{name:<20} {entry.kind:<9} {entry.text}"]
    if entry.kind == "past":
        lines.append(f"{'':<20} {entry.winner} won" + (f": {entry.why}" if entry.why else ""))
        lines += [f"{'':<20} {loser}: {why}" for loser, why in zip(entry.losers, entry.reasons, strict=False)]
    if entry.licence or entry.origin:
        lines.append(f"{'':<20} {', '.join(filter(None, [entry.licence, entry.origin]))}")
    return lines
