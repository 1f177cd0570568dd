# SPDX-License-Identifier: Apache-2.0
"""Whether the object looks the way its pictures say: generators leave it turned by a quarter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.outline import SIDE, fitted, outline_of
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import names
from pipeline.mesh.views import look

#: where the viewer of each side stands, in quarter turns from the front (+Z) over the right (+X)
QUARTER = {"front": 0, "right": 1, "back": 2, "left": 3}
#: turns of the object about the upright axis, seen from above, by quarters
TURNS = {1: "90 degrees clockwise", 2: "180 degrees", 3: "90 degrees counter-clockwise"}


class Heading(Rule):
    """Overlap that references of a known side gain when the object is turned by quarters about the upright axis."""

    id = "silhouette.heading"
    title = "turned against its references"
    why = "What looks aside stands wrong wherever it is placed, and its sides are taken for each other."
    severity = "warning"
    limit = 0.15
    unit = "overlap gained by turning"
    advice = "Turn it about the upright axis so that its front looks along +Z, and apply the rotation."
    regenerate = "say which side each picture shows, or turn every candidate of this generator alike"
    minutes = 3

    def run(self, context: Context) -> Iterator[Finding]:
        brief, body = context.brief, context.body
        said = {p: v for p in brief.references.get("shape", []) if (v := brief.views.get(p, "")) in QUARTER}
        if not said or not len(body.faces):
            return
        pairs = [(o, QUARTER[v]) for p, v in said.items() if (o := outline_of(Path(p))) is not None]
        if not pairs:
            return
        seen = []
        for quarter in range(4):
            angle = np.pi / 2 * quarter
            seen.append(fitted(look(body.rays, -np.array([np.sin(angle), 0.0, np.cos(angle)]), SIDE).silhouette))
        overlap = [np.mean([_overlap(o, seen[(q + turn) % 4]) for o, q in pairs]) for turn in range(4)]
        best = int(np.argmax(overlap))
        gain = float(overlap[best] - overlap[0])
        if best and gain > context.limit(self):
            yield self.found(
                context,
                f"its outline is that of {names([Path(p).name for p in said])} by {overlap[0]:.0%}, but turned by "
                f"{TURNS[best]} by {overlap[best]:.0%}: it looks the wrong way",
                measured=gain,
            )


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.count_nonzero(one & other)) / max(float(np.count_nonzero(one | other)), 1.0)
