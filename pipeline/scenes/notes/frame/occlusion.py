# SPDX-License-Identifier: Apache-2.0
"""Does something stand in front of it?"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View


class Occlusion(Measure):
    """Share of its outline inside of the frame that others hide."""

    kind = "occlusion"
    title = "hidden by others"
    limit = 0.35
    unit = "share"
    advice = "Move the camera sideways or up, or what stands in front."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        limit = situation.setting(self).limit
        outline = view.outline
        inside = outline.inside
        hidden = float(outline.hidden[inside].mean()) if inside.any() else 0.0
        if hidden > limit:
            yield self.note(
                situation,
                "something stands in front of it",
                measured=f"{hidden:.1%} hidden",
                expected=f"at most {limit:.0%}",
                value=hidden,
                view=view,
            )
