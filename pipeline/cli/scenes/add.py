# SPDX-License-Identifier: Apache-2.0
"""Put an asset into a scene."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.options import PAIR, pairs
from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import placing, told


@click.command(name="add")
@click.argument("scene")
@click.argument("asset")
@click.option("--as", "name", metavar="NAME", help="Name of its prim; default: the asset's.")
@click.option(
    "--from", "origin", metavar="vNNN|published|REF|FILE", help="Default: the newest package, else the branch's head."
)
@click.option("--follow", is_flag=True, help="Reference what moves on, the newest package or the branch.")
@click.option("--variant", "variants", type=PAIR, multiple=True, metavar="SET=NAME", help="Select a variant.")
@click.option("--instance", "instanceable", is_flag=True, help="Share it with other instances of the same.")
@click.option("--instead-of", metavar="PRIM", help="Take the place of this, say of a blockout, which is deactivated.")
@click.option("--department", help="Whose layer it is written to; default: as configured.")
@placing
@json_option
@click.pass_obj
def command(session: Session, /, scene: str, asset: str, as_json: bool, **options: Any) -> None:
    """Reference ASSET in SCENE, pinned to a package or a version, with variant selections.

    Example: gates scene add market/sh010 market_stall --variant style=open --at 0,0,-2 --ground
    """
    from pipeline.gates.dressing import add_asset

    options["variants"] = pairs(options["variants"])
    result = add_asset(session.project(), scene, asset, **options)
    chosen = "".join(f" {name}={value}" for name, value in result.variants.items())
    show(result, as_json, told(f"{result.prim} in {result.scene} is {asset} {result.pin}{chosen}", result.overruled))
