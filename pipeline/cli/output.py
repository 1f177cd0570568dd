# SPDX-License-Identifier: Apache-2.0
"""What every command shares: the project it works in, JSON on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pipeline.project import Project

#: control characters but for tabs and line ends
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """The options given before the command."""

    directory: Path | None = None
    debug: bool = False
    quiet: bool = False

    def project(self) -> Project:
        """The project of `-C DIR`, or the one found upward from the working directory.

        Raises
        ------
        pipeline.errors.ProjectError
            There is none.
        """
        from pipeline.project import Project

        return Project.open(self.directory) if self.directory else Project.find(Path.cwd())

    def configured(self) -> Path | None:
        """The folder of the project whose configuration counts: the one named, or the one we are in."""
        here = self.directory or Path.cwd()
        return next((f for f in (here, *here.absolute().parents) if (f / "gates.toml").is_file()), self.directory)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Draw progress on stderr while the block runs (a line that renews itself on a terminal)."""
        from pipeline.progress import listen

        if self.quiet:
            yield
            return
        line = _ProgressLine()
        with listen(line):
            try:
                yield
            finally:
                line.clear()


class _ProgressLine:
    """One line on stderr, redrawn at most ten times a second; silent where stderr is no terminal."""

    def __init__(self) -> None:
        self.last = 0.0
        self.shown = False
        self.live = sys.stderr.isatty()

    def __call__(self, label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self.live or now - self.last < 0.1:
            return
        self.last = now
        self.shown = True
        count = f" {done}/{total}" if total else ""
        sys.stderr.write(f"\r\x1b[2K{label}{count}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()


def json_option(function: F) -> F:
    """Add `--json`: one JSON document on stdout and nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(function)


def show(result: Any, as_json: bool, text: str | Callable[[], str] = "") -> None:
    """Print a result: a pydantic model or a plain structure as JSON, or its text for people."""
    if as_json:
        plain = result.model_dump(mode="json", by_alias=True) if hasattr(result, "model_dump") else result
        click.echo(json.dumps(plain, indent=1, ensure_ascii=False, default=str))
    else:
        click.echo(text() if callable(text) else text)


def columns() -> int:
    """How wide text may be: the terminal's width, 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


def say(message: str) -> None:
    """A message for people, on stderr."""
    click.echo(message, err=True)


def printable(text: str) -> str:
    """Text without what a terminal would obey: names come from outside files."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def fail(error: BaseException, debug: bool = False) -> int:
    """Tell an error on stderr (and as JSON on stdout where `--json` was asked for); returns the exit code."""
    import traceback

    from pipeline.errors import GatesError

    if debug:
        traceback.print_exception(error)
    if isinstance(error, GatesError):
        body, code = error.as_dict(), error.exit_code
        click.echo(f"error: {printable(str(error))}", err=True)
    else:
        text = _system_message(error)
        body, code = {"code": "internal", "message": text, "path": None, "prim": None, "remedy": None}, 1
        click.echo(f"error: {text}", err=True)
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": body}, ensure_ascii=False))
    return code


def _system_message(error: BaseException) -> str:
    """What an error that is not ours means to a person."""
    if isinstance(error, PermissionError):
        return f"{error.filename}: not allowed to write here — check the folder's permissions"
    if isinstance(error, OSError) and error.errno == 28:
        return f"{error.filename or 'the disk'}: no space left — free some and run the command again"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {error} — run again with --debug before the command to see where"
