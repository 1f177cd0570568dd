# SPDX-License-Identifier: Apache-2.0
"""Gate 5: scenes and shots as stages of the project, by department."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

_HERE = Path(__file__).parent / "scenes"


class _SceneCommands(click.Group):
    """The commands of `gates scene`: one file each in `pipeline/cli/scenes/`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(p.stem for p in _HERE.glob("*.py") if p.stem != "__init__")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"pipeline.cli.scenes.{cmd_name}").command
        return command


@click.group(name="scene", cls=_SceneCommands)
def command() -> None:
    """Sequences and shots: stages below scenes/, layered by department, the strongest first.

    A scene is named sequence or sequence/shot. Each department writes a layer of its own; which there are, and who
    writes what, is said in config/scenes.toml and in [scenes] of gates.toml. Cameras, lights and placements are made by
    `gates camera`, `gates light` and `gates place` with --scene.

    Example: gates scene new market/sh010 --frames 1001:1048
    """
