# SPDX-License-Identifier: Apache-2.0
"""Gate 2: prompts, pictures and existing assets that guide generation."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import Session, json_option, show

FILE = click.Path(path_type=Path)


@click.command(name="input")
@click.argument("asset")
@click.option("--prompt", help="What to make, in words; replaces an older prompt.")
@click.option("--negative", help="What to keep out, in words.")
@click.option("--image", "images", type=FILE, multiple=True, help="A picture; may be given again.")
@click.option("--existing", type=FILE, multiple=True, help="A mesh or USD file to start from.")
@click.option("--role", type=click.Choice(["shape", "material", "style", "blockout"]), help="What the files stand for.")
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
            origin=origin,
            licence=licence,
        )
    rows = [f"  {i.role:<9} {i.kind:<6} {i.digest[:12]}  {i.text[:60]}" for i in result.inputs]
    show(result, as_json, "\n".join([f"{asset}: {len(rows)} inputs", *rows]))
