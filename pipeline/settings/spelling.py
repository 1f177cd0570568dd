# SPDX-License-Identifier: Apache-2.0
"""Names that mean nothing, and the known one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

__all__ = ["explained", "near", "unknown"]


def near(name: str, known: Iterable[str]) -> str:
    """The known name that is spelt most like `name`; empty where none is."""
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def unknown(name: str, known: Iterable[str], most: int = 60) -> str:
    """What to do about a name that means nothing: `use 'limit'`, or what there is."""
    names = sorted(known)
    close = near(name, names)
    if close:
        return f"did you mean {close!r}?"
    return f"use one of: {', '.join(names[:most])}" if names else "it has none"


def explained(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """The first fault of a table, in words.

    Returns
    -------
    where
        The key, its tables before it: `rules.geometry.holes.limits`.
    what
        Why it means nothing, with the name that was probably meant.
    """
    first = error.errors()[0]
    where = ".".join(str(x) for x in first["loc"])
    if first["type"] != "extra_forbidden":
        return where, first["msg"]
    return where, f"there is no such key, {unknown(str(first['loc'][-1]), _keys(model, first['loc'][:-1]))}"


def _keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at a path may have."""
    kind: Any = model
    for step in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(step))
            kind = field.annotation if field else None
        else:  # a table of tables: any key, and what it holds
            kind = next((a for a in get_args(kind) if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
