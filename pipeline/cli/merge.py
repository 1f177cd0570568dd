# SPDX-License-Identifier: Apache-2.0
"""Merge a branch, tag or version into the current branch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.versions.merge import Conflict, Settle
    from pipeline.versions.merging import MergeResult

F = TypeVar("F", bound=Callable[..., Any])


def settle_options(function: F) -> F:
    """Add `--ours`, `--theirs` and `--set`."""
    for option in (
        click.option(
            "--set", "values", multiple=True, metavar="PATH.FIELD=VALUE", help="Settle one conflict with a value."
        ),
        click.option("--theirs", "side", flag_value="theirs", help="Settle conflicts for the other side."),
        click.option("--ours", "side", flag_value="ours", help="Settle conflicts for our side."),
    ):
        function = option(function)
    return function


@click.command(name="merge")
@click.argument("ref")
@click.option("-m", "--message", default="", metavar="TEXT", help="Instead of `merge REF`.")
@settle_options
@json_option
@click.pass_obj
def command(session: Session, ref: str, message: str, side: str | None, values: tuple[str, ...], as_json: bool) -> None:
    """Merge REF into the current branch. Conflicts change nothing; settle them by option or, in a terminal,
    one by one.

    Example: gates merge lighting --set /World/Lights/key.inputs:intensity=500
    """
    project = session.project()

    def attempt(settle: Settle | None) -> MergeResult:
        return project.merge(ref, settle=settle, message=message)

    finish(attempt, settler(side, values), as_json, f"merged {ref}")


def settler(side: str | None, values: tuple[str, ...]) -> Settle | None:
    """What the options say about conflicts."""
    from pipeline.versions.settling import answers, for_side, in_order

    settlers = [answers(values)] if values else []
    if side in {"ours", "theirs"}:
        settlers.append(for_side(side))  # type: ignore[arg-type]
    return in_order(*settlers) if settlers else None


def finish(attempt: Callable[[Settle | None], MergeResult], settle: Settle | None, as_json: bool, done: str) -> None:
    """Try, let a person at a terminal settle what is left, and tell how it went."""
    from pipeline.versions.plain import short
    from pipeline.versions.settling import in_order

    result = attempt(settle)
    if result.conflicts and not as_json and sys.stdin.isatty() and sys.stdout.isatty():
        chosen = ask(result.conflicts)
        if chosen:
            result = attempt(in_order(*([settle] if settle else []), chosen))
    show(result, as_json, lambda: _told(result, done, short))
    if result.conflicts:
        raise click.exceptions.Exit(5)


def _told(result: MergeResult, done: str, short: Callable[[Any], str]) -> str:
    if result.conflicts:
        rows = conflict_rows(result.conflicts, short)
        return f"{rows}\nnothing was changed: settle with --ours, --theirs or --set PATH.FIELD=VALUE"
    return f"{done}: {result.version[:10]}" if result.merged else f"nothing to do: {result.version[:10]} has it all"


def conflict_rows(conflicts: list[Conflict], short: Callable[[Any], str]) -> str:
    """The conflicts as a table."""
    rows = [("", "where", "field", "base", "ours", "theirs")]
    for number, one in enumerate(conflicts, 1):
        rows.append((str(number), one.path, one.field, short(one.base), short(one.ours), short(one.theirs)))
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def ask(conflicts: list[Conflict]) -> Settle | None:
    """Let a person settle the conflicts in a table; None where they gave up."""
    from pipeline.errors import UsageError
    from pipeline.versions.merge import Choice
    from pipeline.versions.plain import short
    from pipeline.versions.settling import parsed

    click.echo(conflict_rows(conflicts, short))
    click.echo("o ours · t theirs · b base · =VALUE a value · O or T all the rest · q leave everything as it was")
    chosen: dict[str, Choice] = {}
    rest = ""
    for number, one in enumerate(conflicts, 1):
        answer = rest or click.prompt(f"{number}. {one.key}", type=str).strip()
        while answer not in {"o", "t", "b", "O", "T", "q"} and not answer.startswith("="):
            answer = click.prompt("o, t, b, =VALUE, O, T or q", type=str).strip()
        if answer == "q":
            return None
        if answer in {"O", "T"}:
            rest = answer.lower()
            answer = rest
        try:
            side = {"o": "ours", "t": "theirs", "b": "base"}.get(answer)
            chosen[one.key] = Choice(getattr(one, side) if side else parsed(answer[1:], one))
        except UsageError as error:
            click.echo(str(error))
            return None
    return lambda conflict: chosen.get(conflict.key)
