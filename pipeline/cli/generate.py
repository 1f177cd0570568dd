# SPDX-License-Identifier: Apache-2.0
"""Gate 3: candidates from a generator, each a variant of the asset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from pipeline.cli.options import PAIR, pairs
from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.gates.candidate import CandidateRow


@click.command(name="generate")
@click.argument("asset")
@click.option("--generator", default="embedded", show_default=True, help="Which one; gates plugins lists them.")
@click.option("--count", type=click.IntRange(1, 64), default=1, show_default=True, help="How many candidates.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first.")
@click.option("--target-triangles", type=click.IntRange(0), default=0, help="A wish; 0 leaves it to the generator.")
@click.option(
    "--task",
    type=click.Choice(["text", "image", "multiview", "retexture", "remesh", "rig", "animate"]),
    help="What is asked; by the inputs unless told.",
)
@click.option("--action", default="", help="For --task animate: the service's name or number of a motion.")
@click.option("--source", type=click.Path(path_type=Path), help="The model a task starts from; else the blockout.")
@click.option("--estimate", is_flag=True, help="Send nothing, say what it would cost.")
@click.option("--max-cost", default="", metavar="50|2.5USD", help="Refuse before sending if it would cost more.")
@click.option(
    "--banned",
    type=click.Choice(["refuse", "strip"]),
    default="refuse",
    show_default=True,
    help="What happens to words that the project bans.",
)
@click.option("--set", "options", type=PAIR, multiple=True, help="A setting of the generator.")
@json_option
@click.pass_obj
def command(
    session: Session,
    asset: str,
    generator: str,
    count: int,
    seed: int,
    target_triangles: int,
    task: str | None,
    action: str,
    source: Path | None,
    estimate: bool,
    max_cost: str,
    banned: Literal["refuse", "strip"],
    options: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:
    """Ask a generator for candidates.

    Example: gates generate market_stall --count 3 --seed 7
    """
    from pipeline.gates.generation import generate

    with session.progress():
        result = generate(
            session.project(),
            asset,
            generator=generator,
            count=count,
            seed=seed,
            target_triangles=target_triangles,
            task=task or "",
            action=action,
            source=source,
            banned=banned,
            max_cost=max_cost,
            only_estimate=estimate,
            options=dict(pairs(options)),
        )
    rows = [f"  {c.variant}  {c.triangles:,} triangles  seed {c.seed}{_told(c)}" for c in result.candidates]
    rows += [f"    {note}" for c in result.candidates for note in c.notes]
    rows += [f"  failed: {f.message}" for f in result.failed]
    rows += [f"  {note}" for note in result.notes]
    cost = result.estimate.sentence() if result.estimate else ""
    head = [cost] if estimate else [f"{asset}: {len(result.candidates)} candidates by {generator}"]
    show(result, as_json, "\n".join([*head, *rows]))


def _told(row: CandidateRow) -> str:
    """Cost and likeness where there are any."""
    from pipeline.gates.shortlist import priced

    cost = priced(row.cost)
    like = row.scores.likeness
    return (f"  {cost}" if cost != "free" else "") + (f"  likeness {like:.2f}" if like is not None else "")
