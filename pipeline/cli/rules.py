# SPDX-License-Identifier: Apache-2.0
"""What inspection looks for: each rule, its limit for a job, why it matters and how to mend it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from pipeline.cli.completing import complete_job, complete_rule
from pipeline.cli.output import Session, columns, json_option, show

if TYPE_CHECKING:
    from pipeline.checks.catalogue import RuleList, RuleRow


@click.command(name="rules")
@click.argument("rules", metavar="[ID]...", nargs=-1, shell_complete=complete_rule)
@click.option("--job", metavar="JOB", help="Limits and severities of this job.", shell_complete=complete_job)
@json_option
@click.pass_obj
def command(session: Session, rules: tuple[str, ...], job: str | None, as_json: bool) -> None:
    """List the rules of gates inspect, or tell all about some: ids, families or patterns.

    Example: gates rules geometry.holes --job hero-character
    """
    from pipeline.checks.catalogue import list_rules

    result = list_rules(job, rules, session.configured())
    show(result, as_json, lambda: text(result, bool(rules)))


def text(result: RuleList, whole: bool) -> str:
    """The rules for a terminal: a line each, or everything about each."""
    width = max(50, min(columns(), 100))
    lines = [f"rules of {result.job}", ""]
    for row in result.rules:
        if whole:
            lines += [*_whole(row, width), ""]
        else:
            head = f"{row.severity:<8}{row.rule}"
            lines.append(f"{head:<{min(44, width // 2)}} {row.title}"[:width])
    lines += [f"? {where}: {why}" for where, why in result.failures.items()]
    if not whole:
        lines += ["", f"{len(result.rules)} rules; gates rules ID tells all about one"]
    return "\n".join(lines).rstrip()


def _whole(row: RuleRow, width: int) -> list[str]:
    limit = "any" if row.limit is None else f"{row.limit:g} {row.unit}".strip()
    pairs = [
        ("finds", row.measures), ("why", row.why), ("limit", limit),
        ("fixer", f"gates refine ASSET {row.fixer}" if row.fixer else "none: a person must choose"),
        ("by hand", f"{row.by_hand} (about {row.minutes:g} minutes)"), ("generator", row.in_the_generator),
        ("options", ", ".join(f"{k} = {v:g}" for k, v in row.options.items())), ("from", row.origin),
    ]  # fmt: skip
    lines = textwrap.wrap(f"{row.rule}  {row.severity}: {row.title}", width, subsequent_indent="  ")
    lines[0] = click.style(row.rule, bold=True) + lines[0][len(row.rule) :]
    for name, value in pairs:
        if value:
            lines += textwrap.wrap(f"  {name:<10} {value}", width, subsequent_indent=" " * 13)
    return lines
