# SPDX-License-Identifier: Apache-2.0
"""Gate 7: the approved version as a numbered, immutable package."""

from __future__ import annotations

import click

from pipeline.cli.options import LIST
from pipeline.cli.output import Session, json_option, show


@click.command(name="publish")
@click.argument("asset")
@click.option("--targets", type=LIST, help="Export for each of these targets; default: the intent's.")
@click.option("--formats", type=LIST, help="Only these formats; default: the intent's.")
@json_option
@click.pass_obj
def command(session: Session, asset: str, targets: list[str] | None, formats: list[str] | None, as_json: bool) -> None:
    """Run the hooks, export every style in every format, read each file back, and publish them together.

    Example: gates publish market_stall
    """
    from pipeline.gates.delivery import publish

    with session.progress():
        result = publish(session.project(), asset, targets=targets, formats=formats)
    show(
        result,
        as_json,
        "\n".join([f"{result.path}  (version {result.version[:12]})", *(f"  {f}" for f in result.files)]),
    )
