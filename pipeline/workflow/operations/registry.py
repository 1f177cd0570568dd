# SPDX-License-Identifier: Apache-2.0
"""The operations that nodes run: each calls one gate function and tells what others may depend on.

An operation sets, it does not add: run again with other parameters it leaves the stage as if it had only ever
run with those. What it gives is plain data; `prims`, `stages` (a scene's path in the project -> prims) and `files`
(path in the project -> sha256) say where its effect is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.workflow.memo import file_digest

if TYPE_CHECKING:
    from pipeline.project import Project

__all__ = ["Operation", "digest", "files", "find", "names", "operation"]

Function = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """A function that a node may name; `version` changes when what it does changes."""

    name: str
    function: Function
    version: int = 1

    def run(self, project: Project, asset: str, params: dict[str, Any]) -> dict[str, Any]:
        """Call it.

        Raises
        ------
        UsageError
            A parameter it does not take.
        """
        import inspect as introspection

        known = list(introspection.signature(self.function).parameters)[2:]
        wrong = [name for name in params if name not in known]
        if wrong:
            raise UsageError(
                f"operation {self.name!r} takes no {', '.join(wrong)}", remedy=f"it takes: {', '.join(known)}"
            )
        return self.function(project, asset, **params)


_OPERATIONS: dict[str, Operation] = {}


def operation(name: str, version: int = 1) -> Callable[[Function], Function]:
    """Register a function under a name."""

    def register(function: Function) -> Function:
        _OPERATIONS[name] = Operation(name, function, version)
        return function

    return register


def names() -> list[str]:
    """Every operation."""
    return sorted(_OPERATIONS)


def find(name: str) -> Operation:
    """An operation by name.

    Raises
    ------
    UsageError
        There is none.
    """
    if name not in _OPERATIONS:
        raise UsageError(f"unknown operation {name!r}", remedy=f"use one of: {', '.join(names())}")
    return _OPERATIONS[name]


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def files(project: Project, *paths: Path) -> dict[str, str]:
    return {p.relative_to(project.root).as_posix(): file_digest(p) for p in paths}
