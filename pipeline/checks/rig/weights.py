# SPDX-License-Identifier: Apache-2.0
"""Skin weights that do not add up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.skins import skins


class Weights(Rule):
    """Points whose weights are no numbers, negative, or do not sum to one."""

    id = "rig.weights"
    title = "skin weights that do not sum to one"
    why = "Points whose weights do not sum to one shrink towards the origin or fly off."
    severity = "error"
    limit = 1e-3
    unit = "distance from one"
    fixer = "rig-prep"
    advice = "Normalise the weights; bind points that nothing moves."
    minutes = 10

    def run(self, context: Context) -> Iterator[Finding]:
        for skin in skins(context):
            total = skin.weights.sum(axis=1, dtype=np.float64)
            broken = ~np.isfinite(skin.weights).all(axis=1) | (skin.weights < -1e-6).any(axis=1)
            off = np.where(broken, np.inf, np.abs(total - 1))
            points = np.flatnonzero(off > context.limit(self)).astype(np.int32)
            if not len(points):
                continue
            worst = off[np.isfinite(off)].max(initial=0)
            marks = () if skin.rigid else (Marks(skin.part.number, points=points),)
            yield self.found(
                context,
                f"{len(points):,} of {len(off):,} points have weights that do not sum to one (off by {worst:.3g})",
                skin.part.prim,
                float(worst),
                marks,
            )
