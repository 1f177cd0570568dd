# SPDX-License-Identifier: Apache-2.0
"""Gate 3: lists the candidates, draws them side by side, selects one."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="candidates")
@click.argument("asset")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="OUT.png", help="Draw them side by side.")
@click.option("--select", "chosen", metavar="VARIANT", help="Go on with this one.")
@json_option
@click.pass_obj
def command(session: Session, asset: str, sheet: Path | None, chosen: str | None, as_json: bool) -> None:
    """List, draw and select candidates.

    Example: gates candidates market_stall --sheet sheet.png --select c01
    """
    from pipeline.gates import generation

    project = session.project()
    with session.progress():
        result = generation.select(project, asset, chosen) if chosen else generation.candidates(project, asset)
        if sheet:
            result = generation.contact_sheet(project, asset, sheet)
    rows = []
    for c in result.candidates:
        score = f"  score {c.score:.2f}" if c.score is not None else "  not inspected"
        mark = "  selected" if c.variant == result.selected else ""
        rows.append(f"  {c.variant:<8} {c.triangles:>9,} triangles  {c.generator}{score}{mark}")
    show(result, as_json, "\n".join(rows) or f"{asset} has no candidate yet: gates generate {asset}")
