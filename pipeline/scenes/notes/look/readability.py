# SPDX-License-Identifier: Apache-2.0
"""Does its silhouette read? Contrast along its outline, against what is behind.

Wherever the asset stands in front of something, the mean colour a few pixels inside of its edge is held against the
mean colour a few pixels outside (the pixels of the edge itself are mixtures and left out). An edge is lost where the
two differ by less than `LOST` in CIEDE2000; what is measured is the lost share of the outline.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, uniform_filter

from pipeline.scenes.notes.protocol import Measure, Note
from pipeline.scenes.notes.situation import Situation
from pipeline.scenes.notes.view import Picture, View
from pipeline.usd.colour import ciede2000, to_lab

__all__ = ["LOST", "Readability", "contrast"]

#: CIEDE2000 below which an edge does not read at a glance
LOST = 8.0
#: side of the square in which colours are averaged, pixels
BAND = 7
#: pixels of outline that it needs
ENOUGH = 30


class Readability(Measure):
    """Share of its silhouette that melts into the background."""

    kind = "readability"
    title = "silhouette against the background"
    limit = 0.4
    unit = "share"
    advice = "Separate it by value: light its edge, darken what is behind, or move the camera."
    through_camera = True

    def run(self, situation: Situation, view: View | None) -> Iterator[Note]:
        assert view is not None
        limit = situation.setting(self).limit
        found, _ = contrast(view.picture)
        if len(found) < ENOUGH:
            return
        lost = float((found < LOST).mean())
        if lost > limit:
            yield self.note(
                situation,
                "its silhouette melts into the background",
                measured=f"{lost:.0%} of its outline below ΔE00 {LOST:.0f} (median {np.median(found):.1f})",
                expected=f"at most {limit:.0%}",
                value=lost,
                view=view,
            )


def contrast(picture: Picture) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """CIEDE2000 across the outline at each of its pixels ``(k,)``, and their places ``(k, 2)`` (row, column).

    Only where the asset is in front: the outline of what hides it is not its own.
    """
    mine = picture.owner == 0
    edge = np.zeros_like(mine)
    depth = picture.depth
    for axis, way in ((0, 1), (0, -1), (1, 1), (1, -1)):
        beside, behind = np.roll(mine, way, axis), np.roll(depth, way, axis)
        border = [slice(None), slice(None)]
        border[axis] = slice(0, 1) if way == 1 else slice(-1, None)
        own = mine & ~beside & (behind > depth)
        own[tuple(border)] = False
        edge |= own
    inner, outer = binary_erosion(mine, border_value=1), ~binary_dilation(mine)
    shown = np.clip(picture.colour, 0, 1).astype(np.float64)
    rows, columns = np.nonzero(edge)
    sides = []
    for mask in (inner, outer):
        weight = uniform_filter(mask.astype(np.float64), BAND, mode="constant")[rows, columns]
        total = np.stack(
            [uniform_filter(shown[..., k] * mask, BAND, mode="constant")[rows, columns] for k in range(3)], 1
        )
        sides.append((total / np.maximum(weight, 1e-12)[:, None], weight > 1e-9))
    known = sides[0][1] & sides[1][1]
    away = ciede2000(to_lab(sides[0][0][known]), to_lab(sides[1][0][known]))
    return away, np.stack([rows, columns], 1)[known]
