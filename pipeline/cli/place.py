# SPDX-License-Identifier: Apache-2.0
"""Gate 5: puts an asset or a set into the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import placing, scene_option, told


@click.command(name="place")
@click.argument("asset")
@placing
@click.option("--set", "layer", type=click.Path(path_type=Path), help="Reference this USD file as a set of that name.")
@scene_option
@json_option
@click.pass_obj
def command(
    session: Session, /, asset: str, layer: Path | None, scene: str | None, as_json: bool, **where: Any
) -> None:
    """Place an asset: at a point, on the ground, beside or on a neighbour; or bring a set in.

    Example: gates place market_stall --at 0,0,-2 --yaw 15 --ground
    """
    from pipeline.gates.dressing import add_set, place_asset

    project = session.project()
    if layer:
        result = add_set(project, asset, layer, scene=scene)
        show(result, as_json, f"{result.prim} references {layer}")
        return
    result = place_asset(project, asset, scene=scene, **where)
    x, y, z = result.position_m or (0.0, 0.0, 0.0)
    text = f"{result.prim} stands at {x:.3f}, {y:.3f}, {z:.3f} m, turned {result.yaw:g} degrees"
    show(result, as_json, told(text, result.overruled))
