# SPDX-License-Identifier: Apache-2.0
"""What scenes are pinned to; use another package."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="pins")
@click.argument("name", required=False)
@click.option("--set", "pin", metavar="ASSET=vNNN", help="Use that package here and in the shots below.")
@json_option
@click.pass_obj
def command(session: Session, name: str | None, pin: str | None, as_json: bool) -> None:
    """List what NAME (all scenes if not given) and its shots bring in, by department.

    Example: gates scene pins market --set market_stall=v002
    """
    from pipeline.gates.scene_versions import list_scene_pins, pin_scene

    project = session.project()
    if pin:
        asset, _, number = pin.partition("=")
        if not number.lstrip("v").isdigit():
            raise click.UsageError("write --set ASSET=vNNN")
        result = pin_scene(project, asset, int(number.lstrip("v")), name)
    else:
        result = list_scene_pins(project, name)
    rows = [
        f"{p.scene:<20} {p.department:<10} {p.prim:<32} {p.asset} {p.pin}"
        + (f"  v{p.newest:03d} is there" if p.newest and p.pin != f"v{p.newest:03d}" else "")
        for p in result.pins
    ]
    show(result, as_json, "\n".join(rows) or "nothing is brought in")
