# SPDX-License-Identifier: Apache-2.0
"""Where every asset stands at each gate, and what is required next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.gates.overview import Board

SIGNS = {"passed": ("●", "green"), "revise": ("◐", "yellow"), "rejected": ("✗", "red"), "open": ("○", None)}


@click.command(name="status")
@click.argument("asset", required=False)
@json_option
@click.pass_obj
def command(session: Session, asset: str | None, as_json: bool) -> None:
    """The board: each asset, each gate, and the first required gate that has not passed.

    Example: gates status market_stall
    """
    from pipeline.gates.overview import board

    result = board(session.project(), asset)
    show(result, as_json, lambda: text(result))


def text(result: Board) -> str:
    """The board for a terminal."""
    lines = [f"{result.project}  on {result.branch}"]
    if not result.assets:
        lines.append("no asset yet; start one: gates intent ASSET --job JOB")
    for row in result.assets:
        lines.append("")
        lines.append(click.style(row.name, bold=True) + f"  {row.job}")
        for cell in row.gates:
            sign, colour = SIGNS[cell.state]
            need = "" if cell.required else click.style("  not required", dim=True)
            why = f"  {cell.why}" if cell.why else ""
            lines.append(f"  {click.style(sign, fg=colour)} {cell.gate:<11} {cell.state:<9}{need}{why}")
        if row.cost or row.spent:
            spent = f", {amount(row.spent)} spent in all" if row.spent != row.cost and row.spent else ""
            lines.append(f"  candidates cost {amount(row.cost) or 'nothing'}{spent}")
        lines.append(f"  next: {row.next}" if row.next else "  every required gate has passed")
    if result.spent:
        lines += ["", f"spent on services by this project: {amount(result.spent)}"]
    return "\n".join(lines)


def amount(cost: dict[str, float]) -> str:
    """A cost in words; empty where it is nothing."""
    return ", ".join(f"{value:g} {unit}" for unit, value in cost.items() if value)
