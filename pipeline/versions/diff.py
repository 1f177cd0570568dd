# SPDX-License-Identifier: Apache-2.0
"""What differs between two layer stacks, and how to make one say what the other says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pxr import Sdf
from pydantic import BaseModel, ConfigDict, PrivateAttr, field_serializer

from pipeline.versions.digests import digests_of
from pipeline.versions.elements import ABSENT, differing, name_of
from pipeline.versions.fields import same
from pipeline.versions.fold import paths_of
from pipeline.versions.plain import plain
from pipeline.versions.store import VersionStore
from pipeline.versions.version import ROOT_FIELDS
from pipeline.versions.views import SpecView, StackView

__all__ = ["Change", "Diff", "SpecChange", "changes_between", "compare"]

#: fields of a root that say who made a layer, not what is in it
ABOUT = {"customLayerData", "comment", "documentation", "owner"}


_OBJECT = re.compile(r"[0-9a-f]{64}\.")


@dataclass(frozen=True)
class SpecChange:
    """One path where the two sides differ.

    Attributes
    ----------
    old, new
        What either side says; None where it says nothing.
    """

    path: Sdf.Path
    old: SpecView | None
    new: SpecView | None

    def fields(self) -> dict[str, tuple[Any, Any]]:
        """Fields that both or one has and that differ, with ABSENT for none."""
        old = self.old.fields if self.old else {}
        new = self.new.fields if self.new else {}
        return {
            name: (old.get(name, ABSENT), new.get(name, ABSENT))
            for name in sorted(old.keys() | new.keys())
            if not same(old.get(name, ABSENT), new.get(name, ABSENT))
        }

    def reordered(self) -> tuple[list[str], list[str]] | None:
        """The children both sides have, in either's order, if that differs."""
        if not (self.old and self.new):
            return None
        mine = [name for name in self.old.children if name in set(self.new.children)]
        theirs = [name for name in self.new.children if name in set(self.old.children)]
        return (mine, theirs) if mine != theirs else None

    @property
    def substantial(self) -> bool:
        """Whether more differs than which children came or went; those have changes of their own."""
        return (self.old is None) != (self.new is None) or bool(self.fields() or self.reordered())


class Change(BaseModel):
    """One field, dictionary key or set of samples that differs.

    Attributes
    ----------
    field
        `default`, `timeSamples`, `references`, `customData:color`, …
    old, new
        Values as USD holds them, None where there is none; of samples only those that differ.
    elements
        Items of a list operation that came or went, as text: `+ prepended </A>`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: str
    field: str
    old: Any = None
    new: Any = None
    elements: list[str] = []

    @field_serializer("old", "new")
    def _plain(self, value: Any) -> Any:
        return plain(value)


class Diff(BaseModel):
    """What differs between two sides.

    Attributes
    ----------
    added, removed
        Paths of prims, properties and variants.
    changed
        What differs where both sides have something.
    seconds
        How long it took to find out.
    """

    a: str = ""
    b: str = ""
    added: list[str] = []
    removed: list[str] = []
    changed: list[Change] = []
    seconds: float = 0.0
    _specs: list[SpecChange] = PrivateAttr(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @property
    def specs(self) -> list[SpecChange]:
        """The same for programs: both sides' whole fields at each path."""
        return self._specs


def compare(a: StackView, b: StackView, store: VersionStore | None = None) -> Diff:
    """The difference of two stacks, `a` being the old side.

    Parameters
    ----------
    store
        Where digests of its objects are kept; without it every path is compared.
    """
    start = time.perf_counter()
    changes = changes_between(a, b, store)
    diff = Diff(a=a.label, b=b.label)
    for change in changes:
        path = str(change.path)
        if change.old is None:
            diff.added.append(path)
        elif change.new is None:
            diff.removed.append(path)
        else:
            diff.changed.extend(_field_changes(path, change))
    diff._specs = changes
    diff.seconds = time.perf_counter() - start
    return diff


