# SPDX-License-Identifier: Apache-2.0
"""What changed in a scene between two versions."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="diff")
@click.argument("name")
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option("--composed", is_flag=True, help="Compare the composed stages instead of the authored layers.")
@json_option
@click.pass_obj
def command(session: Session, name: str, a: str | None, b: str | None, composed: bool, as_json: bool) -> None:
    """What changed in NAME from A (default: the branch) to B (default: its files as they are now).

    Example: gates scene diff market/sh010 client-v1
    """
    from pipeline.cli.diff import text
    from pipeline.gates.scene_versions import diff_scenes

    project = session.project()
    result = diff_scenes(project, name, a or project.branch_name, b, composed=composed)
    show(result, as_json, lambda: text(result) or "nothing has changed")
