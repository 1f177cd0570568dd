# SPDX-License-Identifier: Apache-2.0
"""What differs between two layer stacks, and how to make one say what the other says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pxr import Sdf
from pydantic import BaseModel, ConfigDict, PrivateAttr, field_serializer

from pipeline.versions.digests import digests_of
from pipeline.versions.elements import ABSENT, differing, name_of
from pipeline.versions.fields import same, spec_at
from pipeline.versions.fold import paths_of
from pipeline.versions.plain import extent_of_change, plain
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
        if self.old.children == self.new.children:
            return None
        before, after = set(self.old.children), set(self.new.children)
        mine = [name for name in self.old.children if name in after]
        theirs = [name for name in self.new.children if name in before]
        return (mine, theirs) if mine != theirs else None

    @cached_property
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
    extent
        Of arrays: how much of them differs and by how much, as text.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: str
    field: str
    old: Any = None
    new: Any = None
    elements: list[str] = []
    extent: str | None = None

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
    paths, deep = _candidates(a, b, store)
    found, quiet, resized = [], [], set()
    single = len(a.layers) == len(b.layers) == 1
    for path in paths:
        if single and _alike(spec_at(a.layers[0], path), spec_at(b.layers[0], path)):
            continue
        old, new = a.at(path), b.at(path)
        if path == Sdf.Path.absoluteRootPath:
            old, new = _content(old), _content(new)
        if old and new and old.kind != new.kind:
            found += [SpecChange(path, old, None), SpecChange(path, None, new)]
            continue
        change = SpecChange(path, old, new)
        if (old is None) != (new is None):
            resized.add(path.GetParentPath())
        if (old is None) != (new is None) or change.fields():
            found.append(change)
        elif old and new:
            quiet.append(change)
    # children cost as much as there are of them: looked at only where they may differ
    for change in quiet:
        old, new = change.old, change.new
        if (deep or change.path in resized) and old and new and old.children != new.children:
            found.append(change)
    return sorted(found, key=lambda change: change.path)


def _alike(a: Sdf.Spec | None, b: Sdf.Spec | None) -> bool:
    """Whether two specs say the same and have the same children; quick, since most do."""
    if a is None or b is None or type(a) is not type(b):
        return False
    names = a.ListInfoKeys()
    if names != b.ListInfoKeys():
        return False
    for name in names:
        if not same(a.GetInfo(name), b.GetInfo(name)):
            return False
    return not isinstance(a, Sdf.PrimSpec) or list(a.nameChildren.keys()) == list(b.nameChildren.keys())


def _content(root: SpecView | None) -> SpecView:
    fields = {name: value for name, value in (root.fields if root else {}).items() if name not in ABOUT}
    return SpecView("root", fields, root.names if root else tuple)


def _candidates(a: StackView, b: StackView, store: VersionStore | None) -> tuple[set[Sdf.Path], bool]:
    """Paths that may differ, and whether the order of children may, too.

    Layers that both have at the bottom of their stacks cannot make a difference; a checkpoint stands for the
    layers it was folded from.
    """
    mine, theirs = _apart(a.names, b.names, store)
    found: set[Sdf.Path] = set()
    if store and mine[-1:] == a.names[-1:] and theirs[-1:] == b.names[-1:] and _stored(a) and _stored(b):
        # two checkpoints that have nothing in common: join their digests instead of reading them
        old, new = (digests_of(store.layout, v.names[-1], v.layers[-1]) for v in (a, b))
        found.update(old.differing(new))
        mine, theirs = mine[:-1], theirs[:-1]
        deep = True
    else:
        deep = mine[-1:] == a.names[-1:] or theirs[-1:] == b.names[-1:]
    there = dict(zip((*a.names, *b.names), (*a.layers, *b.layers), strict=True))
    for name in {*mine, *theirs}:
        layer = there[name] if name in there or store is None else store.open_object(name)
        found.update(paths_of(layer))
    return found, deep


def _apart(
    a: tuple[str, ...], b: tuple[str, ...], store: VersionStore | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layers of two stacks above those they share, checkpoints taken apart as far as that helps."""
    if store and a[-1] != b[-1]:
        older, newer = _lineage(a, store), _lineage(b, store)
        common = next((bottom for bottom in older if bottom in newer), None)
        if common:
            a, b = older[common], newer[common]
    shared = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        shared += 1
    return a[: len(a) - shared], b[: len(b) - shared]


def _lineage(stack: tuple[str, ...], store: VersionStore, most: int = 8) -> dict[str, tuple[str, ...]]:
    """The stack with its checkpoint taken apart once, twice, …; by what is then at the bottom."""
    found = {stack[-1]: stack}
    for _ in range(most):
        parts = store.index.fold(stack[-1])
        if not parts:
            break
        stack = (*stack[:-1], *parts)
        found[stack[-1]] = stack
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
        extent = extent_of_change(old, new)
        yield Change(path=path, field=name, old=_none(old), new=_none(new), elements=lines, extent=extent)


def _lines(sign: str, parts: dict[Any, tuple[Any, Any]], side: int) -> Iterable[str]:
    for element, both in parts.items():
        if both[side] is not ABSENT and len(element) == 2:
            yield f"{sign} {element[0]} {plain(both[side])}"


def _none(value: Any) -> Any:
    return None if value is ABSENT else value
