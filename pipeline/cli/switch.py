# SPDX-License-Identifier: Apache-2.0
"""Go to another branch; uncommitted work stays where it was made."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="switch")
@click.argument("name")
@json_option
@click.pass_obj
def command(session: Session, name: str, as_json: bool) -> None:
    """Go to the branch NAME. It is remembered for this person (see GATES_WORK).

    Example: gates switch lighting
    """
    project = session.project()
    project.switch(name)
    head = project.head(name)
    show({"name": name, "head": head}, as_json, f"on {name} at {head[:10]}")
