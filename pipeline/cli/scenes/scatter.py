# SPDX-License-Identifier: Apache-2.0
"""Scatter assets over surfaces as a PointInstancer."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.options import LIST, PAIR, number, pairs
from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import scene_option


@click.command(name="scatter")
@click.argument("name")
@click.argument("assets", nargs=-1, required=True)
@click.option("--count", type=click.IntRange(1), help="How many.")
@click.option("--density", type=number(0), help="How many a square metre, in place of --count.")
@click.option("--spacing", type=number(0), help="Least distance between two in metres; default: as wide as fits.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same places.")
@click.option("--on", multiple=True, metavar="PRIM", help="Surfaces to scatter on; default: the whole set.")
@click.option("--slope", type=(float, float), default=(0.0, 30.0), show_default=True, help="Least and most degrees.")
@click.option("--scale", type=(float, float), default=(1.0, 1.0), show_default=True, help="Smallest and largest.")
@click.option("--yaw", type=number(0, 180), default=180.0, show_default=True, help="Turned by up to so many degrees.")
@click.option("--align", type=number(0, 1), default=0.0, show_default=True, help="0 upright, 1 along the normal.")
@click.option("--sink", type=number(), default=0.0, show_default=True, help="Metres deep in the ground.")
@click.option("--weights", type=LIST, metavar="A,B", help="How often each of ASSETS stands there.")
@click.option("--keep-out", multiple=True, metavar="PRIM", help="The bounds of this stay free.")
@click.option("--margin", type=number(0), default=0.0, show_default=True, help="With --keep-out: metres around.")
@click.option("--from", "origin", metavar="vNNN|published|REF|FILE", help="Where the assets come from.")
@click.option("--variant", "variants", type=PAIR, multiple=True, metavar="SET=NAME", help="Select a variant.")
@scene_option
@json_option
@click.pass_obj
def command(session: Session, /, name: str, assets: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Scatter ASSETS (assets, set pieces or prims) evenly by area, none too near another.

    Example: gates scene scatter pebbles rock --scene market/sh010 --on ground --count 400 --scale 0.3 1.2
    """
    from pipeline.gates.scattering import add_scatter
    from pipeline.scenes.scatter import ScatterSpec

    rest = {key: options.pop(key) for key in ("on", "keep_out", "margin", "origin", "scene")}
    variants = pairs(options.pop("variants"))
    try:
        options["weights"] = tuple(float(weight) for weight in options["weights"] or ())
    except ValueError as error:
        raise click.BadParameter("write numbers with commas between: --weights 3,1") from error
    result = add_scatter(session.project(), name, assets, ScatterSpec(**options), variants=variants, **rest)
    show(
        result, as_json,
        f"{result.prim}: {result.instances:,} on {result.area_m2:g} m2, {result.spacing_m:g} m apart or more",
    )  # fmt: skip
