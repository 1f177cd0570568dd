# SPDX-License-Identifier: Apache-2.0
"""Name a version for good, or list the names."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="tag")
@click.argument("name", required=False)
@click.argument("ref", required=False)
@json_option
@click.pass_obj
def command(session: Session, name: str | None, ref: str | None, as_json: bool) -> None:
    """Name the version REF (the current head if not given), or list all tags. A tag never moves.

    Example: gates tag client-v1
    """
    project = session.project()
    if name:
        head = project.tag(name, ref)
        show({"name": name, "head": head}, as_json, f"{name} is {head[:10]}")
        return
    rows = [{"name": row, "head": project.store.refs.resolve(row)} for row in project.tags()]
    show({"tags": rows}, as_json, lambda: "\n".join(f"{row['name']}  {row['head'][:10]}" for row in rows) or "no tags")
