# SPDX-License-Identifier: Apache-2.0
"""Make a project: a folder with a stage, a branch and a first version."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pipeline.cli.output import json_option, show


@click.command(name="new")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--job", default=None, metavar="JOB", help="Job of assets whose intent names none.")
@click.option("--target", default="", metavar="T", help="Where deliveries go: unreal, unity, godot, web, …")
@click.option("--units", type=click.Choice(["m", "cm"]), default="m", show_default=True, help="Of the stage.")
@json_option
def command(directory: Path, job: str | None, target: str, units: Literal["m", "cm"], as_json: bool) -> None:
    """Make a project in DIRECTORY.

    Example: gates new stall --job game-ready-prop
    """
    from pipeline.project import Project
    from pipeline.settings.jobs import DEFAULT_JOB

    project = Project.create(directory, job=job or DEFAULT_JOB, target=target, units=units)
    result = {
        "project": str(project.root),
        "stage": str(project.stage_path),
        "branch": project.branch_name,
        "job": project.job,
    }
    show(result, as_json, f"{project.root}\n  next: gates -C {directory} intent ASSET --job {project.job}")
