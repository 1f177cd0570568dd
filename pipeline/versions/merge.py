# SPDX-License-Identifier: Apache-2.0
"""Three-way merge: what either side changed since they parted, element by element.

A change of one side only is taken. The same change on both sides is taken once. Different changes of one
element, an edit of what the other side deleted, and two renames of one prim are conflicts, which somebody
must settle; nothing is guessed and nothing is half-applied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from pxr import Sdf
from pydantic import BaseModel, ConfigDict, field_serializer

from pipeline.versions.diff import SpecChange, changes_between
from pipeline.versions.elements import ABSENT, Element, differing, joined, name_of, split
from pipeline.versions.fields import is_list_op, same
from pipeline.versions.plain import plain
from pipeline.versions.store import VersionStore
from pipeline.versions.views import SpecView, StackView

__all__ = ["Conflict", "Side", "merge_views"]

Side = Literal["ours", "theirs"]


class Conflict(BaseModel):
    """One element that both sides changed, each in its own way.

    Attributes
    ----------
    field
        As in a diff; `prim`, `attribute`, … where a side deleted the whole of it.
    base, ours, theirs
        Values as USD holds them; None where there is none.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: str
    field: str
    base: Any = None
    ours: Any = None
    theirs: Any = None

    @property
    def key(self) -> str:
        """How `--set` names it."""
        return f"{self.path}.{self.field}"

    @field_serializer("base", "ours", "theirs")
    def _plain(self, value: Any) -> Any:
        return plain(value)


#: decides one conflict: the value to take (ABSENT for none), or None to leave it open
Settle = Callable[[Conflict], "Choice | None"]


@dataclass(frozen=True)
class Choice:
    """How a conflict was settled."""

    value: Any


@dataclass
class Merged:
    """What a merge comes to.

    Attributes
    ----------
    changes
        From our side to the merged result.
    conflicts
        Those nobody settled.
    """

    changes: list[SpecChange] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def merge_views(
    base: StackView,
    ours: StackView,
    theirs: StackView,
    *,
    settle: Settle | None = None,
    store: VersionStore | None = None,
) -> Merged:
    """What to change on our side so that it has their changes too."""
    mine = {change.path: change for change in changes_between(base, ours, store)}
    yours = changes_between(base, theirs, store)
    return _Merge(mine, {c.path: c for c in yours}, ours, settle or (lambda _: None)).run()


