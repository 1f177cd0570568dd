# SPDX-License-Identifier: Apache-2.0
"""Numbers and directions in words, as findings say them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def count(number: int, one: str, many: str = "") -> str:
    """`1 edge`, `1,200 edges`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def names(items: Sequence[str], most: int = 4) -> str:
    """`lid, base and hinge`; the rest is counted where there are too many."""
    shown = list(items[:most])
    if len(items) > most:
        return f"{', '.join(shown)} and {len(items) - most} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def compass_name(position: NDArray) -> str:
    """Where a viewer stands, Y up and the front at +Z: `above`, `the back left`, `below the front`."""
    x, y, z = (int(v) for v in np.sign(np.round(position, 3)))
    level = {1: "above", -1: "below", 0: ""}[y]
    side = " ".join(s for s in ({1: "front", -1: "back", 0: ""}[z], {1: "right", -1: "left", 0: ""}[x]) if s)
    if not side:
        return level
    return f"{level} the {side}" if level else f"the {side}"


def measured_name(measured: float | None, limit: float | None, unit: str) -> str:
    """`0.78 %, limit 0.1 % of faces`, `2 bodies, limit 0`; empty where nothing was measured."""
    if measured is None:
        return ""
    if unit.startswith("share of "):
        told = f"{measured:.3g}" if measured > 1 else f"{measured * 100:.3g} %"
        return f"{told} {unit.removeprefix('share ')}" + ("" if limit is None else f", limit {limit * 100:.3g} %")
    shown = f"{measured:,.0f}" if measured == int(measured) and abs(measured) < 1e12 else f"{measured:.3g}"
    what = unit
    if measured == 1 and unit.endswith("s") and " " not in unit:
        what = {"vertices": "vertex", "bodies": "body", "metres": "metre"}.get(unit, unit[:-1])
    return f"{shown} {what}".strip() + ("" if limit is None else f", limit {limit:g}")


def lowered(title: str) -> str:
    """`game-ready prop` of `Game-ready prop`; abbreviations (`VFX shot element`) stay."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def a_or_an(noun: str) -> str:
    """`a prop`, `an asset`."""
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


def sentence(text: str) -> str:
    """The text with a capital in front."""
    return text[:1].upper() + text[1:]


def size_name(size: Sequence[float] | NDArray) -> str:
    """`1.20 x 0.80 x 0.45 m`."""
    return " x ".join(f"{v:.3g}" for v in size) + " m"
