# SPDX-License-Identifier: Apache-2.0
"""USD values as plain Python, for JSON and for one line of text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pxr import Gf, Sdf

from pipeline.versions.fields import as_numbers, is_list_op

__all__ = ["extent_of_change", "plain", "short"]

#: an array longer than this is summarised
LONGEST = 64


def plain(value: Any) -> Any:
    """A value as JSON can hold it; long arrays as their type, length and range."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if is_list_op(value):
        return _list_op(value)
    if isinstance(value, (Sdf.Reference, Sdf.Payload)):
        return _arc(value)
    if isinstance(value, Sdf.AssetPath):
        return f"@{value.path}@"
    if isinstance(value, Sdf.ValueBlock):
        return "blocked"
    if type(value).__name__.endswith("Array") and type(value).__module__.startswith("pxr.Vt"):
        return _array(value)
    if type(value).__module__.startswith("pxr.Gf"):
        return _tuple(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)


def short(value: Any, width: int = 60) -> str:
    """A value as a few words of one line."""
    if isinstance(value, dict) and value and all(isinstance(key, float) for key in value):
        times = sorted(value)
        if len(times) > 3:
            return f"{len(times)} samples, {times[0]:g} to {times[-1]:g}"
    text = plain(value)
    line = text if isinstance(text, str) else "none" if text is None else _words(text)
    return line if len(line) <= width else f"{line[: width - 1]}…"


def extent_of_change(old: Any, new: Any) -> str | None:
    """How much of an array differs and by how much; None where that means nothing.

    `12 of 4,096 points differ, at most by 0.25, within (0, 1, 0) … (1, 2, 0)`
    """
    a, b = as_numbers(old), as_numbers(new)
    if a is None or b is None or not len(a):
        return None
    if a.shape[1:] != b.shape[1:]:
        return None
    if len(a) != len(b):
        return f"{len(a):,} became {len(b):,} values"
    differ = a != b
    rows = differ.reshape(len(a), -1).any(axis=1)
    most = np.abs(b[rows].astype(float) - a[rows].astype(float)).max()
    text = f"{int(rows.sum()):,} of {len(a):,} differ, at most by {most:.6g}"
    if b.ndim == 2 and b.shape[1] == 3:
        low, high = b[rows].min(axis=0), b[rows].max(axis=0)
        text += f", within {_point(low)} … {_point(high)}"
    return text


def _point(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{v:.4g}" for v in values) + ")"


def _array(value: Any) -> Any:
    if len(value) <= LONGEST:
        return [plain(item) for item in value]
    summary: dict[str, Any] = {"array": type(value).__name__, "length": len(value)}
    numbers = as_numbers(value)
    if numbers is not None and numbers.dtype.kind in "iuf":
        summary["min"] = np.nanmin(numbers, axis=0).tolist()
        summary["max"] = np.nanmax(numbers, axis=0).tolist()
    return summary


def _tuple(value: Any) -> Any:
    if isinstance(value, (Gf.Quatd, Gf.Quatf, Gf.Quath)):
        return [float(value.real), *(float(x) for x in value.imaginary)]
    try:
        return [plain(item) for item in value]
    except TypeError:
        return str(value)


def _list_op(value: Any) -> dict[str, Any]:
    parts = ("explicit", "prepended", "appended", "deleted", "added", "ordered")
    found = {part: [plain(item) for item in getattr(value, f"{part}Items")] for part in parts}
    return {part: items for part, items in found.items() if items or (part == "explicit" and value.isExplicit)}


def _arc(value: Any) -> str:
    text = f"@{value.assetPath}@" if value.assetPath else ""
    text += f"<{value.primPath}>" if value.primPath else ""
    offset = value.layerOffset
    if not offset.IsIdentity():
        text += f" (offset {offset.offset:g}, scale {offset.scale:g})"
    return text


def _words(value: Any) -> str:
    if isinstance(value, dict) and "array" in value:
        return f"{value['array']} of {value['length']:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "(" + ", ".join(_words(item) for item in value) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)
