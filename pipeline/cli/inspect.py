# SPDX-License-Identifier: Apache-2.0
"""Findings and verdict on an asset, a stage or a mesh file, in the terms of a job."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.completing import complete_job, complete_rule
from pipeline.cli.output import columns, json_option, say, show

if TYPE_CHECKING:
    from pipeline.checks import Report
    from pipeline.cli.output import Session


@click.command()
@click.argument("target", metavar="ASSET|STAGE|FILE")
@click.option(
    "--job",
    metavar="JOB",
    help="Judge for this job (default: the asset's intent, or game-ready-prop).",
    shell_complete=complete_job,
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="ID",
    help="Only these rules, families or patterns.",
    shell_complete=complete_rule,
)
@click.option("--prim", metavar="PATH", help="Only what lies beneath this prim.")
@click.option(
    "--fix",
    "fixed",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT",
    help="Write what the safe fixers made of it, and inspect that.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT",
    help="Write a page with the findings painted on the mesh.",
)
@click.option(
    "--marks",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT",
    help="Write the faces and points of all findings: .usda/.usdc (subsets over the stage) or .json.",
)
@json_option
@click.pass_obj
def command(
    session: Session,
    target: str,
    job: str | None,
    rules: tuple[str, ...],
    prim: str | None,
    fixed: Path | None,
    html: Path | None,
    marks: Path | None,
    as_json: bool,
) -> int:
    """Inspect an asset of the project, any USD stage or any mesh file.

    Exit codes: 0 pass, 3 revise, 4 reject, 1 the file cannot be read.

    Example: gates inspect crate.glb --job game-ready-prop --html crate.html
    """
    from pipeline.checks.text import as_text

    # a rule from outside may print: stdout is for the report alone
    with session.progress(), redirect_stdout(sys.stderr):
        if Path(target).exists() or Path(target).suffix:
            report = _of_file(session, Path(target), job, rules, prim, fixed, html, marks)
        else:
            report = _of_asset(session, target, job, rules, fixed, html, marks)
    show(report, as_json, lambda: as_text(report, columns(), click.style))
    return report.exit_code


def _of_file(
    session: Session,
    path: Path,
    job: str | None,
    rules: tuple[str, ...],
    prim: str | None,
    fixed: Path | None,
    html: Path | None,
    marks: Path | None,
) -> Report:
    from pipeline.checks.engine import inspect

    project = session.configured()
    if fixed is not None:
        from pipeline.checks.fixing import fix_file

        done = fix_file(path, fixed, job=job, rules=rules or None, prim=prim, project=project)
        say(f"{fixed}: {', '.join(done.operations) or 'nothing to fix'}")
        for operation, why in done.failed.items():
            say(f"{operation} did not serve: {why}")
        path = fixed
    return inspect(path, job=job, rules=rules or None, prim=prim, project=project, html=html, marks=marks)


def _of_asset(
    session: Session,
    asset: str,
    job: str | None,
    rules: tuple[str, ...],
    fixed: Path | None,
    html: Path | None,
    marks: Path | None,
) -> Report:
    from pipeline.errors import UsageError
    from pipeline.gates.inspection import inspect_asset

    if fixed is not None:
        raise UsageError(
            "--fix writes a file; an asset of a project is mended without one",
            remedy=f"gates refine {asset} OPERATION",
        )
    project = session.project()
    if job is None:
        return inspect_asset(project, asset, rules=list(rules) or None, html=html, marks=marks)
    from pipeline.checks.engine import inspect
    from pipeline.gates.brief import brief_of
    from pipeline.settings.jobs import load_job

    stage = project.open_stage()
    brief = brief_of(project, asset, stage)
    if job is not None:
        brief = brief.model_copy(update={"job": load_job(job, project.root)})
    return inspect(
        stage, job=brief, rules=rules or None, prim=f"/World/Assets/{asset}", project=project.root, html=html,
        marks=marks,
    )  # fmt: skip
