# SPDX-License-Identifier: Apache-2.0
"""Is it as tall as its like? Against labelled neighbours and against remembered heights.

A neighbour counts as alike when one of its `UsdSemantics` labels in the taxonomy `category` is also a label of the
asset, or is made of words of the asset's name ("market stall" for `market_stall`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pxr import Usd, UsdSemantics

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View

TAXONOMY = "category"


class Scale(Measure):
    """Height against alike neighbours and the project's memory."""

    kind = "scale"
    title = "height against its like"
    limit = 0.02  # of the expected height: what an eye sees when two alike things stand side by side
    unit = "share"
    advice = "Scale the whole, so that its parts keep their proportions."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        height = float(situation.box.size[1])
        alike = self._alike(situation)
        if len(alike):
            usual = float(np.median(alike))
            off = height / usual - 1.0
            if abs(off) > situation.setting(self).limit:
                yield self.note(
                    situation,
                    f"{abs(off):.1%} {'lower' if off < 0 else 'higher'} than the {len(alike)} alike "
                    f"neighbours: scale by {usual / height:.3f}",
                    against="neighbours",
                    measured=f"{height:.3f} m",
                    expected=f"{usual:.3f} m",
                    value=off,
                    correction={"scale": round(usual / height, 4)},
                )
        for words, (low, high) in situation.heights_m.items():
            if set(words.lower().split()) <= situation.words and not _within(height, low, high):
                yield self.note(
                    situation,
                    f"the project keeps a {words} {_range(low, high)} tall",
                    against=words,
                    measured=f"{height:.3f} m",
                    expected=_range(low, high, 3),
                    value=height,
                )

    @staticmethod
    def _alike(situation: Situation) -> list[float]:
        """Heights in metres of the alike neighbours; of what an instancer repeats, each place by itself."""
        stage, own = situation.stage, _labels(situation.asset)
        pieces = situation.pieces
        heights: list[float] = []
        for number, path in enumerate(pieces.owners[1:], 1):
            prim = stage.GetPrimAtPath(path)
            labels = _labels(prim) if prim else set()
            if not any(v in own or set(v.split()) <= situation.words for v in labels):
                continue
            rows = np.flatnonzero(pieces.owner == number)
            low, high = pieces.low[rows, 1], pieces.high[rows, 1]
            repeated = bool(situation.drawing.shapes[pieces.shape[rows[0]]].instancer)
            if repeated:
                count = int(pieces.place[rows].max()) + 1
                bottom, top = np.full(count, np.inf), np.full(count, -np.inf)
                np.minimum.at(bottom, pieces.place[rows], low)
                np.maximum.at(top, pieces.place[rows], high)
                heights += (top - bottom).tolist()
            else:
                heights.append(float(high.max() - low.min()))
        return heights


def _range(low: float, high: float, digits: int = 2) -> str:
    if not low or not high:
        return f"at least {low:.{digits}f} m" if low else f"at most {high:.{digits}f} m"
    return f"{low:.{digits}f} m to {high:.{digits}f} m" if digits > 2 else f"between {low:.2f} and {high:.2f} m"


def _within(height: float, low: float, high: float) -> bool:
    return (not low or height >= low - 1e-3) and (not high or height <= high + 1e-3)


def _labels(prim: Usd.Prim) -> set[str]:
    if not prim.HasAPI(UsdSemantics.LabelsAPI, TAXONOMY):
        return set()
    return {str(v).lower() for v in UsdSemantics.LabelsAPI(prim, TAXONOMY).GetLabelsAttr().Get() or []}
