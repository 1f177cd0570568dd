# SPDX-License-Identifier: Apache-2.0
"""What a repair can put right without guessing: names of versions, and layers that others can stand in for."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import GatesError
from pipeline.usd.writing import replace_text
from pipeline.versions.fields import NotOneLayer
from pipeline.versions.fold import folded
from pipeline.versions.stages import root_stage_text
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version

__all__ = ["mend_branch", "mend_object", "mend_stage"]


def mend_branch(store: VersionStore, branch: str, versions: Iterable[Version]) -> bool:
    """Point a branch to the newest version that was committed to it; False where there is none."""
    own = [version for version in versions if version.branch == branch]
    if not own:
        return False
    newest = max(own, key=lambda version: (version.time, version.id))
    store.refs.move(branch, newest.id)
    return True


def mend_stage(store: VersionStore, branch: str) -> None:
    """Write `project.usda` anew."""
    replace_text(store.layout.stage, root_stage_text(store.metadata(store.refs.head(branch)), branch))


def mend_object(store: VersionStore, name: str) -> bool:
    """Fold a lost or damaged layer once more from those it was folded from; False where that gives other bytes."""
    parts = store.index.fold(name)
    path = store.object_path(name)
    if not parts:
        return False
    damaged = path.with_name(f"{path.name}.damaged")
    if path.exists():
        path.rename(damaged)
    try:
        layer = folded([store.open_object(part) for part in parts])
        extension = path.suffix
        made = store.objects.add_content(layer, extension)
    except (GatesError, NotOneLayer, OSError):
        made = None
    if made != path:
        if damaged.exists():
            damaged.rename(path)
        return False
    damaged.unlink(missing_ok=True)
    return True
