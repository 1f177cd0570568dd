# SPDX-License-Identifier: Apache-2.0
"""What a stage says it is rendered with."""

from __future__ import annotations

import click

from pipeline.cli.options import LIST, PIXELS
from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import scene_option


@click.command(name="rendering")
@click.argument("camera")
@click.option("--size", "resolution", type=PIXELS, help="Pixels; default: as configured.")
@click.option("--product", metavar="FILE", help="Relative to the stage; #### is the frame.")
@click.option("--aovs", type=LIST, metavar="A,B", help="Render variables by Hydra's names: color, depth, normal, …")
@click.option("--name", default="Settings", show_default=True, help="Of the prim below /Render.")
@scene_option
@json_option
@click.pass_obj
def command(
    session: Session,
    camera: str,
    resolution: tuple[int, int] | None,
    product: str | None,
    aovs: list[str] | None,
    name: str,
    scene: str | None,
    as_json: bool,
) -> None:
    """Author UsdRender settings, a product and its variables, and name them on the stage (renderSettingsPrimPath).

    Any Hydra renderer finds them there; `gates render` takes camera and size from them.

    Example: gates scene rendering run --scene market/sh010 --size 1920x1080
    """
    from pipeline.gates.filming import set_rendering

    result = set_rendering(
        session.project(), camera, scene=scene, name=name, resolution=resolution, product=product, aovs=aovs or ()
    )
    width, height = result.resolution
    show(result, as_json, f"{result.prim}: {result.lens} at {width}x{height} to {result.product}")
