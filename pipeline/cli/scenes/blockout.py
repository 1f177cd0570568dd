# SPDX-License-Identifier: Apache-2.0
"""Shapes that stand in for things, in metres."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.options import SIZE
from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import placing, scene_option, told


class _Opening(click.ParamType):
    """`LEFT,SILL,WIDTH,HEIGHT` in metres."""

    name = "L,S,W,H"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            left, sill, width, height = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no opening: write left, sill, width, height in metres: 2,0,1,2.1", param, ctx)
        return left, sill, width, height


@click.command(name="blockout")
@click.argument("name")
@click.argument("shape", type=click.Choice(["box", "cylinder", "ramp", "stairs", "wall", "floor"]))
@click.argument("size", type=SIZE)
@click.option("--steps", type=click.IntRange(1, 10000), help="Of stairs; default: as many as are comfortable.")
@click.option("--opening", "openings", type=_Opening(), multiple=True, help="A door or window in a wall.")
@click.option(
    "--purpose",
    type=click.Choice(["default", "render", "proxy", "guide"]),
    default="default",
    show_default=True,
    help="Where it is drawn.",
)
@click.option(
    "--kind",
    type=click.Choice(["component", "subcomponent", "group", "assembly"]),
    default="component",
    show_default=True,
    help="Its place in the model hierarchy.",
)
@click.option("--label", default="", help="What it is, for measuring: a crate, a market stall.")
@click.option("--color", metavar="#RRGGBB", help="sRGB; default: a light grey.")
@scene_option
@placing
@json_option
@click.pass_obj
def command(
    session: Session, /, name: str, shape: str, size: tuple[float, float, float], as_json: bool, **options: Any
) -> None:
    """Put SHAPE of SIZE (WxHxD, metres) below /World/Set as NAME.

    Example: gates scene blockout steps stairs 2x1.4x2.4 --scene market/sh010 --at -2,0,0
    """
    from pipeline.gates.dressing import add_blockout
    from pipeline.scenes.shapes import Opening

    openings = [Opening(*opening) for opening in options.pop("openings")]
    result = add_blockout(session.project(), name, shape, size, openings=openings, **options)  # type: ignore[arg-type]
    x, y, z = result.position_m or (0.0, 0.0, 0.0)
    show(result, as_json, told(f"{result.prim} stands at {x:.3f}, {y:.3f}, {z:.3f} m", result.overruled))
