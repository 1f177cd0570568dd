# SPDX-License-Identifier: Apache-2.0
"""Fields of specs: reading them, writing them, and what two layers of one stack say together.

`combine` is the composition of one spec in two adjacent layers of a layer stack, the strength rules of USD
applied to authored fields: dictionaries key by key, list operations operation on operation, values by the
rule that the strongest layer with any value at all wins, everything else by strength.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pxr import Sdf

__all__ = [
    "NotOneLayer",
    "as_numbers",
    "combine",
    "is_list_op",
    "kind_of",
    "read_fields",
    "same",
    "spec_at",
    "write_fields",
]

Fields = dict[str, Any]

#: where values of an attribute lie; the three are decided together
VALUES = ("default", "timeSamples", "spline")
#: fields of a root layer that describe the stack, not the content
STACK = ("subLayers", "subLayerOffsets")


class NotOneLayer(Exception):
    """What two layers say together cannot be said in one."""


def is_list_op(value: object) -> bool:
    """Whether a value is a list operation (of references, tokens, paths, …)."""
    return type(value).__name__.endswith("ListOp")


def spec_at(layer: Sdf.Layer, path: Sdf.Path) -> Sdf.Spec | None:
    """The spec at a path; also for variants and for the root."""
    return layer.GetObjectAtPath(path) if path != Sdf.Path.absoluteRootPath else layer.pseudoRoot


def kind_of(spec: Sdf.Spec) -> str:
    """`prim`, `attribute`, `relationship`, `variant`, `variantSet` or `root`."""
    return _KINDS[type(spec).__name__]


_KINDS = {
    "PrimSpec": "prim",
    "AttributeSpec": "attribute",
    "RelationshipSpec": "relationship",
    "VariantSpec": "variant",
    "VariantSetSpec": "variantSet",
    "PseudoRootSpec": "root",
}


def read_fields(spec: Sdf.Spec) -> Fields:
    """All authored fields of a spec, but for those that describe a layer stack."""
    return {name: spec.GetInfo(name) for name in spec.ListInfoKeys() if name not in STACK}


_SCALARS = (bool, int, str, Sdf.Specifier, Sdf.Variability)


def as_numbers(value: object) -> np.ndarray | None:
    """An array value as numpy sees its memory; None where it is no array of numbers."""
    if type(value).__module__ != "pxr.Vt" or not type(value).__name__.endswith("Array"):
        return None
    try:
        array = np.asarray(memoryview(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind in "iufb" else None


def same(a: object, b: object) -> bool:
    """Whether two field values are the same to the bit, NaN being the same as NaN.

    Arrays are compared as memory; no Python code runs per element.
    """
    if type(a) is not type(b):
        return False
    if type(a) in _SCALARS:
        return a == b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    numbers, others = as_numbers(a), as_numbers(b)
    if numbers is not None and others is not None:
        return numbers.shape == others.shape and np.array_equal(_memory(numbers), _memory(others))
    if a == b:
        return True
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return repr(a) == repr(b) and not is_list_op(a) and "nan" in repr(a).lower()


def _memory(numbers: np.ndarray) -> np.ndarray:
    """(n,) uint8: the bytes of an array, not copied."""
    return np.ascontiguousarray(numbers).reshape(-1).view(np.uint8)


def combine(kind: str, strong: Fields, weak: Fields) -> Fields:
    """What the specs of a stronger and a weaker layer say together.

    Raises
    ------
    NotOneLayer
        No single spec says the same (list operations that reorder, sparse array edits).
    """
    if not weak:
        return strong
    result = dict(weak)
    for name, value in strong.items():
        if name in VALUES:
            continue
        result[name] = combine_field(name, value, weak[name]) if name in weak else value
    if kind == "attribute":
        for name in VALUES:
            result.pop(name, None)
        result |= _combine_values(strong, weak)
    return result


def combine_field(name: str, strong: Any, weak: Any) -> Any:
    """The same for one field that both author and that holds no attribute value."""
    if name == "specifier":
        return weak if strong == Sdf.SpecifierOver else strong
    if name == "typeName":
        return strong or weak
    if isinstance(strong, dict) and isinstance(weak, dict):
        return overlaid(strong, weak)
    if is_list_op(strong):
        both = strong.ApplyOperations(weak)
        if both is None:
            raise NotOneLayer(f"{name}: these list operations do not combine")
        return both
    if name == "layerRelocates":
        return list((dict(weak) | dict(strong)).items())
    if name in {"primOrder", "propertyOrder"}:
        raise NotOneLayer(f"{name}: two reorderings")
    return strong


def overlaid(strong: dict[str, Any], weak: dict[str, Any]) -> dict[str, Any]:
    """A dictionary over another, key by key to any depth."""
    result = dict(weak)
    for key, value in strong.items():
        old = weak.get(key)
        nested = isinstance(value, dict) and isinstance(old, dict)
        result[key] = overlaid(value, old) if nested else value  # type: ignore[arg-type]
    return result


def _combine_values(strong: Fields, weak: Fields) -> Fields:
    """Default, samples and spline: a layer with any of them hides those that vary beneath it."""
    result = {name: strong[name] for name in VALUES if name in strong}
    own = strong.get("default")
    if isinstance(own, Sdf.AnimationBlock):
        if "default" in weak:
            result["default"] = weak["default"]
        return result
    if "default" in strong:
        result["default"] = _composed(own, weak.get("default"))
        return result
    if "default" in weak:
        result["default"] = weak["default"]
    if not result.keys() & {"timeSamples", "spline"}:
        result |= {name: weak[name] for name in ("timeSamples", "spline") if name in weak}
    return result


def _composed(strong: Any, weak: Any) -> Any:
    """Values that refer to what is beneath them."""
    if isinstance(strong, Sdf.PathExpression) and strong.ContainsWeakerExpressionReference():
        return strong.ComposeOver(weak) if isinstance(weak, Sdf.PathExpression) else strong
    if type(strong).__name__.endswith("ArrayEdit") and not strong.IsIdentity():
        raise NotOneLayer("a sparse array edit over another value")
    return strong


def write_fields(spec: Sdf.Spec, wanted: Fields, have: Fields | None = None) -> None:
    """Make a spec say exactly `wanted`; `have` is what it says now, where that is known."""
    have = read_fields(spec) if have is None else have
    for name in have.keys() - wanted.keys():
        _clear(spec, name)
    for name, value in wanted.items():
        if name not in have or not same(have[name], value):
            _write(spec, name, value)


def _clear(spec: Sdf.Spec, name: str) -> None:
    if name == "connectionPaths":
        spec.connectionPathList.ClearEdits()
    elif name == "targetPaths":
        spec.targetPathList.ClearEdits()
    elif name == "typeName" and isinstance(spec, Sdf.PrimSpec):
        spec.ClearInfo(name)  # unlike setting it empty, allowed on a prim that is defined
    elif name not in _REQUIRED:
        spec.ClearInfo(name)


#: fields that USD itself writes when it makes a spec
_REQUIRED = {"specifier", "typeName", "custom", "variability"}


def _write(spec: Sdf.Spec, name: str, value: Any) -> None:
    if name == "timeSamples":
        spec.ClearInfo(name)
        for time, sample in value.items():
            spec.layer.SetTimeSample(spec.path, time, sample)
    elif name == "connectionPaths":
        _write_paths(spec.connectionPathList, value)
    elif name == "targetPaths":
        _write_paths(spec.targetPathList, value)
    else:
        spec.SetInfo(name, value)


def _write_paths(editor: Any, value: Sdf.PathListOp) -> None:
    editor.ClearEdits()
    if value.isExplicit:
        editor.ClearEditsAndMakeExplicit()
        editor.explicitItems = value.explicitItems
        return
    for part in ("prependedItems", "appendedItems", "deletedItems", "addedItems", "orderedItems"):
        items = getattr(value, part)
        if items:
            setattr(editor, part, items)
