# SPDX-License-Identifier: Apache-2.0
"""Applying differences: to a whole layer, or as a delta that says the same from above."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pxr import Sdf

from pipeline.versions.diff import SpecChange
from pipeline.versions.fields import NotOneLayer, combine, read_fields, same, spec_at, write_fields
from pipeline.versions.fold import copy_of
from pipeline.versions.views import SpecView, StackView

__all__ = ["apply", "delta_for", "without"]

ROOT = Sdf.Path.absoluteRootPath


def apply(changes: Iterable[SpecChange], layer: Sdf.Layer) -> None:
    """Make a layer say what the changes' new sides say, at their paths."""
    changes = list(changes)
    with Sdf.ChangeBlock():
        for change in sorted(changes, key=lambda c: c.path, reverse=True):
            if change.new is None and not any(c.path == change.path and c.new for c in changes if c is not change):
                _remove(layer, change.path)
        for change in sorted(changes, key=lambda c: c.path):
            if change.new is not None:
                if change.old is None:
                    _remove(layer, change.path)
                spec = make_spec(layer, change.path, change.new)
                write_fields(spec, change.new.fields)
    _order_all(changes, layer)


def delta_for(changes: Iterable[SpecChange], beneath: StackView) -> Sdf.Layer:
    """A layer that, laid over `beneath`, says what the changes' new sides say; new siblings come last.

    Raises
    ------
    NotOneLayer
        Something must go, and no layer can take away what is beneath it.
    """
    changes = list(changes)
    delta = Sdf.Layer.CreateAnonymous(".usda")
    with Sdf.ChangeBlock():
        for change in sorted(changes, key=lambda c: c.path):
            if change.new is None or change.reordered():
                raise NotOneLayer(f"{change.path} is removed or reordered")
            if not change.substantial:
                continue
            below = beneath.at(change.path)
            fields = _from_above(change.new, below)
            spec = make_spec(delta, change.path, change.new, over=below is not None)
            write_fields(spec, fields, {} if below is not None else None)
    _order_all(changes, delta)
    return delta


def without(changes: Iterable[SpecChange], beneath: StackView) -> list[Sdf.Layer | None]:
    """The layers of a stack without what the changes take away or put something else in place of.

    For stacks that no one layer can stand for. Where nothing goes, None stands for the layer as it is.
    """
    gone: dict[Sdf.Path, list[str] | None] = {}
    for change in changes:
        if change.reordered():
            raise NotOneLayer(f"{change.path} is reordered")
        gone[change.path] = None if change.new is None else list(change.fields())
    result: list[Sdf.Layer | None] = []
    for layer in beneath.layers:
        if not any(spec_at(layer, path) for path in gone):
            result.append(None)
            continue
        copy = copy_of(layer, Path(layer.realPath).suffix)
        for path in sorted(gone, reverse=True):
            spec, names = spec_at(copy, path), gone[path]
            if names is None:
                _remove(copy, path)
            elif spec is not None:
                fields = read_fields(spec)
                write_fields(spec, {n: v for n, v in fields.items() if n not in names}, fields)
        result.append(copy)
    return result


def make_spec(layer: Sdf.Layer, path: Sdf.Path, view: SpecView, over: bool = False) -> Sdf.Spec:
    """The spec at a path, made with the spec's kind if it is not there; what is above it is made as overs."""
    spec = spec_at(layer, path)
    if spec is not None:
        return spec
    if view.kind == "attribute":
        owner = _owner(layer, path.GetParentPath())
        kind = Sdf.ValueTypeNames.Find(str(view.fields["typeName"]))
        variability = view.fields.get("variability", Sdf.VariabilityVarying)
        return Sdf.AttributeSpec(owner, path.name, kind, variability, bool(view.fields.get("custom", False)))
    if view.kind == "relationship":
        owner = _owner(layer, path.GetParentPath())
        variability = view.fields.get("variability", Sdf.VariabilityUniform)
        return Sdf.RelationshipSpec(owner, path.name, bool(view.fields.get("custom", False)), variability)
    _owner(layer, path)
    return spec_at(layer, path)


