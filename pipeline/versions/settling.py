# SPDX-License-Identifier: Apache-2.0
"""How conflicts are settled: all for one side, or one by one with a value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from pxr import Sdf, Tf

from pipeline.errors import UsageError
from pipeline.versions.merge import Choice, Conflict, Settle

__all__ = ["answers", "for_side", "in_order", "parsed", "swapped"]

Side = Literal["ours", "theirs", "base"]


def for_side(side: Side) -> Settle:
    """Settle every conflict for one side."""
    return lambda conflict: Choice(getattr(conflict, side))


def answers(texts: Iterable[str]) -> Settle:
    """Settle the conflicts that are named: `PATH.FIELD=VALUE`, or `PATH=VALUE` for an attribute's value.

    VALUE is written as in usda or as JSON; `@ours`, `@theirs` and `@base` stand for a side, `@none` for
    nothing.

    Raises
    ------
    UsageError
        A text has no `=`, or its value is not of the field's type.
    """
    given = list(texts)
    for text in given:
        if "=" not in text:
            raise UsageError(f"--set {text}: there is no '='", remedy="write --set PATH.FIELD=VALUE")

    def settle(conflict: Conflict) -> Choice | None:
        keys = [conflict.key, *([conflict.path] if conflict.field == "default" else [])]
        for text in given:
            for key in keys:
                if text.startswith(f"{key}="):
                    return Choice(parsed(text[len(key) + 1 :], conflict))
        return None

    return settle


def in_order(*settlers: Settle) -> Settle:
    """The first that knows an answer."""

    def settle(conflict: Conflict) -> Choice | None:
        found = (settler(conflict) for settler in settlers)
        return next((choice for choice in found if choice is not None), None)

    return settle


def swapped(settle: Settle | None) -> Settle | None:
    """The same for a merge whose sides are the other way round."""
    if settle is None:
        return None
    return lambda conflict: settle(turned(conflict))


def turned(conflict: Conflict) -> Conflict:
    """A conflict with its sides exchanged."""
    return conflict.model_copy(update={"ours": conflict.theirs, "theirs": conflict.ours})


def parsed(text: str, conflict: Conflict) -> Any:
    """A value from text, of the type that the conflict's sides have.

    Raises
    ------
    UsageError
        It is of another type.
    """
    if text in {"@ours", "@theirs", "@base"}:
        return getattr(conflict, text[1:])
    if text == "@none":
        return None
    like = next((side for side in (conflict.ours, conflict.theirs, conflict.base) if side is not None), None)
    if isinstance(like, str):
        return text.strip('"')
    try:
        kind = Sdf.GetValueTypeNameForValue(like)
    except Tf.ErrorException:
        kind = None
    value = _as_usda(text, kind) if kind else _as_json(text, like)
    if value is None:
        raise UsageError(
            f"{text!r} is no value for {conflict.key}", remedy=f"write it as {kind or type(like).__name__} in usda"
        )
    return value


def _as_usda(text: str, kind: Any) -> Any:
    layer = Sdf.Layer.CreateAnonymous(".usda")
    try:
        layer.ImportFromString(f'#usda 1.0\nover "x"\n{{\n    {kind} v = {text}\n}}\n')
    except Tf.ErrorException:
        return None
    spec = layer.GetAttributeAtPath("/x.v")
    return spec.default if spec else None


def _as_json(text: str, like: Any) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, type(like)) else None
