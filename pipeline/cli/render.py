# SPDX-License-Identifier: Apache-2.0
"""Pictures of a stage: stills, turntables, frame ranges, movies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import FRAMES, PAIR, PIXELS, number, pairs
from pipeline.cli.output import json_option, show

if TYPE_CHECKING:
    from pipeline.cli.output import Session
    from pipeline.render.result import RenderResult


@click.command(name="render")
@click.argument("source", metavar="STAGE|SCENE|REF")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--camera", metavar="C", help="A camera prim, or three-quarter, front, left, right, back, top, product.")
@click.option("--size", type=PIXELS, help="Pixels; default: the stage's render settings, else 512x512.")
@click.option("--turntable", type=int, metavar="N", help="N pictures around the subject.")
@click.option("--frames", type=FRAMES, help="One picture for each time code from A to B.")
@click.option(
    "--quality", type=click.Choice(["draft", "review", "final"]), default="review", show_default=True, help="How clean."
)
@click.option("--renderer", metavar="NAME", help="draft, pygfx, mitsuba, hydra or blender; by quality unless told.")
@click.option("--prim", "prims", multiple=True, metavar="PATH", help="Only what lies beneath this prim.")
@click.option("--variant", "variants", type=PAIR, multiple=True, metavar="SET=NAME", help="Select a variant.")
@click.option("--lights", metavar="RIG", help="A light rig by name or path, or `authored`.")
@click.option("--purpose", type=click.Choice(["render", "proxy", "guide"]), default="render", show_default=True)
@click.option("--background", type=click.Choice(["studio", "transparent"]), default="studio", show_default=True)
@click.option(
    "--view", type=click.Choice(["srgb", "aces"]), default="srgb", show_default=True, help="Display transform."
)
@click.option("--exposure", type=number(), default=0.0, show_default=True, help="Stops.")
@click.option("--refine", type=click.IntRange(0, 4), default=0, show_default=True, help="Subdivision levels.")
@click.option("--time", type=number(), help="Time code of a still.")
@click.option("--resume", is_flag=True, help="Leave out frames whose files are there.")
@click.option("--workers", type=click.IntRange(1), help="Processes for a frame range.")
@json_option
@click.pass_obj
def command(session: Session, /, source: str, out: Path, as_json: bool, **options: Any) -> None:
    """Draw any USD stage, or a scene, branch, tag or version of the project; the suffix of OUT names the format.

    Formats: .png .jpg .tif .webp, .exr with depth, normals and ids; .gif and .mp4 for turntables and ranges.

    Example: gates render crate.usda crate.png --quality draft
    """
    from pipeline.render.making import render

    with session.progress():
        result = render(
            _stage(session, source),
            out,
            camera=options["camera"],
            size=options["size"],
            turntable=options["turntable"],
            frames=options["frames"],
            quality=options["quality"],
            renderer=options["renderer"],
            prims=options["prims"],
            variants=pairs(options["variants"]),
            lights=options["lights"],
            purposes=("default", options["purpose"]),
            background=options["background"],
            view=options["view"],
            exposure=options["exposure"],
            refine_level=options["refine"],
            time=options["time"],
            resume=options["resume"],
            workers=options["workers"],
        )
    show(result, as_json, lambda: _text(result))


def _stage(session: Session, source: str) -> Any:
    """A file as it is; anything else is a scene, a branch, a tag or a version of the project."""
    from pipeline.errors import GatesError, StageError

    if Path(source).exists() or "[" in source:
        return source
    try:
        project = session.project()
    except GatesError as error:
        raise StageError(
            f"{source!r} is no file, and there is no project here that could have it",
            path=source,
            remedy="give the path of a USD file, or run inside of a project",
        ) from error
    scene = project.root / "scenes" / source / f"{Path(source).name}.usda"
    return str(scene) if scene.is_file() else project.open_stage(source)


def _text(result: RenderResult) -> str:
    """The result for people."""
    first = str(result.images[0])
    count = len(result.images)
    where = str(result.movie) if result.movie else first if count == 1 else f"{first} and {count - 1} more"
    width, height = result.size
    lines = [f"{where}  {width}x{height} by {result.renderer} in {result.seconds:.2f} s"]
    if result.skipped:
        lines.append(f"{result.skipped} frames were there already")
    lines += [f"not as the stage says: {f'<{n.prim}> ' if n.prim else ''}{n.what}: {n.why}" for n in result.notes]
    return "\n".join(lines)