@dataclass
class _Merge:
    mine: dict[Sdf.Path, SpecChange]
    yours: dict[Sdf.Path, SpecChange]
    ours: StackView
    settle: Settle
    result: Merged = field(default_factory=Merged)

    def run(self) -> Merged:
        gone_here = {path for path, change in self.mine.items() if change.new is None}
        gone_there = {path for path, change in self.yours.items() if change.new is None}
        kept = self._settle_deletions(gone_here, gone_there)
        for path, change in sorted(self.yours.items()):
            if path in kept:
                continue
            own = self.mine.get(path)
            if own is None:
                self.result.changes.append(self._take(path, change))
            elif not (own.new is None and change.new is None):
                self._both(path, own, change)
        return self.result

    def _take(self, path: Sdf.Path, change: SpecChange) -> SpecChange:
        """Their change where we have none; the children's order stays ours but for what they moved."""
        here = self.ours.at(path)
        as_before = here is not None and change.old is not None and here.children == change.old.children
        if change.new is None or here is None or as_before or change.reordered():
            return SpecChange(path, here, change.new)
        children = _with_new(here.children, change)
        return SpecChange(path, here, SpecView(change.new.kind, change.new.fields, lambda: children))

    def _settle_deletions(self, gone_here: set[Sdf.Path], gone_there: set[Sdf.Path]) -> set[Sdf.Path]:
        """One side deleted a prim or property that the other edited; returns their paths dealt with."""
        done: set[Sdf.Path] = set()
        for top in _tops(gone_there - gone_here):
            edits = [p for p, c in self.mine.items() if p.HasPrefix(top) and c.new and c.substantial]
            beneath = {p for p in self.yours if p.HasPrefix(top)}
            if edits and not self._deletion(top, edits[0], ours_deleted=False):
                done |= beneath
        for top in _tops(gone_here - gone_there):
            edits = [p for p, c in self.yours.items() if p.HasPrefix(top) and c.new and c.substantial]
            if not edits:
                continue
            done |= {p for p in self.yours if p.HasPrefix(top)}
            if self._deletion(top, edits[0], ours_deleted=True):
                continue
            self._bring_back(top)
        return done

    def _deletion(self, top: Sdf.Path, edited: Sdf.Path, *, ours_deleted: bool) -> bool:
        """Ask about a deletion against an edit; True where the deletion stands."""
        change = (self.yours if ours_deleted else self.mine)[edited]
        view = change.new
        words = f"edited at {edited}" if edited != top else "edited"
        conflict = Conflict(
            path=str(top),
            field=view.kind if view and edited == top else "prim",
            base="present",
            ours=None if ours_deleted else words,
            theirs=words if ours_deleted else None,
        )
        choice = self.settle(conflict)
        if choice is None:
            self.result.conflicts.append(conflict)
            return True
        return choice.value is None or choice.value is ABSENT

    def _bring_back(self, top: Sdf.Path) -> None:
        """Their edits win over our deletion: all of what they have there returns."""
        for path, change in self.mine.items():
            if path.HasPrefix(top) and path not in self.yours:
                self.result.changes.append(SpecChange(path, None, change.old))
        for path, change in self.yours.items():
            if path.HasPrefix(top) and change.new is not None:
                self.result.changes.append(SpecChange(path, None, change.new))

    def _both(self, path: Sdf.Path, own: SpecChange, other: SpecChange) -> None:
        """Both sides have something new at one path."""
        if other.new is None:  # a deletion that stands against our edit
            self.result.changes.append(SpecChange(path, own.new, None))
            return
        if own.new is None:
            return
        if own.new.kind != other.new.kind:
            self._whole(path, own, other)
            return
        base = own.old.fields if own.old else {}
        here, there = own.new.fields, other.new.fields
        merged = dict(here)
        for name in sorted(here.keys() | there.keys()):
            values = [side.get(name, ABSENT) for side in (base, here, there)]
            value = self._field(path, name, *values)
            if value is ABSENT:
                merged.pop(name, None)
            else:
                merged[name] = value
        children = self._children(path, own, other)
        new = SpecView(own.new.kind, merged, lambda: children)
        change = SpecChange(path, own.new, new)
        if change.substantial or own.new.children != children:
            self.result.changes.append(change)

    def _whole(self, path: Sdf.Path, own: SpecChange, other: SpecChange) -> None:
        assert own.new and other.new
        conflict = Conflict(path=str(path), field="kind of spec", ours=own.new.kind, theirs=other.new.kind)
        choice = self.settle(conflict)
        if choice is None:
            self.result.conflicts.append(conflict)
        elif choice.value == conflict.theirs:
            self.result.changes += [SpecChange(path, own.new, None), SpecChange(path, None, other.new)]

    def _children(self, path: Sdf.Path, own: SpecChange, other: SpecChange) -> tuple[str, ...]:
        """Our order, unless only they changed it, be it by where they put something new."""
        assert own.new and other.new
        mine, yours = own.reordered(), other.reordered()
        as_before = own.old is not None and own.old.children == own.new.children
        if (yours and not mine) or as_before:
            extra = [name for name in own.new.children if name not in other.new.children]
            return (*other.new.children, *extra)
        if yours and mine and yours[1] != mine[1]:
            conflict = Conflict(path=str(path), field="primOrder", base=mine[0], ours=mine[1], theirs=yours[1])
            choice = self.settle(conflict)
            if choice is None:
                self.result.conflicts.append(conflict)
            elif choice.value == yours[1]:
                return other.new.children
        return _with_new(own.new.children, other)

    def _field(self, path: Sdf.Path, name: str, base: Any, here: Any, there: Any) -> Any:
        """One field of three sides."""
        if same(here, there) or same(base, there):
            return here
        if same(base, here):
            return there
        likes = [side for side in (here, there) if side is not ABSENT]
        if len(likes) == 2 and all(isinstance(s, dict) for s in likes):
            return self._elements(path, name, base if base is not ABSENT else {}, here, there)
        if len(likes) == 2 and all(is_list_op(s) for s in likes) and here.isExplicit == there.isExplicit:
            return self._elements(path, name, base if is_list_op(base) else type(here)(), here, there)
        return self._conflict(path, name, base, here, there)

    def _elements(self, path: Sdf.Path, name: str, base: Any, here: Any, there: Any) -> Any:
        """A dictionary, samples, or a list operation of three sides."""
        if is_list_op(here) and (_moved(base, here) and _moved(base, there)):
            return self._conflict(path, name, base, here, there)
        mine, yours = differing(base, here), differing(base, there)
        if _nested(mine, yours):
            return self._conflict(path, name, base, here, there)
        before, ours, theirs = split(base), split(here), split(there)
        # whoever reordered items keeps the order; the other side's changes go into it
        taken, changed = (theirs, mine) if _moved(base, there) else (ours, yours)
        taken = dict(taken)
        for element, (_, value) in changed.items():
            met = element in mine and element in yours and not same(mine[element][1], yours[element][1])
            if met:
                values = (side.get(element, ABSENT) for side in (before, ours, theirs))
                value = self._conflict(path, name_of(name, element), *values)  # noqa: PLW2901
            if value is ABSENT:
                taken.pop(element, None)
            elif element != ("order",):
                taken[element] = value
        return joined(here, taken)

    def _conflict(self, path: Sdf.Path, name: str, base: Any, here: Any, there: Any) -> Any:
        plain_sides = [None if side is ABSENT else side for side in (base, here, there)]
        conflict = Conflict(path=str(path), field=name, base=plain_sides[0], ours=plain_sides[1], theirs=plain_sides[2])
        choice = self.settle(conflict)
        if choice is None:
            self.result.conflicts.append(conflict)
            return here
        return ABSENT if choice.value is None else choice.value


def _moved(base: Any, side: Any) -> bool:
    """Whether a list operation puts items that it had before into another order."""
    if not is_list_op(side) or not is_list_op(base):
        return False
    before, after = split(base), split(side)
    common = [element for element in before if element in after]
    return common != [element for element in after if element in before]


def _with_new(here: tuple[str, ...], change: SpecChange) -> tuple[str, ...]:
    """Our children, then those that their side made, without those it deleted."""
    before = set(change.old.children) if change.old else set()
    after = change.new.children if change.new else ()
    staying, there = set(after), set(here)
    kept = [name for name in here if name in staying or name not in before]
    return (*kept, *(name for name in after if name not in before and name not in there))


def _nested(mine: dict[Element, Any], yours: dict[Element, Any]) -> bool:
    """Whether one side made a value of what the other has as a dictionary."""
    return any(a != b and (a[: len(b)] == b or b[: len(a)] == a) for a in mine for b in yours)


def _tops(paths: set[Sdf.Path]) -> list[Sdf.Path]:
    """The paths that lie beneath no other."""
    return [path for path in sorted(paths) if not any(p in paths for p in list(path.GetPrefixes())[:-1])]
