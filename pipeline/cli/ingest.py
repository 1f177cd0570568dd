# SPDX-License-Identifier: Apache-2.0
"""Gate 3: a mesh or USD file from outside becomes a candidate."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="ingest")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("asset")
@click.option("--as", "variant", help="Name of the candidate; default: the next free c01, c02, …")
@click.option("--units", help="Units of the file where it does not say: m, cm, mm, in, ft.")
@click.option("--up", type=click.Choice(["Y", "Z"], case_sensitive=False), help="Its up axis where it does not say.")
@json_option
@click.pass_obj
def command(
    session: Session, file: Path, asset: str, variant: str | None, units: str | None, up: str | None, as_json: bool
) -> None:
    """Read any GLB, glTF, FBX, OBJ, STL, PLY, USD or USDZ in a sandbox and make it a candidate.

    Example: gates ingest scan.glb market_stall --as scan
    """
    from pipeline.gates.generation import ingest

    with session.progress():
        row = ingest(session.project(), file, asset, variant=variant, units=units, up=up)
    notes = [f"  note: {n}" for n in row.notes]
    show(row, as_json, "\n".join([f"{asset}: {row.variant}, {row.triangles:,} triangles", *notes]))
