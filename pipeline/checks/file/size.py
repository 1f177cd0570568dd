# SPDX-License-Identifier: Apache-2.0
"""How much must be downloaded."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Size(Rule):
    """Bytes of the file that is inspected, against the job's budget."""

    id = "file.size"
    title = "file too large"
    why = "Every megabyte is seconds before the first frame on a phone."
    severity = "warning"
    unit = "megabytes"
    advice = "Decimate, resize textures, compress geometry and pictures."
    minutes = 20

    def limit_for(self, brief: Brief) -> float | None:
        return brief.job.budgets.file_size_mb

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.budgets.file_size_mb > 0 else None

    def run(self, context: Context) -> Iterator[Finding]:
        file = context.subject.file
        if file is None or not file.is_file():
            return
        size = file.stat().st_size / 1e6
        if size > context.limit(self):
            yield self.found(context, f"{size:.1f} MB, the job allows {context.limit(self):g} MB", measured=size)
