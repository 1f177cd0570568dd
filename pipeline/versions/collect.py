# SPDX-License-Identifier: Apache-2.0
"""Which objects something still needs, and the deletion of those that nothing does.

Needed is what can be reached from a version, a branch, a tag, anybody's uncommitted work on any branch, a published
package or the project's own stages: every layer is followed through its asset paths, unselected variants too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pxr import Sdf

from pipeline import progress
from pipeline.errors import GatesError
from pipeline.usd.anchoring import asset_paths, is_local
from pipeline.versions.objects import LAYERS, open_copy
from pipeline.versions.store import VersionStore

__all__ = ["Collected", "collect", "reached"]


@dataclass(frozen=True)
class Collected:
    """What was deleted, or would be, and what stays because something needs it.

    Attributes
    ----------
    deleted, kept
        Absolute paths of objects.
    bytes_deleted, bytes_kept
        Their sizes together.
    """

    deleted: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    bytes_deleted: int = 0
    bytes_kept: int = 0


def collect(
    store: VersionStore,
    among: Iterable[Path],
    *,
    dry_run: bool = False,
    since: float = 0.0,
    instead: Mapping[Path, Sdf.Layer] | None = None,
) -> Collected:
    """Delete objects that nothing needs.

    Parameters
    ----------
    among
        Objects that may go; all others stay whether needed or not.
    since
        Objects that were stored, or asked for again, after this time (seconds since the epoch) stay: another
        process may be about to name them.
    instead
        For a dry run: what a layer would hold, in place of what it holds.

    Raises
    ------
    StageError
        A layer that could need something cannot be read: then nothing is deleted.
    """
    wanted = sorted({p for p in among if store.objects.holds(p) and p.is_file()})
    needed = {_digest(p) for p in reached(store, _roots(store), instead)} if wanted else set()
    kept = [p for p in wanted if _digest(p) in needed or (since and p.stat().st_mtime > since)]
    deleted = [p for p in wanted if p not in set(kept)]
    result = Collected(deleted, kept, _weight(deleted), _weight(kept))
    if not dry_run:
        for path in deleted:
            path.unlink(missing_ok=True)
    return result


def reached(store: VersionStore, roots: Iterable[Path], instead: Mapping[Path, Sdf.Layer] | None = None) -> set[Path]:
    """Every object that layers lead to, the layers themselves included where they are objects.

    Raises
    ------
    StageError
        A layer cannot be read.
    """
    seen: set[Path] = set()
    found: set[Path] = set()
    waiting = [Path(os.path.normpath(p)) for p in roots]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if store.objects.holds(path):
            found.add(path)
        if path.suffix.lower() not in LAYERS or not path.is_file():
            continue
        progress.step(f"follows {path.name[:16]}")
        layer = (instead or {}).get(path) or open_copy(path)
        named = (a.partition("[")[0] for a in asset_paths(layer) if is_local(a))
        waiting += [Path(os.path.normpath(path.parent / name)) for name in named]
    return found


def _roots(store: VersionStore) -> Iterator[Path]:
    """Every layer that is no object: whatever it names is needed."""
    layout = store.layout
    yield from sorted(layout.root.glob("*.usd*"))
    for folder in (layout.branches, layout.tags, layout.versions, layout.works, layout.publish):
        yield from (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in LAYERS and p.is_file())


def _digest(path: Path) -> str:
    """The part of an object's name that is its content's; the files of a sequence share one."""
    return path.name.partition(".")[0]


def _weight(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError as error:
            raise GatesError(f"cannot look at an object: {error.strerror}", path=path) from error
    return total
