# SPDX-License-Identifier: Apache-2.0
"""Take something out of a scene."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="remove")
@click.argument("scene")
@click.argument("prim")
@click.option("--department", help="Whose layer it is taken out of; default: as configured.")
@json_option
@click.pass_obj
def command(session: Session, scene: str, prim: str, department: str | None, as_json: bool) -> None:
    """Delete PRIM where only this department has it, else deactivate it in SCENE.

    Example: gates scene remove market/sh020 crate
    """
    from pipeline.gates.revising import remove_prim

    result = remove_prim(session.project(), scene, prim, department=department)
    show(result, as_json, f"{result.prim} in {result.scene}: {result.how} by {result.department}")
