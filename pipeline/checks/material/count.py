# SPDX-License-Identifier: Apache-2.0
"""How many materials there are."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Count(Rule):
    """Materials that are used, each a draw call."""

    id = "material.count"
    title = "too many materials"
    why = "Each material is a draw call, and state changes cost more than triangles."
    severity = "warning"
    unit = "materials"
    advice = "Merge materials into an atlas."
    minutes = 30
    counted = True

    def limit_for(self, brief: Brief) -> float | None:
        return float(brief.job.budgets.max_materials)

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.budgets.max_materials > 0 else None

    def run(self, context: Context) -> Iterator[Finding]:
        used = {int(n) for p in context.parts for n in p.materials if n >= 0}
        if len(used) > context.limit(self):
            yield self.found(
                context, f"{len(used):,} materials, the job allows {context.limit(self):.0f}", measured=len(used)
            )
