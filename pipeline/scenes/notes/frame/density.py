# SPDX-License-Identifier: Apache-2.0
"""Is it built as finely as its neighbours? Triangles for each pixel that the camera sees of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View

#: what has fewer triangles is a blockout and no example to follow
BLOCKOUT = 200
#: share of the picture that a neighbour covers before it counts
VISIBLE = 0.002
#: pixels of the measured picture that the asset itself needs
ENOUGH = 20


class Density(Measure):
    """Triangles a pixel against the median of its finished neighbours; beyond one a pixel, against the pixels."""

    kind = "density"
    title = "triangles against its neighbours"
    limit = 8.0  # times the neighbours' median, or one part of it
    ceiling = 1.0  # triangles a pixel: finer than this no picture shows
    unit = "triangles a pixel"
    advice = "Decimate it, or choose a coarser level for this distance."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        setting = situation.setting(self)
        pieces, picture = situation.pieces, view.picture
        count = len(pieces.owners)
        seen = np.bincount(picture.owner[picture.owner >= 0], minlength=count)
        to_full = view.size[0] * view.size[1] / picture.owner.size
        sizes = np.array([len(s.triangles) for s in situation.drawing.shapes])[pieces.shape]
        triangles = np.bincount(pieces.owner, weights=sizes, minlength=count)
        if seen[0] < ENOUGH:
            return
        own = float(triangles[0] / (seen[0] * to_full))
        if own > setting.ceiling:
            yield self.note(
                situation,
                "more triangles than pixels",
                against="pixels",
                measured=f"{own:.2f} triangles a pixel ({triangles[0]:,.0f} on {seen[0] * to_full:,.0f})",
                expected=f"at most {setting.ceiling:g}",
                value=own,
                view=view,
            )
        done = (triangles >= BLOCKOUT) & (seen >= VISIBLE * picture.owner.size)
        done[0] = False
        if not done.any():
            return
        usual = float(np.median(triangles[done] / (seen[done] * to_full)))
        times = own / usual
        if 1 / setting.limit <= times <= setting.limit:
            return
        finer = times > 1
        yield self.note(
            situation,
            f"{times if finer else 1 / times:.0f} times {'finer' if finer else 'coarser'} than its neighbours",
            against="neighbours",
            measured=f"{own:.3g} triangles a pixel",
            expected=f"{usual:.3g} (median of {int(done.sum())} neighbours), within {setting.limit:g} times",
            value=times,
            advice="" if finer else "Take a finer level, or subdivide what is seen close.",
            view=view,
        )
