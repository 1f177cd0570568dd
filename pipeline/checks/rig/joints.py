# SPDX-License-Identifier: Apache-2.0
"""Skeletons with more joints than the target takes."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Joints(Rule):
    """Joints of one skeleton against the job's budget."""

    id = "rig.joints"
    title = "too many joints"
    why = "Bone palettes have a size; beyond it a mesh is split or refused."
    severity = "error"
    unit = "joints"
    fixer = "rig-prep"
    advice = "Delete helper and end joints, or merge chains that move together."
    minutes = 60

    def limit_for(self, brief: Brief) -> float | None:
        return float(brief.job.budgets.max_joints)

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.budgets.max_joints > 0 else None

    def run(self, context: Context) -> Iterator[Finding]:
        for skeleton in context.subject.scene.skeletons:
            many = len(skeleton.joints)
            if many > context.limit(self):
                yield self.found(
                    context, f"{many} joints, the job allows {context.limit(self):.0f}", skeleton.path, many
                )
