# SPDX-License-Identifier: Apache-2.0
"""Does it stand on something? The gap between its feet and what lies beneath them.

The asset's underside is found by rays from below, the ground by rays from above that pass through the asset; only
columns where the asset comes close to its lowest point count as feet.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.rays import Rays
from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import View

#: columns along each side of the asset's footprint
COLUMNS = 48
#: share of the asset's height within which an underside is a foot, at least one centimetre
FOOT = 0.02
#: share of its height that an asset is sunk at most by something that does not reach under most of its feet
SINK = 0.25
#: share of the feet that a ground reaches under
ACROSS = 0.8


class Grounding(Measure):
    """Floating above the ground, or sunk into it."""

    kind = "grounding"
    title = "floating or sunk"
    limit = 0.01  # a gap or a depth that a player does not see
    unit = "metres"
    advice = "Place it with --ground."

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        limit = situation.setting(self).limit
        gap, _ = gaps(situation)
        if not len(gap):
            low = float(situation.box.low[1])
            if abs(low) > limit:  # nothing lies beneath: the ground is at zero
                gap = np.array([low])
        if not len(gap):
            return
        # one foot on the ground is enough to stand; sunk is what most feet are
        floats = bool(gap.min() > limit)
        measured = float(gap.min() if floats else np.median(gap))
        if not floats and measured >= -limit:
            return
        yield self.note(
            situation,
            "floats above the ground" if floats else "is sunk into the ground",
            kind="floating" if floats else "sunk",
            measured=f"{measured:+.3f} m",
            expected=f"within {limit:.2f} m of the surface",
            value=measured,
        )


def gaps(situation: Situation) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Metres from each foot down to what lies beneath it, and whose that is (number of the model).

    Negative where the foot is below the surface. What is much taller than a foot can be sunk is an obstacle and no
    ground, unless it reaches under most of the feet.
    """
    box = situation.box
    x, z = (box.low[k] + (np.arange(COLUMNS) + 0.5) / COLUMNS * (box.high[k] - box.low[k]) for k in (0, 2))
    places = np.stack([g.ravel() for g in np.meshgrid(x, z)], 1)
    top, bottom = float(box.high[1]), float(box.low[1])
    start = bottom - 1.0
    up = np.tile([0.0, 1.0, 0.0], (len(places), 1))
    below = np.column_stack([places[:, 0], np.full(len(places), start), places[:, 1]])
    face, distance = situation.rays.first(below, up)
    under = start + distance.astype(np.float64)
    feet = (face >= 0) & (under < bottom + max(FOOT * (top - bottom), 0.01))
    places, under = places[feet], under[feet]
    if not len(places):
        return np.zeros(0), np.zeros(0, np.int64)
    height, owner = _beneath(situation, places, np.full(len(places), top))
    low_height, low_owner = _beneath(situation, places, under + max(SINK * (top - bottom), 0.05))
    share = np.bincount(owner[owner >= 0], minlength=len(situation.pieces.owners)) / len(places)
    wide = (owner >= 0) & (share[np.maximum(owner, 0)] >= ACROSS)
    height, owner = np.where(wide, height, low_height), np.where(wide, owner, low_owner)
    stands = owner >= 0
    return (under - height)[stands], owner[stands]


def _beneath(situation: Situation, places: NDArray, top: NDArray) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Height of what others offer beneath some places ``(k, 2)`` (x, z) and whose it is; -1 where nothing is."""
    low, high = situation.box.low.copy(), situation.box.high.copy()
    low[1] = -np.inf
    rows = situation.pieces.others_near(low, high)
    height, owner = np.full(len(places), -np.inf), np.full(len(places), -1)
    origins = np.column_stack([places[:, 0], top, places[:, 1]])
    down = np.tile([0.0, -1.0, 0.0], (len(places), 1))
    for turn in situation.turns(rows):
        points, faces, of = situation.pieces.mesh(turn)
        face, distance = Rays(points, faces).first(origins, down)
        here = np.where(face >= 0, top - distance.astype(np.float64), -np.inf)
        higher = here > height
        owner[higher] = situation.pieces.owner[of[face[higher]]]
        height = np.maximum(height, here)
    return height, owner
