# SPDX-License-Identifier: Apache-2.0
"""Take the changes of one version back, on the current branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.merge import finish, settle_options, settler
from pipeline.cli.output import Session, json_option

if TYPE_CHECKING:
    from pipeline.versions.merge import Settle
    from pipeline.versions.merging import MergeResult


@click.command(name="revert")
@click.argument("version")
@settle_options
@json_option
@click.pass_obj
def command(session: Session, version: str, side: str | None, values: tuple[str, ...], as_json: bool) -> None:
    """Take the changes of one version back, on the current branch. Conflicts change nothing.

    Example: gates revert 3f2a91c0
    """
    project = session.project()

    def attempt(settle: Settle | None) -> MergeResult:
        return project.revert(version, settle=settle)

    finish(attempt, settler(side, values), as_json, f"revert of {version}")
