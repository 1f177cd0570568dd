# SPDX-License-Identifier: Apache-2.0
"""Does the picture's edge cut it?"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View


class Crop(Measure):
    """Share of its outline's area that lies outside of the frame."""

    kind = "crop"
    title = "cut by the picture's edge"
    limit = 0.02
    unit = "share"
    advice = "Frame it wider, or crop it so far that it looks meant."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        limit = situation.setting(self).limit
        outline = view.outline
        if not len(outline.x):
            return
        outside = float((~outline.inside).mean())
        if outside <= limit:
            return
        sides = {
            "left": outline.x < 0,
            "right": outline.x > 1,
            "top": outline.y < 0,
            "bottom": outline.y > 1,
        }
        cut = " and ".join(name for name, where in sides.items() if where.mean() > limit / 2) or "edge"
        yield self.note(
            situation,
            "it is outside of the picture" if outside > 0.999 else f"the picture's {cut} cuts it",
            measured=f"{outside:.1%} of its outline outside",
            expected=f"at most {limit:.0%}",
            value=outside,
            view=view,
        )