def changes_between(a: StackView, b: StackView, store: VersionStore | None = None) -> list[SpecChange]:
    """Every path where two stacks differ, parents before children."""
    found = []
    for path in sorted(_candidates(a, b, store)):
        old, new = a.at(path), b.at(path)
        if path == Sdf.Path.absoluteRootPath:
            old, new = _content(old), _content(new)
        if old and new and old.kind != new.kind:
            found += [SpecChange(path, old, None), SpecChange(path, None, new)]
            continue
        change = SpecChange(path, old, new)
        if change.substantial or (old and new and old.children != new.children):
            found.append(change)
    return found


def _content(root: SpecView | None) -> SpecView:
    fields = {name: value for name, value in (root.fields if root else {}).items() if name not in ABOUT}
    return SpecView("root", fields, root.children if root else ())


def _candidates(a: StackView, b: StackView, store: VersionStore | None) -> set[Sdf.Path]:
    """Paths that may differ: layers that both have at the bottom of their stacks cannot make a difference."""
    shared = 0
    for x, y in zip(reversed(a.names), reversed(b.names), strict=False):
        if x != y:
            break
        shared += 1
    mine, theirs = len(a.names) - shared, len(b.names) - shared
    found: set[Sdf.Path] = set()
    if store and mine and theirs and not shared and _stored(a) and _stored(b):
        # two checkpoints: join their digests instead of reading them
        old, new = (digests_of(store.layout, v.names[-1], v.layers[-1]) for v in (a, b))
        differing_paths = old.differing(new)
        found.update(differing_paths)
        found.update(path.GetPrimOrPrimVariantSelectionPath().GetParentPath() for path in differing_paths)
        found.discard(Sdf.Path.emptyPath)
        mine, theirs = mine - 1, theirs - 1
    for layer in (*a.layers[:mine], *b.layers[:theirs]):
        found.update(paths_of(layer))
    return found


def described(changes: Iterable[SpecChange]) -> list[Change]:
    """The fields that differ, where both sides have something."""
    return [row for change in changes if change.old and change.new for row in _field_changes(str(change.path), change)]


def _stored(view: StackView) -> bool:
    """Whether the bottom of a stack is an object, whose digests are worth keeping."""
    return bool(_OBJECT.match(view.names[-1]))


def _field_changes(path: str, change: SpecChange) -> Iterable[Change]:
    for name, (old, new) in change.fields().items():
        if change.path == Sdf.Path.absoluteRootPath and name not in ROOT_FIELDS and name in ABOUT:
            continue
        yield from _element_changes(path, name, old, new)
    order = change.reordered()
    if order:
        yield Change(path=path, field="primOrder", old=order[0], new=order[1])


def _element_changes(path: str, name: str, old: Any, new: Any) -> Iterable[Change]:
    parts = differing(old, new)
    if name == "timeSamples":
        yield Change(
            path=path,
            field=name,
            old={k[0]: v for k, (v, _) in parts.items() if v is not ABSENT and k} or _none(old),
            new={k[0]: v for k, (_, v) in parts.items() if v is not ABSENT and k} or _none(new),
        )
    elif isinstance(old, dict) and isinstance(new, dict):
        for element, (before, after) in parts.items():
            yield Change(path=path, field=name_of(name, element), old=_none(before), new=_none(after))
    else:
        lines = [*_lines("-", parts, 0), *_lines("+", parts, 1)] if () not in parts else []
        yield Change(path=path, field=name, old=_none(old), new=_none(new), elements=lines)


def _lines(sign: str, parts: dict[Any, tuple[Any, Any]], side: int) -> Iterable[str]:
    for element, both in parts.items():
        if both[side] is not ABSENT and len(element) == 2:
            yield f"{sign} {element[0]} {plain(both[side])}"


def _none(value: Any) -> Any:
    return None if value is ABSENT else value
