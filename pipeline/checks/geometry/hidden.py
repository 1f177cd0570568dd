# SPDX-License-Identifier: Apache-2.0
"""Geometry that nobody can see from any side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.mesh.exposure import hidden_samples

SAMPLES = 20000


class Hidden(Rule):
    """Share of the area from which no ray escapes, on either side."""

    id = "geometry.hidden"
    title = "geometry inside the object"
    why = "Triangles and texels that nobody sees are paid for in memory, bakes and frames."
    severity = "warning"
    limit = 0.02
    unit = "share of area"
    fixer = "remove-hidden"
    advice = "Delete inner shells and bodies under clothes; they cost triangles, texels and light baking."
    regenerate = "ask for a shell without an inside, or remesh as one body"
    minutes = 10

    def run(self, context: Context) -> Iterator[Finding]:
        body = context.body
        if len(body.faces) == 0:
            return
        places, face = body.samples(min(SAMPLES, 16 * len(body.faces) + 256))
        hidden = hidden_samples(body.rays, places, body.normals(face), body.size)
        share = float(hidden.mean()) if len(hidden) else 0.0
        if share <= context.limit(self):
            return
        seen = np.bincount(body.shell[face[~hidden]], minlength=body.shells)
        unseen = np.bincount(body.shell[face[hidden]], minlength=body.shells)
        buried = unseen > 20 * seen
        marked = np.flatnonzero(buried[body.shell])
        marked = np.union1d(marked, face[hidden])
        yield self.found(
            context,
            f"{share:.0%} of the area cannot be seen from anywhere",
            body.prim(marked),
            share,
            body.marks(marked),
        )
