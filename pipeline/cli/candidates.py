# SPDX-License-Identifier: Apache-2.0
"""Gate 3: the shortlist: ranks the candidates, draws them side by side, selects one, prunes the others."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="candidates")
@click.argument("asset")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="OUT.png", help="Draw them side by side.")
@click.option("--select", "chosen", metavar="VARIANT", help="Go on with this one.")
@click.option("--why", default="", help="With --select: what speaks for it; project memory keeps it.")
@click.option("--score", is_flag=True, help="Measure the likeness to the reference pictures again.")
@click.option("--prune", is_flag=True, help="Remove the candidates that were not selected and say what that frees.")
@click.option("--keep", type=click.IntRange(0), default=0, help="With --prune: so many of the best losers stay.")
@click.option("--dry-run", is_flag=True, help="With --prune: remove nothing, only say.")
@json_option
@click.pass_obj
def command(
    session: Session,
    asset: str,
    sheet: Path | None,
    chosen: str | None,
    why: str,
    score: bool,
    prune: bool,
    keep: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Rank, draw, select and prune candidates.

    Example: gates candidates market_stall --sheet sheet.png --select c01
    """
    from pipeline.gates import generation
    from pipeline.gates.pruning import prune as prune_losers
    from pipeline.gates.shortlist import look_at_candidates, priced

    project = session.project()
    with session.progress():
        if score:
            rows = generation.candidates(project, asset).candidates
            look_at_candidates(project, asset, [row.variant for row in rows])
        result = generation.select(project, asset, chosen, why) if chosen else generation.candidates(project, asset)
        if sheet:
            result = generation.contact_sheet(project, asset, sheet).model_copy(
                update={"remembered": result.remembered}
            )
        if prune:
            pruned = prune_losers(project, asset, keep=keep, dry_run=dry_run)
            result = generation.candidates(project, asset).model_copy(
                update={"pruned": pruned, "remembered": result.remembered, "sheet": result.sheet}
            )
    lines = []
    for c in result.candidates:
        total = f"score {c.score:.2f}" if c.score is not None else "not scored"
        mark = "  selected" if c.variant == result.selected else ""
        verdict = f" {c.verdict}" if c.verdict else ""
        lines.append(
            f"{c.rank:>3}. {c.variant:<8} {total}{verdict}  {c.triangles:,} triangles  {priced(c.cost)}  "
            f"{c.generator}{mark}"
        )
        lines += [f"       {w}" for w in c.scores.why]
    if result.remembered:
        lines.append(f"remembered as {result.remembered}: the brief, the winner and why the others lost")
    if result.pruned:
        lines.append(result.pruned.sentence())
        lines += [f"  {n}" for n in result.pruned.notes]
    show(result, as_json, "\n".join(lines) or f"{asset} has no candidate yet: gates generate {asset}")
