# SPDX-License-Identifier: Apache-2.0
"""Levels of detail that the job asks for."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Missing(Rule):
    """Fewer levels of detail beside the full one than the job wants; UsdLod and variant sets count."""

    id = "lod.missing"
    title = "levels of detail missing"
    why = "Far away the full mesh costs as much as close by."
    severity = "warning"
    unit = "levels"
    fixer = "lods"
    advice = "Make a chain of levels by screen error."
    minutes = 20

    def limit_for(self, brief: Brief) -> float | None:
        return float(brief.job.budgets.lods)

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.budgets.lods > 0 else None

    def run(self, context: Context) -> Iterator[Finding]:
        wanted = context.limit(self)
        have = max(self._by_schema(context), self._by_variants(context))
        if context.parts and have < wanted:
            yield self.found(
                context, f"{have} levels of detail beside the full one, the job wants {wanted:.0f}", measured=have
            )

    @staticmethod
    def _by_schema(context: Context) -> int:
        return max((len(n.lods) for n in context.subject.scene.nodes), default=0)

    @staticmethod
    def _by_variants(context: Context) -> int:
        stage = context.subject.stage
        if stage is None:
            return 0
        found = 0
        for prim in stage.Traverse():
            sets = prim.GetVariantSets()
            for name in sets.GetNames():
                if name.lower() in ("lod", "lods", "levelofdetail"):
                    found = max(found, len(sets.GetVariantSet(name).GetVariantNames()) - 1)
        return found
