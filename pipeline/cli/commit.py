# SPDX-License-Identifier: Apache-2.0
"""Freeze your uncommitted work as a new version of the branch."""

from __future__ import annotations

import click

from pipeline.cli.merge import settle_options, settler
from pipeline.cli.output import Session, json_option, show


@click.command(name="commit")
@click.option("-m", "--message", required=True, metavar="TEXT", help="What changed and why.")
@settle_options
@json_option
@click.pass_obj
def command(session: Session, message: str, side: str | None, values: tuple[str, ...], as_json: bool) -> None:
    """Freeze your work. What others changed meanwhile is kept; where both of you changed one thing, nothing is
    committed and the conflicts are listed. Here `ours` is your work and `theirs` is what others committed.

    Example: gates commit -m "thicker legs"
    """
    from pipeline.errors import MergeConflict
    from pipeline.versions.plain import short

    if not message.strip():
        raise click.UsageError("a version needs a message: say what changed and why with -m TEXT")
    project = session.project()
    try:
        version = project.commit(message, settle=settler(side, values))
    except MergeConflict as error:
        from pipeline.cli.merge import conflict_rows

        if as_json:
            rows = [conflict.model_dump(mode="json") for conflict in error.conflicts]
            show({"error": error.as_dict(), "conflicts": rows}, True)
            raise click.exceptions.Exit(5) from error
        click.echo(conflict_rows(error.conflicts, short), err=True)
        raise
    result = {
        "version": version.id,
        "parents": list(version.parents),
        "branch": version.branch,
        "bytes": version.bytes,
    }
    show(result, as_json, f"{version.id[:10]} on {version.branch}: {message}")
