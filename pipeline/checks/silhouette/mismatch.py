# SPDX-License-Identifier: Apache-2.0
"""Whether the object has the outline of the picture it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.outline import SIDE, fitted, outline_of
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import compass_name
from pipeline.mesh.directions import sphere
from pipeline.mesh.views import look


class Mismatch(Rule):
    """Overlap (intersection over union) with each shape reference's silhouette, best of many views."""

    id = "silhouette.mismatch"
    title = "another outline than the reference"
    why = "The outline is what is recognised first, and it is not what was asked for."
    severity = "warning"
    limit = 0.6
    unit = "overlap"
    advice = "Compare with the reference from the view it was taken from, and correct the proportions."
    regenerate = "use a cleaner reference with a plain background, or add views from other sides"
    input = "--image CLEAN.png --role shape"
    minutes = 60

    def run(self, context: Context) -> Iterator[Finding]:
        pictures = context.brief.references.get("shape", [])
        body = context.body
        if not pictures or len(body.faces) == 0:
            return
        views = [(v.direction, fitted(v.silhouette)) for v in body.views]
        views += [(d, fitted(look(body.rays, d, SIDE).silhouette)) for d in sphere(64) if abs(d[1]) < 0.6]
        for picture in pictures:
            outline = outline_of(Path(picture))
            if outline is None:
                continue
            best, where = 0.0, ""
            for direction, shape in views:
                both = float(np.count_nonzero(shape & outline))
                overlap = both / max(float(np.count_nonzero(shape | outline)), 1.0)
                if overlap > best:
                    best, where = overlap, compass_name(-direction)
            if best < context.limit(self):
                yield self.found(
                    context,
                    f"the outline overlaps with {Path(picture).name} by {best:.0%} at best (from {where})",
                    measured=best,
                )
