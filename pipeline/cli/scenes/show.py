# SPDX-License-Identifier: Apache-2.0
"""A scene: its departments, what stands in it, and what is wrong with it."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="show")
@click.argument("name")
@json_option
@click.pass_obj
def command(session: Session, name: str, as_json: bool) -> None:
    """Show a scene's departments, the strongest first, its assets with their pins, and its problems.

    Example: gates scene show market/sh010
    """
    from pipeline.gates.scenes import show_scene

    row = show_scene(session.project(), name)
    lines = [f"{row.name} ({row.kind}) {row.start:g}:{row.end:g} at {row.fps:g} a second, {row.path}"]
    lines += [f"  {d.name:<12} {d.prims:>5} prims  {d.path}" for d in row.departments]
    lines += [f"  over {row.parent}"] if row.parent else []
    lines += [f"  shot {shot}" for shot in row.shots]
    lines += [f"  {path} is {pin}" for path, pin in row.assets.items()]
    lines += [f"  wrong: {problem}" for problem in row.problems]
    show(row, as_json, "\n".join(lines))
