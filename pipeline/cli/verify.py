# SPDX-License-Identifier: Apache-2.0
"""Prove every file of the project against its name; repair what a crash left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.versions.verify import VerifyResult


@click.command(name="verify")
@click.option("--repair", is_flag=True, help="Remove what interrupted writes left and mend what can be mended.")
@json_option
@click.pass_obj
def command(session: Session, repair: bool, as_json: bool) -> None:
    """Read every file; say which are not as they were written and which versions they belong to.

    Example: gates verify --repair
    """
    project = session.project()
    with session.progress():
        result = project.verify(repair)
    show(result, as_json, lambda: text(result))
    if any(not problem.repaired for problem in result.problems):
        raise click.exceptions.Exit(1)


def text(result: VerifyResult) -> str:
    """The result for a terminal."""
    rows = [f"{result.files:,} files, {result.bytes / 1e6:,.1f} MB"]
    for problem in result.problems:
        state = "repaired" if problem.repaired else problem.kind
        used = f" (in {', '.join(v[:10] for v in problem.versions[:3])})" if problem.versions else ""
        more = f" and {len(problem.versions) - 3} more" if len(problem.versions) > 3 else ""
        rows.append(f"{state}: {problem.path}: {problem.message}{used}{more}")
    return "\n".join(rows if result.problems else [*rows, "everything is as it was written"])
