# SPDX-License-Identifier: Apache-2.0
"""More joints on a point than the target can skin with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.skins import skins
from pipeline.settings.jobs import Brief

#: what consoles and desktops skin with
DEFAULT = 8


class Influences(Rule):
    """Joints that move one point."""

    id = "rig.influences"
    title = "too many influences"
    why = "Engines drop what is over the limit, and the skin jumps where they do."
    severity = "error"
    unit = "joints a point"
    fixer = "rig-prep"
    advice = "Prune the smallest weights and normalise."
    minutes = 5

    def limit_for(self, brief: Brief) -> float | None:
        return float(brief.job.budgets.max_influences or DEFAULT)

    def run(self, context: Context) -> Iterator[Finding]:
        for skin in skins(context):
            many = np.count_nonzero(skin.weights > 1e-5, axis=1)
            points = np.flatnonzero(many > context.limit(self)).astype(np.int32)
            if len(points):
                marks = () if skin.rigid else (Marks(skin.part.number, points=points),)
                yield self.found(
                    context,
                    f"{len(points):,} points are moved by up to {int(many.max())} joints, "
                    f"the job allows {context.limit(self):.0f}",
                    skin.part.prim,
                    float(many.max()),
                    marks,
                )
