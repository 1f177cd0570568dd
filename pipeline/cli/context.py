# SPDX-License-Identifier: Apache-2.0
"""Gate 5: what does not fit in the scene, by measurement."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="context")
@click.argument("scene", required=False)
@click.option("--asset", help="The asset; default: the only one there is.")
@click.option("--camera", help="The camera to look through; default: the first.")
@click.option("--waive", metavar="NOTE", help="Accept one remark as it is.")
@click.option("--why", default="", help="Why it is accepted.")
@json_option
@click.pass_obj
def command(
    session: Session,
    scene: str | None,
    asset: str | None,
    camera: str | None,
    waive: str | None,
    why: str,
    as_json: bool,
) -> None:
    """Measure an asset in its scene: scale, colour, framing, contact.

    Example: gates context --asset market_stall --camera player
    """
    from pipeline.errors import UsageError
    from pipeline.gates import context
    from pipeline.gates.board import asset_names

    project = session.project()
    names = asset_names(project.open_stage())
    chosen = asset or scene or (names[0] if len(names) == 1 else None)
    if chosen is None:
        raise UsageError("which asset?", remedy=f"--asset with one of: {', '.join(names) or 'none yet'}")
    if waive:
        if not why:
            raise UsageError("a waiver needs a reason", remedy='--why "…"')
        context.waive(project, chosen, waive, why)
    with session.progress():
        result = context.measure_context(project, chosen, camera)
    rows = [f"  {n.kind:<12} {n.message}  (measured {n.measured}, expected {n.expected})" for n in result.notes]
    show(result, as_json, "\n".join(rows) or f"{chosen}: nothing to remark")
