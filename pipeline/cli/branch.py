# SPDX-License-Identifier: Apache-2.0
"""List branches, or make one."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="branch")
@click.argument("name", required=False)
@click.option("--from", "ref", default=None, metavar="REF", help="Where it starts; the current branch if not given.")
@json_option
@click.pass_obj
def command(session: Session, name: str | None, ref: str | None, as_json: bool) -> None:
    """Make a branch called NAME, or list all.

    Example: gates branch lighting --from client-v1
    """
    project = session.project()
    if name:
        head = project.branch(name, ref)
        show({"name": name, "head": head}, as_json, f"{name} starts at {head[:10]}; go there: gates switch {name}")
        return
    here = project.branch_name
    rows = [{"name": row, "head": project.head(row), "current": row == here} for row in project.branches()]
    current = next((row for row in rows if row["current"]), None)
    result = {"name": here, "head": current["head"] if current else None, "branches": rows}
    show(
        result,
        as_json,
        lambda: "\n".join(f"{'*' if row['current'] else ' '} {row['name']}  {str(row['head'])[:10]}" for row in rows),
    )
