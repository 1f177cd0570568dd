# SPDX-License-Identifier: Apache-2.0
"""What the project remembers: palette, scale, style, banned words, past briefs."""

from __future__ import annotations

import click

from pipeline.cli.options import LIST, number
from pipeline.cli.output import Session, json_option, show


@click.command(name="memory")
@click.argument("name", required=False)
@click.option(
    "--kind", type=click.Choice(["palette", "scale", "style", "banned", "reference", "past"]), help="What it is."
)
@click.option("--text", help="The words: a style note, banned words, or what a scale is about.")
@click.option("--colors", type=LIST, help="A palette as #rrggbb, sRGB, with commas between.")
@click.option("--max-saturation", type=number(0, 1), help="Highest HSV saturation the palette allows.")
@click.option("--height", type=(float, float), help="Smallest and largest height in metres.")
@click.option("--search", default="", help="Only what says this.")
@click.option("--forget", is_flag=True, help="Switch it off.")
@json_option
@click.pass_obj
def command(
    session: Session,
    name: str | None,
    kind: str | None,
    text: str | None,
    colors: list[str] | None,
    max_saturation: float | None,
    height: tuple[float, float] | None,
    search: str,
    forget: bool,
    as_json: bool,
) -> None:
    """Remember something under a name, forget it, or list what is remembered.

    Example: gates memory stalls --kind scale --text "market stall" --height 2.55 2.75
    """
    from pipeline.errors import UsageError
    from pipeline.project.memory import Memory, recall, remember
    from pipeline.project.memory import forget as switch_off
    from pipeline.usd.colour import linear_of_hex

    project = session.project()
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
        )
        remember(project, name, entry)
    found = recall(project.open_stage(), kind if not name else None, search)  # type: ignore[arg-type]
    lines = [f"{n:<20} {m.kind:<9} {m.text}" for n, m in found.items()]
    show({n: m.model_dump() for n, m in found.items()}, as_json, "\n".join(lines) or "nothing is remembered yet")
