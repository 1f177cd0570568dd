# SPDX-License-Identifier: Apache-2.0
"""Gate 5: a light rig from the template stages."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="light")
@click.argument("rig", required=False)
@json_option
@click.pass_obj
def command(session: Session, rig: str | None, as_json: bool) -> None:
    """Reference a light rig below /World/Lights; without a name, list the rigs.

    Example: gates light three_point
    """
    from pipeline.gates.context import add_lights
    from pipeline.scenes import light_rig_names

    if rig is None:
        names = light_rig_names()
        show({"rigs": names}, as_json, "\n".join(names))
        return
    result = add_lights(session.project(), rig)
    show(result, as_json, f"{result.prim} lights the scene")
