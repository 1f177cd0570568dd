# SPDX-License-Identifier: Apache-2.0
"""Another variant of what stands in a scene."""

from __future__ import annotations

import click

from pipeline.cli.options import PAIR, pairs
from pipeline.cli.output import Session, json_option, show


@click.command(name="variant")
@click.argument("scene")
@click.argument("prim")
@click.argument("variants", type=PAIR, nargs=-1, required=True, metavar="SET=NAME…")
@click.option("--department", help="Whose layer it is written to; default: as configured.")
@json_option
@click.pass_obj
def command(
    session: Session,
    scene: str,
    prim: str,
    variants: tuple[tuple[str, str], ...],
    department: str | None,
    as_json: bool,
) -> None:
    """Select variants of PRIM in SCENE; it stays where it stands.

    Example: gates scene variant market/sh020 market_stall style=closed_shutter
    """
    from pipeline.gates.revising import choose_variants

    result = choose_variants(session.project(), scene, prim, pairs(variants), department=department)
    chosen = " ".join(f"{name}={value}" for name, value in result.variants.items())
    show(result, as_json, f"{result.prim} in {result.scene}: {chosen}")
