# SPDX-License-Identifier: Apache-2.0
"""Where a shot does not begin as the one before ended."""

from __future__ import annotations

import click

from pipeline.cli.options import LIST
from pipeline.cli.output import Session, json_option, show


@click.command(name="continuity")
@click.argument("sequence")
@click.option("--shots", type=LIST, metavar="A,B", help="In the order of the cut; default: by name.")
@click.option("--only", type=LIST, metavar="FIELD,FIELD", help="position, variant, pin, pose, material, light, …")
@click.option("--check", is_flag=True, help="Exit 3 where something drifts.")
@json_option
@click.pass_obj
def command(
    session: Session, sequence: str, shots: list[str] | None, only: list[str] | None, check: bool, as_json: bool
) -> int:
    """Compare the shots of SEQUENCE: same asset, pin, variant, place, pose, material and light at each cut.

    Example: gates scene continuity market
    """
    from pipeline.gates.scene_versions import check_continuity

    result = check_continuity(session.project(), sequence, shots=shots, fields=only)
    lines = [
        f"{d.shot}: {d.prim} {d.field}: expected {d.expected} as in {d.against}, found {d.found}" for d in result.drifts
    ]
    show(result, as_json, "\n".join(lines) or f"{len(result.shots)} shots, nothing drifts")
    return 3 if check and result.drifts else 0
