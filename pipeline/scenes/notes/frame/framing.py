# SPDX-License-Identifier: Apache-2.0
"""Is it large enough on the picture to read?"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View


class Framing(Measure):
    """Height of what the camera sees of it, by the picture's height."""

    kind = "framing"
    title = "size on the picture"
    limit = 0.10  # of the picture's height: below that its shape does not read
    unit = "share"
    advice = "Bring the camera closer, or take a longer lens."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        limit = situation.setting(self).limit
        outline = view.outline
        _, depth = view.project(situation.mesh[0])
        if not (depth > 0).any():
            yield self.note(
                situation,
                "it is behind the camera",
                measured="0 % in front",
                expected="in front of the camera",
                value=0.0,
                advice="Turn the camera round, or move the asset.",
                view=view,
            )
            return
        inside = outline.y[outline.inside]
        height = float(inside.max() - inside.min() + outline.step[1]) if len(inside) else 0.0
        if not len(inside):
            # thinner than a ray's spacing, or beside the frame (which is a crop)
            placed, _ = view.project(situation.mesh[0])
            height = float(min(placed[:, 1].max(), 1) - max(placed[:, 1].min(), 0)) if not len(outline.y) else 1.0
        if height < limit:
            yield self.note(
                situation,
                "too small on the picture to read",
                measured=f"{height:.1%} of its height ({height * view.size[1]:.0f} of {view.size[1]} pixels)",
                expected=f"at least {limit:.0%}",
                value=height,
                view=view,
            )
