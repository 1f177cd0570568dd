# SPDX-License-Identifier: Apache-2.0
"""One refinement of an asset as opinions, or as a new variant."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.output import Session, json_option, show


@click.command("refine")
@click.argument("asset", required=False)
@click.argument("op", required=False)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting of the operation; may be repeated.")
@click.option("--variant", metavar="SET=NAME", help="Author inside this variant.")
@click.option("--new-variant", metavar="SET=NAME", help="Make this variant and author inside it.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="ASSET is a file of any format: write the refined copy here, in any format, without a project.",
)
@click.option("--prim", metavar="PATH", help="With --out: the prim to refine; default: the default prim.")
@click.option("--list", "listed", is_flag=True, help="List the operations; with OP, its settings.")
@json_option
@click.pass_obj
def command(
    session: Session,
    asset: str | None,
    op: str | None,
    pairs: tuple[str, ...],
    variant: str | None,
    new_variant: str | None,
    out: Path | None,
    prim: str | None,
    listed: bool,
    as_json: bool,
) -> None:
    """One refinement of ASSET by the operation OP, non-destructive: the original stays.

    Example: gates refine stall decimate --set triangles=8000
    """
    if listed or asset is None:
        _list(op or asset, as_json)
        return
    if op is None:
        raise click.UsageError("which operation? `gates refine --list` names them")
    settings = dict(_pair(pair) for pair in pairs)
    with session.progress():
        if out is not None:
            from pipeline.gates.refinement import refine_any_file

            done = refine_any_file(Path(asset), out, [(op, settings)], prim)
            result = done.results[0]
            result.notes += [f"lost: {loss}" for loss in done.losses]
        elif Path(asset).suffix and Path(asset).is_file():
            raise click.UsageError(f"{asset} is a file: name the refined copy with --out")
        else:
            from pipeline.gates.refinement import refine_asset

            result = refine_asset(session.project(), asset, op, settings, variant=variant, new_variant=new_variant)
    show(result, as_json, lambda: _text(result))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--set {text}: write it KEY=VALUE")
    return key.strip(), value.strip()


def _list(name: str | None, as_json: bool) -> None:
    from pipeline.refiners import find, operations

    chosen = operations() if name is None else [find(name)]
    rows = [
        {"op": o.name, "summary": o.summary, "fixes": list(o.fixes), "settings": o.settings.model_json_schema()}
        for o in chosen
    ]
    lines = []
    for one in chosen:
        lines.append(f"{one.name:20} {one.summary}")
        if name is not None:
            for key, field in one.settings.model_fields.items():
                lines.append(f"  --set {key}={field.get_default()}   {field.description or ''}")
    show({"operations": rows}, as_json, "\n".join(lines))


def _text(result) -> str:  # type: ignore[no-untyped-def]
    where = f" in {result.variant}" if result.variant else ""
    lines = [f"{result.op}: {'done' if result.changed else 'nothing to change'}{where}"]
    for key in {**result.before, **result.after}:
        old, new = result.before.get(key, "none"), result.after.get(key, "none")
        lines.append(f"  {key}: {old}" if old == new else f"  {key}: {old} → {new}")
    if result.error:
        lines.append(f"  distance to the original: mean {result.error['mean']:.4%}, max {result.error['max']:.4%}")
    lines += [f"  {key}: {value}" for key, value in result.details.items()]
    lines += [f"  note: {note}" for note in result.notes]
    lines += [f"  passed over {s.prim}: {s.why}" for s in result.skipped]
    return "\n".join(lines)
