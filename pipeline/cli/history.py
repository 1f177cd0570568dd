# SPDX-License-Identifier: Apache-2.0
"""Bring a folder of v001, v002, … in as a branch; take a version out as a folder or one file."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import Session, json_option, show


@click.group(name="history")
def command() -> None:
    """Bring numbered files in as a branch; take a version out.

    Example: gates history import /shows/old/stall --as stall_old
    """


@command.command(name="import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--as", "branch", required=True, metavar="BRANCH", help="The new branch.")
@json_option
@click.pass_obj
def bring_in(session: Session, folder: Path, branch: str, as_json: bool) -> None:
    """Make BRANCH of the numbered USD files in FOLDER: one version a number.

    Example: gates history import /shows/old/stall --as stall_old
    """
    from pipeline.cli.log import as_row, line

    project = session.project()
    with session.progress():
        versions = project.import_history(folder, branch)
    rows = [as_row(version) for version in reversed(versions)]
    show({"name": branch, "versions": rows}, as_json, lambda: "\n".join(line(v) for v in reversed(versions)))


@command.command(name="export")
@click.argument("ref")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--flat", is_flag=True, help="One composed file instead of a folder of layers.")
@json_option
@click.pass_obj
def take_out(session: Session, ref: str, out: Path, flat: bool, as_json: bool) -> None:
    """Write REF to the folder OUT with all it needs, or with --flat to the file OUT.

    Example: gates history export client-v1 /deliveries/client-v1
    """
    project = session.project()
    with session.progress():
        path = project.export_history(ref, out, flat=flat)
    show({"path": str(path)}, as_json, str(path))
