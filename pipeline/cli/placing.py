# SPDX-License-Identifier: Apache-2.0
"""Options of every command that puts something somewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pipeline.cli.options import POINT, number

F = TypeVar("F", bound=Callable[..., Any])
_SIDES = ["left", "right", "front", "back", "up", "down"]

_OPTIONS = [
    click.option("--at", type=POINT, help="Metres, Y up."),
    click.option("--yaw", type=number(), help="Degrees about the up axis."),
    click.option("--ground", is_flag=True, help="Set it down on what lies beneath."),
    click.option("--next-to", metavar="PRIM", help="Stand beside this asset or prim."),
    click.option("--on-top-of", metavar="PRIM", help="Stand on top of this asset or prim."),
    click.option("--side", type=click.Choice(_SIDES), default="right", show_default=True, help="With --next-to."),
    click.option("--gap", type=number(), default=0.15, show_default=True, help="With --next-to: metres between."),
    click.option("--snap", type=click.Choice(_SIDES), help="Go that way until it touches a surface."),
    click.option("--align", is_flag=True, help="With --snap: turn its back to that surface."),
]


def placing(function: F) -> F:
    """Add the options; `where` takes them out of the command's keywords."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def told(text: str, overruled: list[str]) -> str:
    """A line for people, with who says otherwise."""
    return text + (f"; {', '.join(overruled)} says otherwise, so it does not show" if overruled else "")


def scene_option(function: F) -> F:
    """Add `--scene`: which stage is written."""
    return click.option("--scene", metavar="NAME", help="In this scene; default: the project's own stage.")(function)
