# SPDX-License-Identifier: Apache-2.0
"""Where the object turns and is placed from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.placing import pivot
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Pivot(Rule):
    """Distance of the asset's origin from the middle of its base, along the ground."""

    id = "scale.pivot"
    title = "pivot not at the middle of the base"
    why = "It is placed, turned and scaled around that point."
    severity = "warning"
    limit = 0.01
    unit = "share of size"
    fixer = "ground"
    advice = "Put the origin under the middle of the base."
    minutes = 1

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.ground else None

    def run(self, context: Context) -> Iterator[Finding]:
        bounds = context.subject.bounds
        size = context.body.size
        if bounds is None or not size > 0 or context.subject.prim == "/":
            return
        middle = (bounds[0] + bounds[1]) / 2
        away = (middle - pivot(context))[[0, 2]]
        share = float(np.linalg.norm(away) / size)
        if share > context.limit(self):
            yield self.found(
                context,
                f"the origin lies {np.linalg.norm(away):.3g} m beside the middle of the base",
                measured=share,
            )
