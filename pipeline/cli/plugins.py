# SPDX-License-Identifier: Apache-2.0
"""What was found of generators, checks, refiners, exporters and hooks, and why anything was left out."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="plugins")
@click.option("--kind", help="Only this kind.")
@json_option
@click.pass_obj
def command(session: Session, kind: str | None, as_json: bool) -> None:
    """List every plug-in, shipped or foreign, with its state.

    Example: gates plugins --kind generator
    """
    from pipeline.errors import ProjectError
    from pipeline.plugins.discovery import discover

    try:
        root = session.project().root
    except ProjectError:
        root = None
    rows = [p for p in discover(root) if kind in (None, p.kind)]
    lines = [f"{p.kind:<10} {p.name:<28} {p.state:<8} {p.error or p.source}" for p in rows]
    show({"plugins": [p.model_dump() for p in rows]}, as_json, "\n".join(lines))
