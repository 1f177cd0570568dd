# SPDX-License-Identifier: Apache-2.0
"""Accessors as arrays: bounds checked, strided, sparse, normalised (glTF 2.0, 3.6.2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.importers.gltf.container import Container
from pipeline.importers.scene import Array, Floats, Ints

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def read(file: Container, index: Any) -> Array:
    """An accessor (count, width) in its own number format."""
    told = file.item("accessors", index)
    count, kind, wide = told.get("count", 0), _kind(file, told, index), _WIDTHS.get(told.get("type", ""), 0)
    if not isinstance(count, int) or count < 0 or not wide:
        raise file.source.refuse(f"accessor {index} has no count or type that is one")
    if "bufferView" in told:
        out = _dense(file, told["bufferView"], told.get("byteOffset", 0), kind, wide, count, index)
    else:
        if count > 1 << 26:
            raise file.source.refuse(f"accessor {index} announces {count} elements without content")
        out = np.zeros((count, wide), kind)
    if "sparse" in told:
        out = _sparse(file, told["sparse"], out, index)
    return out


def _kind(file: Container, told: dict[str, Any], index: Any) -> np.dtype:
    component = told.get("componentType")
    if component not in _COMPONENTS:
        raise file.source.refuse(f"accessor {index} has the unknown component type {component!r}")
    return np.dtype(_COMPONENTS[component])


def _dense(file: Container, view: Any, offset: Any, kind: np.dtype, wide: int, count: int, index: Any) -> Array:
    data = file.view(view)
    step = file.stride(view) or kind.itemsize * wide
    need = offset + step * (count - 1) + kind.itemsize * wide if count else 0
    if not isinstance(offset, int) or offset < 0 or need > len(data) or step < kind.itemsize:
        raise file.source.refuse(
            f"is cut short: accessor {index} needs {need} bytes, its view has {len(data)}",
            "export or download it again",
        )
    if not count:
        return np.zeros((0, wide), kind)
    return np.ndarray((count, wide), kind, data, offset, (step, kind.itemsize))


def _sparse(file: Container, told: dict[str, Any], base: Array, index: Any) -> Array:
    count = told.get("count", 0)
    where, what = told["indices"], told["values"]
    rows = _dense(file, where["bufferView"], where.get("byteOffset", 0), _kind(file, where, index), 1, count, index)
    values = _dense(file, what["bufferView"], what.get("byteOffset", 0), base.dtype, base.shape[1], count, index)
    rows = rows[:, 0].astype(np.int64)
    if len(rows) and rows.max() >= len(base):
        raise file.source.refuse(f"accessor {index} replaces an element that it has not")
    out = base.copy()
    out[rows] = values
    return out


def floats(file: Container, index: Any, wide: int | None = None) -> Floats:
    """An accessor as float64, normalised integers brought to 0..1 or -1..1."""
    told = file.item("accessors", index)
    raw = read(file, index)
    if wide is not None and raw.shape[1] != wide:
        raise file.source.refuse(f"accessor {index} is {told.get('type')}, {wide} numbers are needed")
    out = raw.astype(np.float64)
    if told.get("normalized") and raw.dtype.kind in "iu":
        out = np.maximum(out / float(np.iinfo(raw.dtype.str).max), -1.0)
    return out


def ints(file: Container, index: Any) -> Ints:
    """An accessor of whole numbers as int64."""
    raw = read(file, index)
    if raw.dtype.kind == "f":
        raise file.source.refuse(f"accessor {index} holds fractions where whole numbers are needed")
    return raw.astype(np.int64)
