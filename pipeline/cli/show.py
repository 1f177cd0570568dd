# SPDX-License-Identifier: Apache-2.0
"""One version: who, when, why, and what it changed."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="show")
@click.argument("version")
@json_option
@click.pass_obj
def command(session: Session, version: str, as_json: bool) -> None:
    """What VERSION changed against its parent.

    Example: gates show client-v1
    """
    from pipeline.cli.diff import text
    from pipeline.cli.log import as_row, line

    project = session.project()
    found = project.log(version, limit=1)[0]
    diff = project.diff(found.parents[0], found.id) if found.parents else None
    body = {"versions": [as_row(found)], "stack": list(found.stack)}
    if diff is not None:
        body |= diff.model_dump(mode="json", exclude={"a", "b"})
    show(body, as_json, lambda: "\n".join([line(found), *([text(diff)] if diff is not None else [])]))
