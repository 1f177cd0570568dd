# SPDX-License-Identifier: Apache-2.0
"""Gate 1: what an asset is for; shows, sets and locks it."""

from __future__ import annotations

from typing import Any

import click

from pipeline.cli.options import LIST, SIZE, number
from pipeline.cli.output import Session, json_option, show


@click.command(name="intent")
@click.argument("asset")
@click.option("--job", help="A job of the decision matrix (config/jobs.toml).")
@click.option("--max-triangles", type=click.IntRange(min=1), help="Triangles at most of what ships.")
@click.option("--size", type=SIZE, help="Real width, height, depth in metres.")
@click.option("--formats", type=LIST, help="Formats to deliver.")
@click.option("--target", help="Where it goes: unreal, unity, godot, web, print, ar.")
@click.option("--parts", type=LIST, help="Parts that must stay separable.")
@click.option("--materials", type=LIST, help="Materials that are expected.")
@click.option("--statement", help="What it is for, in words.")
@click.option("--view-distance", type=number(0), help="Metres from which it must read.")
@click.option("--lock", is_flag=True, help="Lock it: generation may begin, nothing changes any more.")
@click.option("--unlock", is_flag=True, help="Open a locked intent again.")
@json_option
@click.pass_obj
def command(session: Session, /, asset: str, lock: bool, unlock: bool, as_json: bool, **given: Any) -> None:
    """Set, show or lock the intent of an asset.

    Example: gates intent market_stall --max-triangles 8000 --size 2.4x2.6x1.8 --formats fbx,usd --lock
    """
    from pipeline.errors import UsageError
    from pipeline.gates import intent

    if lock and unlock:
        raise UsageError("--lock and --unlock exclude each other", remedy="give one of them")
    project = session.project()
    if unlock:
        result = intent.unlock(project, asset)
        if any(value is not None for value in given.values()):
            result = intent.set_intent(project, asset, **given)
    else:
        result = intent.set_intent(project, asset, lock=lock, **given)
    size = "x".join(f"{s:g}" for s in result.size) + " m" if result.size else "not said"
    budgets = result.budgets
    show(
        result,
        as_json,
        f"{asset}: {result.job}, {'locked' if result.locked else 'not locked'}\n"
        f"  triangles at most {budgets.max_triangles:,}   materials at most {budgets.max_materials}\n"
        f"  size {size}   formats {', '.join(result.formats)}   target {result.target or 'none'}",
    )
