# SPDX-License-Identifier: Apache-2.0
"""The frames of a scene."""

from __future__ import annotations

import click

from pipeline.cli.options import FRAMES
from pipeline.cli.output import Session, json_option, show


@click.command(name="range")
@click.argument("name")
@click.argument("frames", type=FRAMES)
@json_option
@click.pass_obj
def command(session: Session, name: str, frames: tuple[float, float], as_json: bool) -> None:
    """Set the first and last time code of a scene on all of its layers.

    Example: gates scene range market/sh010 1001:1096
    """
    from pipeline.gates.scenes import set_range

    row = set_range(session.project(), name, frames)
    show(row, as_json, f"{row.name}: {row.start:g}:{row.end:g}")
