# SPDX-License-Identifier: Apache-2.0
"""Is it as tall as its like? Against labelled neighbours and against remembered heights.

A neighbour counts as alike when one of its `UsdSemantics` labels in the taxonomy `category` is made of words of
the asset's name ("market stall" for `market_stall`).
"""

from __future__ import annotations

import numpy as np
from pxr import Usd, UsdSemantics

from pipeline.scenes.notes.situation import Note, Situation

__all__ = ["TOLERANCE", "scale"]

TAXONOMY = "category"
TOLERANCE = 0.02  # of the expected height: what an eye sees when two alike things stand side by side


def scale(situation: Situation) -> list[Note]:
    """Notes on the asset's height."""
    height = float(situation.box.size[1])
    path = str(situation.asset.GetPath())
    notes = []
    alike = [box for prim, box in situation.others if _alike(prim, situation.words)]
    if alike:
        usual = float(np.median([b.size[1] for b in alike]))
        off = height / usual - 1.0
        if abs(off) > TOLERANCE:
            notes.append(
                Note(
                    kind="scale",
                    prim=path,
                    against="neighbours",
                    message=f"{abs(off):.1%} {'lower' if off < 0 else 'higher'} than the {len(alike)} alike "
                    f"neighbours: scale by {usual / height:.3f}",
                    measured=f"{height:.3f} m",
                    expected=f"{usual:.3f} m",
                    correction={"scale": round(usual / height, 4)},
                )
            )
    for words, (low, high) in situation.heights_m.items():
        if set(words.lower().split()) <= situation.words and not _within(height, low, high):
            notes.append(
                Note(
                    kind="scale",
                    prim=path,
                    against=words,
                    message=f"the project keeps a {words} between {low:.2f} and {high:.2f} m tall",
                    measured=f"{height:.3f} m",
                    expected=f"{low:.3f} m to {high:.3f} m",
                )
            )
    return notes


def _within(height: float, low: float, high: float) -> bool:
    return (not low or height >= low - 1e-3) and (not high or height <= high + 1e-3)


def _alike(prim: Usd.Prim, words: set[str]) -> bool:
    labels = UsdSemantics.LabelsAPI(prim, TAXONOMY)
    if not labels:
        return False
    values = labels.GetLabelsAttr().Get() or []
    return any(set(str(v).lower().split()) <= words for v in values)
