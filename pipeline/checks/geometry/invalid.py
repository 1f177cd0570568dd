# SPDX-License-Identifier: Apache-2.0
"""Geometry that cannot be measured at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import count


class Invalid(Rule):
    """No faces, coordinates that are no numbers or beyond all measure, faces that name missing points."""

    id = "geometry.invalid"
    title = "geometry that cannot be read"
    why = "What is no number cannot be drawn, measured or mended."
    severity = "error"
    limit = 0
    unit = "points and faces"
    advice = "Export the mesh again; the file is broken."
    regenerate = "run the generation again, the result is damaged"
    minutes = 30

    def run(self, context: Context) -> Iterator[Finding]:
        faults = context.subject.faults
        for prim, fault in faults.items():
            if fault.bad_points:
                yield self.found(
                    context,
                    f"{count(fault.bad_points, 'point')} with coordinates that are no numbers or beyond 10^9 m",
                    prim,
                    fault.bad_points,
                )
            if fault.bad_faces:
                yield self.found(
                    context, f"{count(fault.bad_faces, 'face')} that cannot be read", prim, fault.bad_faces
                )
        for part in context.parts:
            if not part.shape.usable and not faults.get(part.prim):
                beyond = int(np.count_nonzero(np.abs(part.shape.points).max(axis=1) >= 1e9))
                yield self.found(context, f"{count(beyond, 'point')} beyond 10^9 m", part.prim, beyond)
        if not any(len(p.shape.triangles) for p in context.parts):
            yield self.found(context, "there is no face to look at", context.subject.prim)
