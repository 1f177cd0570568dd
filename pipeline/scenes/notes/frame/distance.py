# SPDX-License-Identifier: Apache-2.0
"""Is it seen from where it was made for?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View


class Distance(Measure):
    """The camera's distance against the intent's viewing distance."""

    kind = "distance"
    title = "distance to the camera"
    limit = 1.5  # times the intent's viewing distance
    unit = "times"
    advice = "Judge it from where it will be seen, or change the intent's viewing distance."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        wanted, limit = situation.view_distance, situation.setting(self).limit
        away = float(np.linalg.norm(view.camera.position - situation.box.centre))
        if wanted and away > wanted * limit:
            yield self.note(
                situation,
                "the camera is further away than the intent's viewing distance",
                measured=f"{away:.1f} m",
                expected=f"{wanted:.1f} m (up to {wanted * limit:.1f} m)",
                value=away / wanted,
                view=view,
            )
