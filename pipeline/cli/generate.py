# SPDX-License-Identifier: Apache-2.0
"""Gate 3: candidates from a generator, each a variant of the asset."""

from __future__ import annotations

import click

from pipeline.cli.options import PAIR, pairs
from pipeline.cli.output import Session, json_option, show


@click.command(name="generate")
@click.argument("asset")
@click.option("--generator", default="embedded", show_default=True, help="Which one; gates plugins lists them.")
@click.option("--count", type=click.IntRange(1, 64), default=1, show_default=True, help="How many candidates.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first.")
@click.option("--target-triangles", type=click.IntRange(0), default=0, help="A wish; 0 leaves it to the generator.")
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
            options=dict(pairs(options)),
        )
    rows = [f"  {c.variant}  {c.triangles:,} triangles  seed {c.seed}" for c in result.candidates]
    rows += [f"  failed: {f.message}" for f in result.failed]
    show(result, as_json, "\n".join([f"{asset}: {len(result.candidates)} candidates by {generator}", *rows]))
