# SPDX-License-Identifier: Apache-2.0
"""Objects that were only made from the front."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import compass_name


class HollowBack(Rule):
    """The largest share of a silhouette, of 26 directions, in which the inside of an open surface shows."""

    id = "geometry.hollow-back"
    title = "hollow or missing sides"
    why = "It is a mask, not an object: from there the camera looks inside."
    severity = "error"
    limit = 0.05
    unit = "share of silhouette"
    advice = "Model the missing side, or mirror the good one."
    regenerate = "add a picture of the other side to the input set, or choose a multi-view generator"
    input = "--image BACK.png --view back --role shape"
    minutes = 45
    whole = 0.25

    def run(self, context: Context) -> Iterator[Finding]:
        body = context.body
        if len(body.faces) == 0:
            return
        open_face = ~body.shell_closed[body.shell]
        if not open_face.any():
            return
        worst, where, marked, bad = 0.0, "", [np.zeros(0, np.int32)], 0
        for view in body.views:
            seen = view.face[view.silhouette]
            if len(seen) == 0:
                continue
            away = body.cross[seen] @ view.direction > 0
            inside = open_face[seen] & (away ^ body.turned[seen])
            share = float(inside.mean())
            if share > context.limit(self):
                bad += 1
                marked.append(seen[inside])
            if share > worst:
                worst, where = share, compass_name(-view.direction)
        if not bad:
            return
        faces = np.concatenate(marked)
        yield self.found(
            context,
            f"seen from {where}, {worst:.0%} of the silhouette is the inside of the surface "
            f"({bad} of 26 directions are hollow)",
            body.prim(faces),
            worst,
            body.marks(faces),
        )
