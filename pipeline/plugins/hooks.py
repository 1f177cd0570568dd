# SPDX-License-Identifier: Apache-2.0
"""Hooks: programs that run before and after what the pipeline does.

A hook of an event is a file in a folder named after it: `pre_publish/10_budget.py`. Folders are searched in this
order, and files run in the order of their names within each: the package's `hooks/`, the studio's
(`$GATES_STUDIO/hooks`), the project's `hooks/` where that project was trusted (`gates trust`).

A hook is a process of its own: it gets the event as one JSON document on standard input, may print one JSON
object on standard output, and stops a `pre_` event by any exit code but 0, with what it wrote to standard error
as the message. Python files run in this interpreter's program; other files must be executable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from pipeline.errors import HookFailed
from pipeline.progress import step
from pipeline.resources import folder
from pipeline.settings import studio_folder
from pipeline.settings.trust import is_trusted

__all__ = ["EVENTS", "HookRun", "find", "run"]

EVENTS = ("pre_publish", "post_publish", "post_inspect", "post_decision")
TIMEOUT_S = 600


class HookRun(BaseModel):
    """One hook that ran."""

    event: str
    name: str
    source: str
    ok: bool
    seconds: float
    message: str = ""
    output: dict[str, Any] = Field(default_factory=dict)


def find(event: str, project: Path | None = None) -> list[tuple[str, Path]]:
    """The hooks of an event, in the order they run: where each comes from, and its file."""
    places = [("package", folder("hooks"))]
    studio = studio_folder()
    if studio:
        places.append(("studio", studio / "hooks"))
    if project and (project / "hooks").is_dir() and is_trusted(project):
        places.append(("project", project / "hooks"))
    found = []
    for source, place in places:
        files = sorted((place / event).glob("[!._]*"))
        found += [(source, p) for p in files if p.is_file() and (p.suffix == ".py" or os.access(p, os.X_OK))]
    return found


def run(event: str, facts: dict[str, Any], project: Path | None = None) -> list[HookRun]:
    """Run every hook of an event.

    Raises
    ------
    HookFailed
        A hook of a `pre_` event said no; later ones did not run. Failing hooks of other events are reported in
        the result, because what they follow has happened already.
    """
    results = []
    hooks = find(event, project)
    for i, (source, path) in enumerate(hooks):
        step(f"hook {event}/{path.name}", i, len(hooks))
        done = _run_one(event, source, path, facts, project)
        results.append(done)
        if not done.ok and event.startswith("pre_"):
            raise HookFailed(
                f"hook {event}/{path.name} ({source}) stopped the work: {done.message}",
                path=path,
                remedy="mend what it names, or ask whoever owns the hook",
            )
    return results


def _run_one(event: str, source: str, path: Path, facts: dict[str, Any], project: Path | None) -> HookRun:
    command = [sys.executable, str(path)] if path.suffix == ".py" else [str(path)]
    start = time.monotonic()
    try:
        process = subprocess.run(
            command,
            input=json.dumps({"event": event, **facts}, default=str),
            text=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            cwd=project,
            env={**os.environ, "GATES_EVENT": event, "GATES_PROJECT": str(project or "")},
            check=False,
        )
        ok, message = process.returncode == 0, process.stderr.strip()[-2000:]
        output = _output(process.stdout)
    except subprocess.TimeoutExpired:
        ok, message, output = False, f"it did not finish within {TIMEOUT_S} s", {}
    except OSError as error:
        ok, message, output = False, f"it cannot be run: {error.strerror}", {}
    if not ok and not message:
        message = "it failed without a word"
    return HookRun(
        event=event,
        name=path.name,
        source=source,
        ok=ok,
        seconds=round(time.monotonic() - start, 3),
        message=message,
        output=output,
    )


def _output(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text.strip()[-2000:]} if text.strip() else {}
    return value if isinstance(value, dict) else {"value": value}
