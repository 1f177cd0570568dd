# SPDX-License-Identifier: Apache-2.0
"""The departments of a scene and their order."""

from __future__ import annotations

import click

from pipeline.cli.options import LIST
from pipeline.cli.output import Session, json_option, show


@click.command(name="department")
@click.argument("name")
@click.option("--order", type=LIST, metavar="A,B", help="All departments, the strongest first.")
@click.option("--add", metavar="DEPARTMENT", help="One more; the strongest unless --above says otherwise.")
@click.option("--above", metavar="DEPARTMENT", help="With --add: just stronger than this one.")
@click.option("--remove", metavar="DEPARTMENT", help="Take one out; its file stays.")
@click.option("--from-kind", is_flag=True, help="In the order of the scene's kind in the configuration.")
@json_option
@click.pass_obj
def command(
    session: Session,
    name: str,
    order: list[str] | None,
    add: str | None,
    above: str | None,
    remove: str | None,
    from_kind: bool,
    as_json: bool,
) -> None:
    """Add, remove or reorder the departments of a scene; without options, list them.

    Example: gates scene department market/sh010 --add grooming --above layout
    """
    from pipeline.gates.scenes import set_departments, show_scene

    project = session.project()
    if order or add or remove or from_kind:
        row = set_departments(project, name, order=order, add=add, above=above, remove=remove, from_kind=from_kind)
    else:
        row = show_scene(project, name)
    show(row, as_json, "\n".join(d.name for d in row.departments))
