# SPDX-License-Identifier: Apache-2.0
"""Height against what the project remembers of such things."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule


class Scale(Rule):
    """Height outside what project memory says of things that are called so; a size in the intent outranks it."""

    id = "memory.scale"
    title = "another height than the project keeps"
    why = "Things that are called alike should be as tall as each other across the project."
    severity = "warning"
    limit = 0.002
    unit = "metres outside"
    advice = "Scale it, or change the project's memory if such things may be so tall."
    minutes = 5

    def run(self, context: Context) -> Iterator[Finding]:
        bounds = context.subject.bounds
        called = set(context.brief.name.lower().replace("-", "_").split("_"))
        if bounds is None or not called:
            return
        height = float(bounds[1][1] - bounds[0][1])
        for words, (low, high) in sorted(context.brief.remembered.heights_m.items()):
            if not set(words.lower().split()) <= called:
                continue
            outside = max(low - height, (height - high) if high else 0.0)
            if outside > context.limit(self):
                kept = f"between {low:.2f} and {high:.2f} m" if high else f"at least {low:.2f} m"
                finding = self.found(
                    context, f"{height:.3f} m tall; the project keeps a {words} {kept} tall", measured=outside,
                    fixable=False,
                )  # fmt: skip
                # the intent's own size is what was asked: then this is only told
                yield dataclasses.replace(finding, severity="info") if context.brief.size_m else finding
