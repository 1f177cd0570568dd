# SPDX-License-Identifier: Apache-2.0
"""Gate 5: puts an asset or a set into the scene."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.options import POINT, number
from pipeline.cli.output import Session, json_option, show


@click.command(name="place")
@click.argument("asset")
@click.option("--at", type=POINT, help="Metres, Y up.")
@click.option("--yaw", type=number(), help="Degrees about the up axis.")
@click.option("--ground", is_flag=True, help="Set it down on what lies beneath.")
@click.option("--next-to", metavar="ASSET", help="Stand beside this asset or prim.")
@click.option("--set", "layer", type=click.Path(path_type=Path), help="Reference this USD file as a set of that name.")
@json_option
@click.pass_obj
def command(
    session: Session,
    asset: str,
    at: tuple[float, float, float] | None,
    yaw: float | None,
    ground: bool,
    next_to: str | None,
    layer: Path | None,
    as_json: bool,
) -> None:
    """Place an asset: at a point, on the ground, beside a neighbour; or bring a set in.

    Example: gates place market_stall --at 0,0,-2 --yaw 15 --ground
    """
    from pipeline.gates.context import add_set, place_asset

    project = session.project()
    if layer:
        result = add_set(project, asset, layer)
        show(result, as_json, f"{result.prim} references {layer}")
        return
    result = place_asset(project, asset, at=at, yaw=yaw, ground=ground, next_to=next_to)
    x, y, z = result.position_m or (0.0, 0.0, 0.0)
    show(result, as_json, f"{result.prim} stands at {x:.3f}, {y:.3f}, {z:.3f} m, turned {result.yaw:g} degrees")
