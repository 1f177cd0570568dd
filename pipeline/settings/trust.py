# SPDX-License-Identifier: Apache-2.0
"""Trust: whether code that lies in a project may run.

Trust is given by a person on one machine, for one folder and the exact hooks and rules in it: what changes must
be trusted again. The record lies in the user's own configuration, never in the project.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

#: folders of a project whose files are run
FOLDERS = ("hooks", "checks")

__all__ = ["FOLDERS", "is_trusted", "revoke", "trust", "trust_file"]


def trust_file() -> Path:
    """Where trust is remembered; `XDG_CONFIG_HOME` moves it."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "sevengates" / "trusted.json"


def is_trusted(project: Path) -> bool:
    """Whether the project's hooks and rules, exactly as they are now, were trusted."""
    return _read().get(str(project.resolve())) == _fingerprint(project)


def trust(project: Path) -> list[Path]:
    """Trust the hooks and rules of a project as they are now; returns them."""
    entries = _read()
    entries[str(project.resolve())] = _fingerprint(project)
    _write(entries)
    return _hooks(project)


def revoke(project: Path) -> None:
    """Trust the project's hooks and rules no longer."""
    entries = _read()
    entries.pop(str(project.resolve()), None)
    _write(entries)


def _hooks(project: Path) -> list[Path]:
    found = [p for folder in FOLDERS for p in (project / folder).rglob("*") if p.is_file()]
    return sorted(p for p in found if "__pycache__" not in p.parts)


def _fingerprint(project: Path) -> str:
    state = hashlib.sha256()
    for path in _hooks(project):
        state.update(str(path.relative_to(project)).encode() + b"\0")
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def _read() -> dict[str, str]:
    try:
        entries = json.loads(trust_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _write(entries: dict[str, str]) -> None:
    path = trust_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(entries, indent=1), encoding="utf-8")
    partial.replace(path)
