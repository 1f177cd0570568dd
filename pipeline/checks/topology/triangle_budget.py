# SPDX-License-Identifier: Apache-2.0
"""How many triangles ship."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class TriangleBudget(Rule):
    """Triangles of what ships, all instances counted, against the intent."""

    id = "topology.triangle-budget"
    title = "too many triangles"
    why = "The budget is what the frame can afford for all assets together."
    severity = "error"
    unit = "triangles"
    fixer = "decimate"
    advice = "Decimate to the budget before unwrapping and baking."
    regenerate = "ask the generator for the target count"
    minutes = 30

    def limit_for(self, brief: Brief) -> float | None:
        return float(brief.job.budgets.max_triangles)

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.budgets.max_triangles > 0 else None

    def run(self, context: Context) -> Iterator[Finding]:
        limit = context.limit(self)
        if context.triangles > limit:
            yield self.found(
                context, f"{context.triangles:,} triangles, the budget is {limit:,.0f}", measured=context.triangles
            )
