# SPDX-License-Identifier: Apache-2.0
"""Make a sequence, or a shot of one."""

from __future__ import annotations

import click

from pipeline.cli.options import FRAMES, LIST
from pipeline.cli.output import Session, json_option, show


@click.command(name="new")
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Of [scenes.kinds]; default: sequence, below it shot.")
@click.option("--frames", type=FRAMES, help="First and last time code; default: those of the sequence or the project.")
@click.option("--departments", type=LIST, metavar="A,B", help="In place of the kind's, the strongest first.")
@json_option
@click.pass_obj
def command(
    session: Session,
    name: str,
    kind: str | None,
    frames: tuple[float, float] | None,
    departments: list[str] | None,
    as_json: bool,
) -> None:
    """Make the stage scenes/NAME with a layer for each department.

    Example: gates scene new market/sh010 --frames 1001:1048
    """
    from pipeline.gates.scenes import new_scene

    row = new_scene(session.project(), name, kind=kind, frames=frames, departments=departments)
    show(row, as_json, f"{row.path}: {', '.join(d.name for d in row.departments)}")
