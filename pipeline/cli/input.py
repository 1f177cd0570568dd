# SPDX-License-Identifier: Apache-2.0
"""Gate 2: prompts, pictures and existing assets that guide generation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.output import Session, json_option, show

if TYPE_CHECKING:
    from pipeline.gates.inputs import View

FILE = click.Path(path_type=Path)


@click.command(name="input")
@click.argument("asset")
@click.option("--prompt", help="What to make, in words; replaces an older prompt.")
@click.option("--negative", help="What to keep out, in words.")
@click.option("--image", "images", type=FILE, multiple=True, help="A picture; may be given again.")
@click.option("--existing", type=FILE, multiple=True, help="A mesh or USD file to start from.")
@click.option(
    "--role", type=click.Choice(["shape", "material", "style", "blockout", "scene"]), help="What the files stand for."
)
@click.option(
    "--view",
    type=click.Choice(["front", "left", "back", "right", "top", "bottom"]),
    help="The side that the pictures show.",
)
@click.option(
    "--cut-out",
    type=click.Choice(["auto", "alpha", "plain", "rembg", "grabcut"]),
    help="Remove the pictures' background; the picture as it came is kept beside it.",
)
@click.option("--strip-banned", is_flag=True, help="Take words that the project bans out of the prompt.")
@click.option("--origin", default="", help="Where a picture comes from.")
@click.option("--licence", default="", help="Under which licence, best an SPDX identifier.")
@json_option
@click.pass_obj
def command(
    session: Session,
    asset: str,
    prompt: str | None,
    negative: str | None,
    images: tuple[Path, ...],
    existing: tuple[Path, ...],
    role: str | None,
    view: View | None,
    cut_out: str | None,
    strip_banned: bool,
    origin: str,
    licence: str,
    as_json: bool,
) -> None:
    """Add to the input set of an asset, or list it.

    Example: gates input market_stall --prompt "a wooden market stall" --image sketch.png --role shape
    """
    from pipeline.gates.inputs import add_inputs

    with session.progress():
        result = add_inputs(
            session.project(),
            asset,
            prompt=prompt,
            negative=negative,
            images=list(images),
            existing=list(existing),
            role=role,  # type: ignore[arg-type]
            view=view or "",
            cut_out=cut_out or "",
            strip=strip_banned,
            origin=origin,
            licence=licence,
        )
    rows = []
    for i in result.inputs:
        rows.append(f"  {i.role:<9} {i.kind:<6} {i.digest[:12]}  {i.text[:60] or i.name}")
        cut = f"background removed by {i.cut_by}" if i.cut_by else ""
        facts = [i.view, cut, i.licence and f"licence {i.licence}", i.origin and f"from {i.origin}"]
        if i.kind == "image" and not i.licence:
            facts.append("licence not said")
        if told := ", ".join(f for f in facts if f):
            rows.append(f"            {told}")
        if i.palette:
            rows.append(f"            palette {' '.join(i.palette)}")
        rows += [f"            {note}" for note in i.notes]
    show(result, as_json, "\n".join([f"{asset}: {len(result.inputs)} inputs", *rows]))
