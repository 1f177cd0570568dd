# SPDX-License-Identifier: Apache-2.0
"""What changed between two branches, tags, versions, layers or stages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.output import Session, json_option, say, show

if TYPE_CHECKING:
    from pipeline.versions.diff import Diff

COLOURS = {"+": "green", "-": "red", "~": "yellow"}


@click.command(name="diff")
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option("--composed", is_flag=True, help="Compare the composed scenes instead of the authored layers.")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.png",
    help="Draw both sides from the same camera, changed prims marked.",
)
@click.option("--camera", default=None, metavar="C", help="Camera prim for the sheet.")
@json_option
@click.pass_obj
def command(
    session: Session,
    a: str | None,
    b: str | None,
    composed: bool,
    sheet: Path | None,
    camera: str | None,
    as_json: bool,
) -> None:
    """What changed from A to B. Without B: to your uncommitted work. Without both: since the last commit.

    Example: gates diff client-v1 main --sheet changes.png
    """
    if a and b and Path(a).is_file() and Path(b).is_file():
        from pipeline.versions.comparing import diff_files

        result = diff_files(Path(a), Path(b), composed=composed)
    else:
        project = session.project()
        a = a or project.branch_name
        result = project.diff(a, b, composed=composed)
    if sheet:
        from pipeline.project.sheet import draw_sheet
        from pipeline.versions.comparing import stage_of

        foreign = a and b and Path(a).is_file() and Path(b).is_file()
        store = None if foreign else session.project().store
        old, new = (stage_of(store, ref) if ref else session.project().open_stage() for ref in (a, b))
        with session.progress():
            draw_sheet(old, new, result, sheet, camera=camera)
        say(f"drawn: {sheet}")
    show(result, as_json, lambda: text(result))


def text(diff: Diff) -> str:
    """A diff for a terminal."""
    from pipeline.versions.report import lines

    rows = []
    for sign, line in lines(diff):
        mark = f"{sign} " if sign in COLOURS else ""
        indent = len(line) - len(line.lstrip())
        row = f"{line[:indent]}{mark}{line[indent:]}"
        rows.append(click.style(row, fg=COLOURS.get(sign), bold=sign == "@"))
    return "\n".join(rows)
