# SPDX-License-Identifier: Apache-2.0
"""Freeze scenes and commit them with the branch."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="commit")
@click.argument("name", required=False)
@click.option("-m", "--message", required=True, help="What changed, and why.")
@json_option
@click.pass_obj
def command(session: Session, name: str | None, message: str, as_json: bool) -> None:
    """Store the layers of NAME (all scenes if not given) and commit them with your work on the branch.

    Example: gates scene commit market -m "first layout"
    """
    from pipeline.gates.scene_versions import commit_scenes

    with session.progress():
        result = commit_scenes(session.project(), message, name)
    if result.version is None:
        show(result, as_json, "nothing has changed")
        return
    show(result, as_json, f"{result.version[:12]} on {result.branch}: {', '.join(result.scenes) or 'no scene changed'}")
