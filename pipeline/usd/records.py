# SPDX-License-Identifier: Apache-2.0
"""Records: pydantic models that live as typed prims of our codeless schemas.

A field `max_triangles` is the attribute `gates:maxTriangles`. Models keep plain Python values; what a field
is in USD is said by the schema and by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from pxr import Sdf, Usd
from pydantic import BaseModel, ConfigDict

from pipeline.usd.clock import now

__all__ = ["Record", "children", "now", "valid_name"]


def valid_name(text: str) -> str:
    """A USD prim name made from any text; letters of any script stay."""
    name = re.sub(r"\W+", "_", text.strip(), flags=re.UNICODE).strip("_") or "unnamed"
    name = f"_{name}" if name[0].isdigit() else name
    if Sdf.Path.IsValidIdentifier(name):
        return name
    return re.sub(r"\W", "_", name, flags=re.ASCII)


class Record(BaseModel):
    """Base of all records; a subclass names its prim type in `schema_type`."""

    model_config = ConfigDict(extra="forbid")
    schema_type: ClassVar[str]

    def author(self, stage: Usd.Stage, path: str) -> Usd.Prim:
        """Define the prim and set every field at the stage's edit target; scopes above it are made."""
        _scopes_above(stage, Sdf.Path(path))
        prim = stage.DefinePrim(path, self.schema_type)
        for field in type(self).model_fields:
            attribute = prim.GetAttribute(_attribute(field))
            value = getattr(self, field)
            if str(attribute.GetTypeName()) == "asset":
                value = Sdf.AssetPath(value or "")
            attribute.Set(value)
        return prim

    @classmethod
    def read(cls, prim: Usd.Prim) -> Self:
        """The record that a prim holds; fields that nobody authored have the schema's fallback."""
        values: dict[str, Any] = {}
        for field in cls.model_fields:
            value = prim.GetAttribute(_attribute(field)).Get()
            if value is not None:
                values[field] = _plain(value)
        return cls(**values)

    @classmethod
    def find(cls, stage: Usd.Stage, path: str) -> Self | None:
        """The record at `path`, or None."""
        prim = stage.GetPrimAtPath(path)
        return cls.read(prim) if prim and str(prim.GetTypeName()) == cls.schema_type else None


def children(stage: Usd.Stage, path: str, kind: type[Record]) -> Iterator[Usd.Prim]:
    """Prims of one record type right below `path`."""
    parent = stage.GetPrimAtPath(path)
    if parent:
        for prim in parent.GetChildren():
            if str(prim.GetTypeName()) == kind.schema_type:
                yield prim


def _attribute(field: str) -> str:
    head, *rest = field.split("_")
    return "gates:" + head + "".join(part.capitalize() for part in rest)


def _scopes_above(stage: Usd.Stage, path: Sdf.Path) -> None:
    for prefix in path.GetParentPath().GetPrefixes():
        if not stage.GetPrimAtPath(prefix) or not stage.GetPrimAtPath(prefix).IsDefined():
            stage.DefinePrim(prefix, "Scope")


def _plain(value: Any) -> Any:
    if isinstance(value, Sdf.AssetPath):
        return value.resolvedPath or value.path
    if isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "__len__"):
        return [_plain(v) if not hasattr(v, "__len__") or isinstance(v, str) else tuple(v) for v in value]
    return value
