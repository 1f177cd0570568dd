# SPDX-License-Identifier: Apache-2.0
"""Fields taken apart: dictionaries by key, time samples by time, list operations by item.

Two people who change different elements of one field have not met. An element is named by a tuple: `()` is
the whole of a plain field, `("color",)` a dictionary key, `(24.0,)` a time, `("prepended", identity)` an item
of a list operation.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from pxr import Sdf

from pipeline.versions.fields import is_list_op, same

__all__ = ["ABSENT", "Element", "identity", "joined", "name_of", "split"]

Element = tuple[Any, ...]
PARTS = ("explicit", "prepended", "appended", "deleted", "added", "ordered")


class _Absent:
    """What an element is where it is not there."""

    def __repr__(self) -> str:
        return "absent"

    def __bool__(self) -> bool:
        return False


ABSENT = _Absent()


def split(value: Any) -> dict[Element, Any]:
    """The elements of a field's value."""
    if isinstance(value, dict):
        return _split_dictionary(value, ())
    if is_list_op(value):
        return _split_list_op(value)
    return {(): value}


def joined(like: Any, elements: dict[Element, Any]) -> Any:
    """The value that has these elements, of the type of `like`."""
    if isinstance(like, dict):
        result: dict[Any, Any] = {}
        for element, value in elements.items():
            inner = result
            for key in element[:-1]:
                inner = inner.setdefault(key, {})
            if element:
                inner[element[-1]] = value
        return result
    if is_list_op(like):
        return _joined_list_op(type(like), elements)
    return elements[()]


def name_of(field: str, element: Element) -> str:
    """How a field and element are written: `customData:color`, `timeSamples`, `references`."""
    keys = [key for key in element if isinstance(key, str)]
    return ":".join([field, *keys]) if keys and element[0] not in PARTS else field


def _split_dictionary(value: dict[Any, Any], above: Element) -> dict[Element, Any]:
    found: dict[Element, Any] = {} if value or not above else {above: {}}
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            found |= _split_dictionary(inner, (*above, key))
        else:
            found[(*above, key)] = inner
    return found


def _split_list_op(value: Any) -> dict[Element, Any]:
    found: dict[Element, Any] = {("mode",): "explicit" if value.isExplicit else "composable"}
    for part in PARTS:
        items = list(getattr(value, f"{part}Items"))
        loose = Counter(identity(item) for item in items)
        for item in items:
            name = identity(item)
            found[(part, name if loose[name] == 1 else repr(item))] = item
    return found


def _joined_list_op(kind: type, elements: dict[Element, Any]) -> Any:
    result = kind()
    if elements.get(("mode",)) == "explicit":
        result.ClearAndMakeExplicit()
    for part in PARTS:
        items = [value for element, value in elements.items() if element[0] == part]
        if items:
            setattr(result, f"{part}Items", items)
    return result


_VERSION = re.compile(r"(?<=/)v\d+(?=/)")
_OBJECT = re.compile(r"objects/[0-9a-f]{2}/[0-9a-f]{64}")


def identity(item: Any) -> str:
    """What an item of a list is, whatever version or offset of it.

    References and payloads: the asset without its version number or content name, and the prim path; so
    "v1 becomes v2" and "v1 gets an offset" are two changes of one item.
    """
    if isinstance(item, (Sdf.Reference, Sdf.Payload)):
        asset = _VERSION.sub("v", _OBJECT.sub("objects", item.assetPath))
        return f"@{asset}@<{item.primPath}>"
    return str(item)


def differing(a: Any, b: Any) -> dict[Element, tuple[Any, Any]]:
    """The elements in which two values differ; ABSENT where one has none."""
    if not (isinstance(a, dict) and isinstance(b, dict)) and not (is_list_op(a) and is_list_op(b)):
        return {} if same(a, b) else {(): (a, b)}
    old, new = split(a), split(b)
    result = {
        element: (old.get(element, ABSENT), new.get(element, ABSENT))
        for element in [*old, *(e for e in new if e not in old)]
        if not same(old.get(element, ABSENT), new.get(element, ABSENT))
    }
    if is_list_op(a) and not result and a != b:
        return {("order",): (a, b)}
    return result