def _owner(layer: Sdf.Layer, path: Sdf.Path) -> Sdf.PrimSpec:
    """The prim spec at a prim or variant path, made as an over where it is not there."""
    if path == ROOT:
        return layer.pseudoRoot
    if path.IsPrimVariantSelectionPath():
        owner = _owner(layer, path.GetParentPath())
        group, name = path.GetVariantSelection()
        sets = owner.variantSets
        chosen = sets[group] if group in sets else Sdf.VariantSetSpec(owner, group)
        if not name:
            return owner
        found = chosen.variants[name] if name in chosen.variants else Sdf.VariantSpec(chosen, name)
        return found.primSpec
    spec = layer.GetPrimAtPath(path)
    if spec:
        return spec
    parent = _owner(layer, path.GetParentPath())
    if path.GetParentPath() == ROOT:
        return Sdf.PrimSpec(layer, path.name, Sdf.SpecifierOver)
    return Sdf.PrimSpec(parent, path.name, Sdf.SpecifierOver)


def _from_above(wanted: SpecView, below: SpecView | None) -> dict[str, object]:
    """The fields to author so that with those beneath they make the wanted ones."""
    if below is None:
        return wanted.fields
    if below.kind != wanted.kind:
        raise NotOneLayer("another kind of spec")
    values = {"default", "timeSamples", "spline"}
    differ = {
        name for name, value in wanted.fields.items() if name not in below.fields or not same(value, below.fields[name])
    }
    if below.fields.keys() - wanted.fields.keys() - values:
        raise NotOneLayer("a field is removed")
    if differ & values or (below.fields.keys() - wanted.fields.keys()):
        differ |= values
    fields = {name: wanted.fields[name] for name in differ if name in wanted.fields}
    fields |= {n: wanted.fields[n] for n in ("typeName", "custom", "variability") if _is_property(wanted, n)}
    both = combine(wanted.kind, fields, below.fields)
    if both.keys() != wanted.fields.keys() or not all(same(both[n], v) for n, v in wanted.fields.items()):
        raise NotOneLayer("what is beneath shines through")
    return fields


def _is_property(view: SpecView, name: str) -> bool:
    return view.kind in {"attribute", "relationship"} and name in view.fields


def _remove(layer: Sdf.Layer, path: Sdf.Path) -> None:
    spec = spec_at(layer, path)
    if spec is None or path == ROOT:
        return
    edit = Sdf.BatchNamespaceEdit()
    if path.IsPrimPropertyPath():
        layer.GetPrimAtPath(path.GetPrimOrPrimVariantSelectionPath()).RemoveProperty(spec)
    elif path.IsPrimVariantSelectionPath():
        group, name = path.GetVariantSelection()
        owner = _owner(layer, path.GetParentPath())
        if name:
            owner.variantSets[group].RemoveVariant(owner.variantSets[group].variants[name])
        else:
            del owner.variantSets[group]
    else:
        edit.Add(path, Sdf.Path.emptyPath)
        layer.Apply(edit)


def _order_all(changes: Iterable[SpecChange], layer: Sdf.Layer) -> None:
    for change in changes:
        if change.new and change.new.kind in {"prim", "root", "variant"} and change.new.children:
            _order(layer, change.path, change.new.children)


def _order(layer: Sdf.Layer, path: Sdf.Path, names: tuple[str, ...]) -> None:
    owner = layer.pseudoRoot if path == ROOT else layer.GetPrimAtPath(path)
    present = list(owner.nameChildren.keys()) if owner else []
    there, wanted = set(present), set(names)
    order = [name for name in names if name in there]
    if [name for name in present if name in wanted] != order:
        order += [name for name in present if name not in wanted]
        owner.nameChildren[:] = [owner.nameChildren[name] for name in order]
