# SPDX-License-Identifier: Apache-2.0
"""Renames against edits: a prim that one side moved keeps what the other side did to it.

A rename is known because it was recorded when it was made (`Project.rename`); two layers alone would only let
one guess. Before the merge, what was renamed on one side is renamed on the others, with all paths that point
to it, so that the three sides speak of the same prim by the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pxr import Sdf

from pipeline.versions.diff import changes_between
from pipeline.versions.fields import is_list_op, read_fields, same, spec_at, write_fields
from pipeline.versions.fold import copy_of, paths_of
from pipeline.versions.merge import Conflict, Merged, Settle, merge_views
from pipeline.versions.patch import apply
from pipeline.versions.store import VersionStore
from pipeline.versions.version import open_version
from pipeline.versions.views import StackView

__all__ = ["Renames", "merge_renamed", "recorded_renames", "rename"]

Renames = Mapping[Sdf.Path, Sdf.Path]
PATH_FIELDS = ("targetPaths", "connectionPaths", "inheritPaths", "specializes", "references", "payload")


def recorded_renames(store: VersionStore, base: str, head: str) -> dict[Sdf.Path, Sdf.Path]:
    """What was renamed in the versions after `base` up to `head`, from its name in `base`."""
    found: dict[Sdf.Path, Sdf.Path] = {}
    for version in reversed(store.history.between(base, head)):
        pairs = list(open_version(store.layout, version.id).customLayerData.get("renames", ()))
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            step = {Sdf.Path(old): Sdf.Path(new)}
            found = {first: moved(last, step) for first, last in found.items()} | {
                path: target for path, target in step.items() if path not in found.values()
            }
    return {old: new for old, new in found.items() if old != new}


def merge_renamed(
    base: StackView,
    ours: StackView,
    theirs: StackView,
    mine: Renames,
    yours: Renames,
    *,
    settle: Settle | None = None,
    store: VersionStore | None = None,
) -> Merged:
    """`merge_views` where either side may have renamed prims."""
    mine = _still(mine, base, ours)
    yours = _still(yours, base, theirs)
    if not mine and not yours:
        return merge_views(base, ours, theirs, settle=settle, store=store)
    chosen, conflicts = _agreed(mine, yours, settle)
    if conflicts:
        return Merged(conflicts=conflicts)
    sides = [
        _with(base, chosen),
        _with(ours, _rest(chosen, mine)),
        _with(theirs, _rest(chosen, yours)),
    ]
    merged = merge_views(sides[0], sides[1], sides[2], settle=settle)
    if merged.conflicts:
        return merged
    result = copy_of(sides[1].layers[0], ".usda")
    apply(merged.changes, result)
    return Merged(changes=changes_between(ours, StackView((result,), (result.identifier,)), store))


def rename(layer: Sdf.Layer, names: Renames) -> None:
    """Rename prims of a layer that stands alone, with every path in it that points to them."""
    for old, new in names.items():
        if not layer.GetPrimAtPath(old) or layer.GetPrimAtPath(new):
            continue
        if not layer.GetPrimAtPath(new.GetParentPath()):
            Sdf.CreatePrimInLayer(layer, new.GetParentPath())
        edit = Sdf.BatchNamespaceEdit()
        edit.Add(old, new)
        layer.Apply(edit)
    with Sdf.ChangeBlock():
        for path in paths_of(layer):
            spec = spec_at(layer, path)
            fields = read_fields(spec)
            wanted = {n: _redirected(v, names) if n in PATH_FIELDS else v for n, v in fields.items()}
            if not all(same(wanted[n], fields[n]) for n in PATH_FIELDS if n in fields):
                write_fields(spec, wanted, fields)


def moved(path: Sdf.Path, names: Renames) -> Sdf.Path:
    """A path after renames."""
    for old, new in names.items():
        if path.HasPrefix(old):
            return path.ReplacePrefix(old, new)
    return path


def _redirected(value: Any, names: Renames) -> Any:
    if not is_list_op(value):
        return value
    result = type(value)()
    if value.isExplicit:
        result.ClearAndMakeExplicit()
    for part in ("explicit", "prepended", "appended", "deleted", "added", "ordered"):
        items = getattr(value, f"{part}Items")
        if items:
            setattr(result, f"{part}Items", [_item(item, names) for item in items])
    return result


def _item(item: Any, names: Renames) -> Any:
    if isinstance(item, Sdf.Path):
        return moved(item, names)
    if isinstance(item, Sdf.Reference) and not item.assetPath:
        return Sdf.Reference("", moved(item.primPath, names), item.layerOffset, item.customData)
    if isinstance(item, Sdf.Payload) and not item.assetPath:
        return Sdf.Payload("", moved(item.primPath, names), item.layerOffset)
    return item


def _still(names: Renames, base: StackView, side: StackView) -> dict[Sdf.Path, Sdf.Path]:
    """The renames that still stand: old name in the base, new name on the side."""
    return {old: new for old, new in names.items() if base.at(old) and side.at(new) and not side.at(old)}


def _agreed(mine: Renames, yours: Renames, settle: Settle | None) -> tuple[dict[Sdf.Path, Sdf.Path], list[Conflict]]:
    """One new name for each prim, or the conflicts where both sides chose differently."""
    chosen, conflicts = {**yours, **mine}, []
    for old in mine.keys() & yours.keys():
        if mine[old] == yours[old]:
            continue
        conflict = Conflict(path=str(old), field="name", base=str(old), ours=str(mine[old]), theirs=str(yours[old]))
        choice = settle(conflict) if settle else None
        if choice is None:
            conflicts.append(conflict)
        else:
            chosen[old] = Sdf.Path(str(choice.value))
    return chosen, conflicts


def _rest(chosen: Renames, done: Renames) -> dict[Sdf.Path, Sdf.Path]:
    """What a side must still rename: from the name it has there."""
    return {done.get(old, old): new for old, new in chosen.items() if done.get(old, old) != new}


def _with(view: StackView, names: Renames) -> StackView:
    layer = view.folded(".usda")
    rename(layer, names)
    return StackView((layer,), (layer.identifier,), view.label)
