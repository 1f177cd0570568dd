# SPDX-License-Identifier: Apache-2.0
"""The command line: one file per command, imported only when that command is called.

A command `gates do-this` is `pipeline/cli/do_this.py`; the first line of the file's docstring is its line in
`gates --help`, and the file defines `command`, a `click.Command`. Plug-ins add commands through the entry
point group `sevengates.commands`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

_HERE = Path(__file__).parent
#: modules of this folder that are not commands
_NOT_COMMANDS = {"__init__", "completing", "output", "options", "placing", "terminal"}


def _summary(path: Path) -> str:
    """The first line of a module's docstring, read as text so that nothing is imported."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith('"""'):
                return line.strip().strip('"').strip()
    return ""


class Commands(click.Group):
    """A click group that finds its commands as files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = {p.stem.replace("_", "-") for p in _HERE.glob("*.py") if p.stem not in _NOT_COMMANDS}
        return sorted(names | {e.name for e in _plugin_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        path = _HERE / f"{cmd_name.replace('-', '_')}.py"
        if path.stem in _NOT_COMMANDS:
            return None
        if path.exists():
            command: click.Command = import_module(f"pipeline.cli.{path.stem}").command
            return command
        for entry in _plugin_commands():
            if entry.name == cmd_name:
                loaded: click.Command = entry.load()
                return loaded
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            path = _HERE / f"{name.replace('-', '_')}.py"
            rows.append((name, _summary(path) if path.exists() else "from a plug-in"))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, turning every error of ours into one message and its exit code."""
        kwargs.pop("standalone_mode", None)
        from pipeline.cli.output import fail

        try:
            result = super().main(*args, **{**kwargs, "standalone_mode": False})
        except (click.exceptions.Abort, KeyboardInterrupt):
            _interrupted()
        except click.ClickException as error:
            error.show()
            sys.exit(2 if isinstance(error, click.UsageError) else error.exit_code)
        except BrokenPipeError:
            sys.exit(1)
        except Exception as error:  # noqa: BLE001  the last place where an artist can be spared a traceback
            sys.exit(fail(error, debug="--debug" in sys.argv))
        sys.exit(result if isinstance(result, int) else 0)


def _interrupted() -> NoReturn:
    """Say so and leave with 130.

    CPython remembers a KeyboardInterrupt that left an `exec` of a string (dataclasses and named tuples are made
    by one) and then dies of SIGINT whatever the exit code (`run_eval_code_obj` in pythonrun.c); the next
    `exec` forgets it.
    """
    click.echo("interrupted; nothing was half-written", err=True)
    exec("")
    sys.exit(130)


def _plugin_commands() -> list[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group="sevengates.commands"))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Work in this project folder.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.version_option(package_name="sevengates", prog_name="gates")
@click.pass_context
def gates(ctx: click.Context, directory: Path | None, debug: bool, quiet: bool) -> None:
    """Seven gates from a brief to an approved, exported asset, with the USD stage as the record.

    Example: gates new stall --job game-ready-prop
    """
    from pipeline.cli.output import Session

    if os.environ.get("NO_COLOR"):  # https://no-color.org
        ctx.color = False
    ctx.obj = Session(directory=directory, debug=debug, quiet=quiet)
