# SPDX-License-Identifier: Apache-2.0
"""Lets a project's own hooks and rules run on this machine, or stops them."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="trust")
@click.option("--revoke", "remove", is_flag=True, help="Trust them no longer.")
@json_option
@click.pass_obj
def command(session: Session, remove: bool, as_json: bool) -> None:
    """Trust the hooks and rules (hooks/, checks/) in this project exactly as they are now.

    Example: gates trust
    """
    from pipeline.settings import trust

    project = session.project()
    if remove:
        trust.revoke(project.root)
        hooks: list[str] = []
    else:
        hooks = [p.relative_to(project.root).as_posix() for p in trust.trust(project.root)]
    text = (
        "this project's hooks and rules do not run"
        if remove
        else "trusted: " + (", ".join(hooks) or "nothing here to trust yet")
    )
    show({"project": str(project.root), "trusted": not remove, "hooks": hooks}, as_json, text)
