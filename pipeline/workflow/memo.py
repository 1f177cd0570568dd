# SPDX-License-Identifier: Apache-2.0
"""What nodes gave, by what they were given, so that nothing runs twice.

The key of a node is a hash over its operation and that operation's version, its parameters with files by
content, and the fields it sees. Entries are JSON files in `.gates/memo`; the folder may be deleted.

A node's effect is in the stage, or in a scene's, so an entry counts only while the prims it names are still there and
the files it names still have the content they had.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pxr import Usd

__all__ = ["Memo", "file_digest", "key_of"]


def file_digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def key_of(op: str, version: int, params: dict[str, Any], seen: dict[str, Any]) -> str:
    """The key of a node: equal exactly when nothing it depends on changed."""
    plain = {"op": op, "version": version, "params": _plain(params), "seen": _plain(seen)}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Memo:
    """The entries of one project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, node: str, key: str, stage: Usd.Stage, root: Path) -> dict[str, Any] | None:
        """What the node gave under this key the last time it ran, if its effect is still there.

        Only the last run of a node counts: an older one's effect on the stage was overwritten.
        """
        try:
            entry = json.loads(self._path(node).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if entry.get("key") != key:
            return None
        outputs: dict[str, Any] = entry["outputs"]
        if not all(stage.GetPrimAtPath(path) for path in outputs.get("prims", [])):
            return None
        for name, digest in outputs.get("files", {}).items():
            path = root / name
            if not path.is_file() or file_digest(path) != digest:
                return None
        if not all(_stands(root / name, prims) for name, prims in outputs.get("stages", {}).items()):
            return None
        return outputs

    def put(self, node: str, key: str, outputs: dict[str, Any]) -> None:
        """Remember what a node gave."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(node)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"key": key, "outputs": outputs}, ensure_ascii=False, default=str), "utf-8")
        partial.replace(path)

    def _path(self, node: str) -> Path:
        return self.folder / f"{node}.json"


def _stands(path: Path, prims: list[str]) -> bool:
    """Whether a stage of the project still has these prims."""
    from pxr import Usd

    if not path.is_file():
        return False
    stage = Usd.Stage.Open(str(path), Usd.Stage.LoadNone)
    return all(bool(stage.GetPrimAtPath(prim)) for prim in prims)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return {"file": file_digest(value) if value.is_file() else f"missing {value.name}"}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
