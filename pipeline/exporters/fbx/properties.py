# SPDX-License-Identifier: Apache-2.0
"""Properties70: the typed, named values of objects and templates."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

from .records import RecordWriter, f64, i32, text

__all__ = [
    "color", "enum", "integer", "ktime", "lcl", "number", "p", "properties", "string", "switch", "vector",
]  # fmt: skip

_three = struct.Struct("<cdcdcd").pack


@lru_cache(maxsize=4096)
def _head(name: str, kind: str, label: str, flags: str) -> bytes:
    return text(name) + text(kind) + text(label) + text(flags)


def p(name: str, kind: str, label: str = "", flags: str = "", *values: bytes) -> tuple[bytes, ...]:
    """One P record as its properties; `values` come from `records.f64` and so on."""
    return (text(name), text(kind), text(label), text(flags), *values)


def number(name: str, value: float, *, animatable: bool = True, kind: str = "Number") -> tuple[bytes, ...]:
    """A double."""
    return p(name, kind, "", "A" if animatable else "", f64(value))


def integer(name: str, value: int) -> tuple[bytes, ...]:
    """An int."""
    return p(name, "int", "Integer", "", i32(value))


def enum(name: str, value: int) -> tuple[bytes, ...]:
    """A choice of a list."""
    return p(name, "enum", "", "", i32(value))


def switch(name: str, value: bool) -> tuple[bytes, ...]:
    """A boolean."""
    return p(name, "bool", "", "", i32(int(value)))


def string(name: str, value: str, flags: str = "") -> tuple[bytes, ...]:
    """A string."""
    return p(name, "KString", "", flags, text(value))


def ktime(name: str, value: bytes) -> tuple[bytes, ...]:
    """A time; `value` is an encoded 64-bit integer."""
    return p(name, "KTime", "Time", "", value)


def color(name: str, value: Sequence[float], *, animatable: bool = True) -> tuple[bytes, ...]:
    """Linear red, green, blue."""
    if animatable:
        return p(name, "Color", "", "A", *(f64(float(v)) for v in value[:3]))
    return p(name, "ColorRGB", "Color", "", *(f64(float(v)) for v in value[:3]))


def vector(name: str, value: Sequence[float], *, animatable: bool = False) -> tuple[bytes, ...]:
    """Three doubles."""
    kind = ("Vector", "", "A") if animatable else ("Vector3D", "Vector", "")
    return p(name, *kind, *(f64(float(v)) for v in value[:3]))


def lcl(writer: RecordWriter, name: str, value: Sequence[float]) -> None:
    """Write one of Lcl Translation, Lcl Rotation (degrees) and Lcl Scaling."""
    x, y, z = value
    writer.leaf_n(b"P", 7, _head(name, name, "", "A") + _three(b"D", x, b"D", y, b"D", z))


def properties(writer: RecordWriter, records: Iterable[tuple[bytes, ...]]) -> None:
    """Write a Properties70 block."""
    start = writer.open(b"Properties70")
    for record in records:
        writer.leaf(b"P", *record)
    writer.close(start)
