# SPDX-License-Identifier: Apache-2.0
"""Bring a scene back as a version holds it."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="restore")
@click.argument("name")
@click.option("--from", "ref", metavar="REF", help="A branch, tag or version; default: the current branch.")
@json_option
@click.pass_obj
def command(session: Session, name: str, ref: str | None, as_json: bool) -> None:
    """Write the layers of NAME as REF holds them; what they said is kept among the objects.

    Example: gates scene restore market/sh010 --from client-v1
    """
    from pipeline.gates.scene_versions import restore

    result = restore(session.project(), name, ref)
    lines = [f"{result.scene} is as in {result.ref}", *(f"kept what it said: {path}" for path in result.kept)]
    show(result, as_json, "\n".join(lines))
