# SPDX-License-Identifier: Apache-2.0
"""Gate 5: what does not fit in the scene, by measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.cli.output import Session, json_option, show


@click.command(name="context")
@click.argument("scene", required=False)
@click.option("--asset", help="The asset, in a scene any prim of it; default: the only asset there is.")
@click.option(
    "--camera",
    "cameras",
    multiple=True,
    metavar="NAME",
    help="A camera to look through, may be repeated; `all` takes every one. Default: those of the last measurement, "
    "else the first.",
)
@click.option("--size", default="1920", metavar="W[xH]", show_default=True, help="Pixels of the final picture.")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="OUT.png", help="Draw the remarks on the picture.")
@click.option(
    "--drift", type=click.Path(path_type=Path), metavar="OUT.png", help="Draw it beside its approved version."
)
@click.option("--again", is_flag=True, help="Measure even where nothing changed.")
@click.option("--waive", metavar="NOTE", help="Accept one remark as it is, by the name in brackets.")
@click.option("--why", default="", help="Why it is accepted.")
@json_option
@click.pass_obj
def command(
    session: Session,
    scene: str | None,
    asset: str | None,
    cameras: tuple[str, ...],
    size: str,
    sheet: Path | None,
    drift: Path | None,
    again: bool,
    waive: str | None,
    why: str,
    as_json: bool,
) -> None:
    """Measure an asset in its scene: does it stand, is it seen, does it belong.

    SCENE is a scene or shot of the project, or the asset itself for the project's own stage, where remarks are kept.

    Example: gates context --asset market_stall --camera player --sheet notes.png
    """
    from pipeline.errors import UsageError
    from pipeline.gates import context
    from pipeline.gates.board import asset_names

    project = session.project()
    names = asset_names(project.open_stage())
    named = asset or (scene if scene in names else None) or (names[0] if len(names) == 1 else None)
    if named is None:
        raise UsageError("which asset?", remedy=f"--asset with one of: {', '.join(names) or 'none yet'}")
    elsewhere = scene if scene and scene != named else None
    if elsewhere and (waive or drift):
        raise UsageError("remarks are waived and products compared in the project's own stage", remedy="name no scene")
    if waive:
        if not why:
            raise UsageError("a waiver needs a reason", remedy='--why "…"')
        context.waive(project, named, waive, why)
    with session.progress():
        looked: dict[str, Any] = {"size": _size(size), "sheet": sheet}
        through = list(cameras) or None
        if elsewhere:
            result = context.measure_in_scene(project, elsewhere, named, through, **looked)
        else:
            result = context.measure_context(project, named, through, again=again, **looked)
        if drift:
            result.drift = context.show_drift(project, named, drift)
    rows = [
        f"  {n.severity:<8} {n.kind:<14} {n.message}  (found {n.measured}, expected {n.expected})"
        + (f"  [{n.name}]" if n.name else "")
        for n in result.notes
    ]
    rows += [f"  {kind}: could not be measured: {why}" for kind, why in result.failures.items()]
    rows += [
        f"  {d.view}: ΔE00 {d.colour_mean:.2f}, silhouette {d.silhouette:.1%} the same as approved"
        for d in result.drift
    ]
    show(result, as_json, "\n".join(rows) or f"{named}: nothing to remark")


def _size(text: str) -> tuple[int, int]:
    """`1920` or `1920x1080`.

    Raises
    ------
    pipeline.errors.UsageError
        It is neither.
    """
    from pipeline.errors import UsageError

    width, _, height = text.lower().partition("x")
    if not width.isdigit() or (height and not height.isdigit()) or not 16 <= int(width) <= 16384:
        raise UsageError(f"{text!r} is no picture size", remedy="write it like 1920 or 1920x1080")
    return int(width), min(int(height or 0), 16384)
