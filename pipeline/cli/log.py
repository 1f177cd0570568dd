# SPDX-License-Identifier: Apache-2.0
"""History of a branch, tag or version, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.versions.version import Version


@click.command(name="log")
@click.argument("ref", required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), default=None, help="At most so many.")
@json_option
@click.pass_obj
def command(session: Session, ref: str | None, limit: int | None, as_json: bool) -> None:
    """What led to REF (the current branch if not given).

    Example: gates log -n 20
    """
    found = session.project().log(ref, limit)
    show(
        {"versions": [as_row(version) for version in found]},
        as_json,
        lambda: "\n".join(line(version) for version in found),
    )


def as_row(version: Version) -> dict[str, Any]:
    """A version as the command line tells it to programs."""
    return {
        "version": version.id,
        "parents": list(version.parents),
        "branch": version.branch,
        "author": version.author,
        "time": version.time,
        "message": version.message,
        "bytes": version.bytes,
    }


def line(version: Version) -> str:
    """A version as one line."""
    when = version.time[:16].replace("T", " ")
    merge = " (merge)" if len(version.parents) > 1 else ""
    return f"{click.style(version.id[:10], fg='yellow')}  {when}  {version.author:<10}  {version.message}{merge}"
