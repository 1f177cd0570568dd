# SPDX-License-Identifier: Apache-2.0
"""The same triangle twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.words import count


class DuplicateFaces(Rule):
    """Faces over the same three welded vertices as an earlier face, in whatever order."""

    id = "geometry.duplicate-faces"
    title = "faces that exist twice"
    why = "Two faces in one place flicker and cost twice."
    severity = "error"
    limit = 0
    unit = "faces"
    fixer = "remove-duplicates"
    advice = "Delete the doubles: they flicker and break every later operation."
    minutes = 2

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.each_shape("duplicate"):
            again = np.flatnonzero(part.shape.topology.duplicate).astype(np.int32)
            if len(again) <= context.limit(self):
                continue
            yield self.found(
                context,
                f"{count(len(again), 'face')} twice in the same place",
                part.prim,
                len(again),
                (Marks(part.number, faces=again),),
            )
