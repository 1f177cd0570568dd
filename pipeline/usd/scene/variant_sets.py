# SPDX-License-Identifier: Apache-2.0
"""The variant sets of a stage, and which of them are levels of detail by their names."""

from __future__ import annotations

import re
from typing import Any

from pxr import Usd

__all__ = ["is_level_set", "levels_of", "rank", "variant_sets"]

#: the rank of a name that says no level
_UNKNOWN = 1e9
_SETS = re.compile(r"^(lod|lods|lodvariant|levelofdetail|level_of_detail|geo_?lod)s?$", re.IGNORECASE)


def variant_sets(stage: Any, root: str | None = None) -> list[tuple[str, str, list[str], str]]:
    """`(prim path, set, variants, selection)` of every prim with variant sets, outside of instances."""
    start = stage.GetPrimAtPath(root) if root else stage.GetPseudoRoot()
    found = []
    for prim in Usd.PrimRange(start) if start else ():
        if prim.HasVariantSets():
            for name in prim.GetVariantSets().GetNames():
                chosen = prim.GetVariantSet(name)
                names = list(chosen.GetVariantNames())
                found.append((str(prim.GetPath()), name, names, chosen.GetVariantSelection()))
    return found


def is_level_set(name: str) -> bool:
    """Whether a variant set of this name is understood as levels of detail."""
    return bool(_SETS.match(name))


def levels_of(variants: list[str]) -> list[str]:
    """The variants that are levels, finest first; a name that says none, such as `all`, is none beside some that do."""
    order = sorted(variants, key=rank)
    known = [name for name in order if rank(name)[0] != _UNKNOWN]
    return known or order


def rank(name: str) -> tuple[float, str]:
    """Finest first: by the number in the name, else by the trade's words."""
    digits: Any = re.findall(r"\d+", name)
    if digits:
        return float(digits[-1]), name
    words = {"high": 0.0, "full": 0.0, "render": 0.0, "medium": 1.0, "mid": 1.0, "low": 2.0, "proxy": 3.0}
    return words.get(name.lower(), _UNKNOWN), name
