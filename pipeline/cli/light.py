# SPDX-License-Identifier: Apache-2.0
"""Gate 5: a light rig from the template stages, and what its lights reach."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show
from pipeline.cli.placing import scene_option


@click.command(name="light")
@click.argument("rig", required=False)
@click.option("--subject", metavar="PRIM", help="Move the rig to this asset or prim and grow it around it.")
@click.option("--only", multiple=True, metavar="LIGHT", help="With --link and --exclude: only these lights of the rig.")
@click.option("--link", multiple=True, metavar="PRIM", help="The lights reach only this asset or prim.")
@click.option("--exclude", multiple=True, metavar="PRIM", help="The lights do not reach this asset or prim.")
@click.option("--relink", is_flag=True, help="RIG is a rig or light that is there: say anew what it reaches.")
@scene_option
@json_option
@click.pass_obj
def command(
    session: Session,
    rig: str | None,
    subject: str | None,
    only: tuple[str, ...],
    link: tuple[str, ...],
    exclude: tuple[str, ...],
    relink: bool,
    scene: str | None,
    as_json: bool,
) -> None:
    """Reference a light rig below /World/Lights; without a name, list the rigs.

    Example: gates light three_point
    """
    from pipeline.gates.filming import add_lights, link_lights
    from pipeline.scenes import light_rig_names

    if rig is None:
        names = light_rig_names()
        show({"rigs": names}, as_json, "\n".join(names))
        return
    project = session.project()
    if relink:
        result = link_lights(project, rig, only=only, link=link, exclude=exclude, scene=scene)
    else:
        result = add_lights(project, rig, subject=subject, only=only, link=link, exclude=exclude, scene=scene)
    lines = [f"{result.prim} lights the scene"]
    for row in result.links:
        reach = "everything" if row.all else ", ".join(row.include)
        lines.append(f"  {row.light} reaches {reach}" + (f" but {', '.join(row.exclude)}" if row.exclude else ""))
    show(result, as_json, "\n".join(lines))
