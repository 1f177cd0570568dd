# SPDX-License-Identifier: Apache-2.0
"""Gate 7: review decisions on exact versions."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="review")
@click.argument("action", type=click.Choice(["request", "comment", "approve", "changes", "list"]))
@click.argument("asset", required=False)
@click.option("--version", "ref", help="The version; default: the branch's head.")
@click.option("-m", "--message", default="", help="What there is to say.")
@json_option
@click.pass_obj
def command(session: Session, action: str, asset: str | None, ref: str | None, message: str, as_json: bool) -> None:
    """Request, comment, approve, ask for changes, or list the decisions.

    Example: gates review approve market_stall -m "reads well from the gate"
    """
    from pipeline.errors import UsageError
    from pipeline.gates import delivery
    from pipeline.gates.board import known_asset
    from pipeline.review.decisions import decide, decisions

    project = session.project()
    if action == "list":
        rows = decisions(project.open_stage(), asset)
        lines = [f"{r.time}  {r.decision:<9} {r.asset}  {r.version[:12]}  {r.by}  {r.comment}" for r in rows]
        show({"decisions": [r.model_dump() for r in rows]}, as_json, "\n".join(lines) or "no decision yet")
        return
    if asset is None:
        raise UsageError(f"{action} which asset?", remedy=f"gates review {action} ASSET")
    known_asset(project.open_stage(), asset)
    if action == "approve":
        row = delivery.approve(project, asset, ref, message)
    elif action == "request":
        row = delivery.request_review(project, asset, ref, message)
    else:
        row = decide(project, asset, action, ref or project.branch_name, message)  # type: ignore[arg-type]
    show(row, as_json, f"{row.decision}: {row.asset} at version {row.version[:12]} by {row.by}")
