# SPDX-License-Identifier: Apache-2.0
"""Every scene of the project."""

from __future__ import annotations

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="list")
@json_option
@click.pass_obj
def command(session: Session, as_json: bool) -> None:
    """List sequences and shots with their frames and what is wrong with them.

    Example: gates scene list
    """
    from pipeline.gates.scenes import list_scenes

    rows = list_scenes(session.project())
    lines = [
        f"{r.name:<24} {r.kind:<10} {r.start:g}:{r.end:g}  {len(r.assets)} assets"
        + (f"  {len(r.problems)} problems" if r.problems else "")
        for r in rows
    ]
    show({"scenes": [r.model_dump() for r in rows]}, as_json, "\n".join(lines) or "no scene yet: gates scene new NAME")
