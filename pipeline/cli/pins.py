# SPDX-License-Identifier: Apache-2.0
"""Which published packages a version uses; use others; export the list for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.versions.pins import Pin


@click.command(name="pins")
@click.argument("ref", required=False)
@click.option("--set", "pin", metavar="ASSET=vNNN", help="Use that package on the current branch.")
@click.option("--dry-run", is_flag=True, help="With --set: only list what would change.")
@click.option(
    "--export",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.usda",
    help="Write a mapping file for the resolvers of Maya and 3ds Max.",
)
@json_option
@click.pass_obj
def command(session: Session, ref: str | None, pin: str | None, dry_run: bool, out: Path | None, as_json: bool) -> None:
    """List the published packages that REF (the current branch if not given) brings in.

    Example: gates pins --set market_stall=v004 --dry-run
    """
    project = session.project()
    if pin:
        asset, _, number = pin.partition("=")
        if not number.lstrip("v").isdigit():
            raise click.UsageError("write --set ASSET=vNNN")
        result = project.repin(asset, int(number.lstrip("v")), dry_run=dry_run)
        rows = [row["path"] for row in result["changes"]]
        show(result, as_json, lambda: "\n".join([f"{len(rows)} places {'would ' if dry_run else ''}change", *rows]))
        return
    pins = project.export_pins(out, ref) if out else project.pins(ref)
    show({"pins": [one.model_dump() for one in pins], "path": str(out) if out else None}, as_json, lambda: text(pins))


def text(pins: list[Pin]) -> str:
    """The pins for a terminal."""
    rows = []
    for one in pins:
        newer = click.style(f"  v{one.newest:03d} is there", fg="yellow") if one.newest > one.number else ""
        rows.append(f"{one.asset} v{one.number:03d}  {len(one.prims)} places{newer}")
    return "\n".join(rows) or "nothing published is brought in"
