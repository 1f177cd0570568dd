# SPDX-License-Identifier: Apache-2.0
"""Gate 5: a camera by what it is for."""

from __future__ import annotations

import click

from pipeline.cli.options import number
from pipeline.cli.output import Session, json_option, show


@click.command(name="camera")
@click.argument("name")
@click.option("--subject", required=True, metavar="ASSET", help="The asset or prim it looks at.")
@click.option(
    "--kind",
    type=click.Choice(["player", "hero", "product", "top"]),
    default="player",
    show_default=True,
    help="What for.",
)
@click.option("--lens", type=number(1), default=35.0, show_default=True, help="Focal length in mm.")
@click.option("--sensor", type=number(1), default=36.0, show_default=True, help="Sensor width in mm.")
@click.option("--aspect", type=number(0.1), default=16 / 9, help="Width by height of the picture.")
@click.option("--distance", type=number(0.01), help="Metres to the subject; default: fits it.")
@click.option("--azimuth", type=number(), help="Degrees from the subject's front.")
@json_option
@click.pass_obj
def command(
    session: Session,
    name: str,
    subject: str,
    kind: str,
    lens: float,
    sensor: float,
    aspect: float,
    distance: float | None,
    azimuth: float | None,
    as_json: bool,
) -> None:
    """Author a camera below /World/Cameras.

    Example: gates camera player --subject market_stall --kind player --distance 6
    """
    from pipeline.gates.context import add_camera
    from pipeline.scenes import CameraSpec

    spec = CameraSpec(
        kind=kind,  # type: ignore[arg-type]
        lens_mm=lens,
        sensor_mm=sensor,
        aspect=aspect,
        distance_m=distance,
        azimuth=azimuth,
    )
    result = add_camera(session.project(), name, subject, spec)
    show(result, as_json, f"{result.prim} looks at {subject}")
