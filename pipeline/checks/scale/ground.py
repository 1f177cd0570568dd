# SPDX-License-Identifier: Apache-2.0
"""Whether the object stands on the ground."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.placing import pivot
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Ground(Rule):
    """The lowest point against the height of the asset's origin."""

    id = "scale.ground"
    title = "not standing on the ground"
    why = "It hovers or sinks wherever it is placed."
    severity = "warning"
    limit = 0.01
    unit = "share of size"
    fixer = "ground"
    advice = "Move the object so that its lowest point is at zero."
    minutes = 1

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.ground else None

    def run(self, context: Context) -> Iterator[Finding]:
        bounds = context.subject.bounds
        size = context.body.size
        if bounds is None or not size > 0 or context.subject.prim == "/":
            return
        height = float(bounds[0][1] - pivot(context)[1])
        share = abs(height) / size
        if share > context.limit(self):
            where = "above" if height > 0 else "below"
            yield self.found(context, f"the lowest point is {abs(height):.3g} m {where} the origin", measured=share)
