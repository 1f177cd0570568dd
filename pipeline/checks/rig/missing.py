# SPDX-License-Identifier: Apache-2.0
"""Characters without a skeleton."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.settings.jobs import Brief, Severity


class Missing(Rule):
    """No skeleton, or none that a mesh is bound to, where the job needs a rig."""

    id = "rig.missing"
    title = "no rig"
    why = "Without a skeleton nothing can be animated, however good the mesh is."
    severity = "error"
    unit = ""
    advice = "Rig it, or run an auto-rigger on the cleaned mesh in its rest pose."
    regenerate = "ask the generator for a rigged character"
    minutes = 240

    def severity_for(self, brief: Brief) -> Severity | None:
        return self.severity if brief.job.needs.rig else None

    def run(self, context: Context) -> Iterator[Finding]:
        if any(p.shape.mesh.skin is not None for p in context.parts):
            return
        bones = context.subject.scene.skeletons
        yield self.found(
            context, "there is a skeleton, but no mesh is bound to it" if bones else "there is no skeleton"
        )
