# SPDX-License-Identifier: Apache-2.0
"""Where on a picture a remark is."""

from __future__ import annotations

import numpy as np

from pipeline.scenes.notes.protocol import Note
from pipeline.scenes.notes.view import View

__all__ = ["Box", "anchor"]

#: left, top, right, bottom in frames from the upper left
Box = tuple[float, float, float, float]
#: half the side of the box around a place, share of the picture's width
PLACE = 0.02


def anchor(view: View, note: Note) -> Box | None:
    """The rectangle of the picture that a remark is about; None where it does not show.

    A place is boxed itself, a material where its pixels are, a prim where its shapes are.
    """
    if note.place is not None:
        (at,), (depth,) = view.project(np.array([note.place]))
        if depth > 0 and (at >= 0).all() and (at <= 1).all():
            tall = PLACE * view.size[0] / view.size[1]
            return float(at[0] - PLACE), float(at[1] - tall), float(at[0] + PLACE), float(at[1] + tall)
    situation, picture = view.situation, view.picture
    drawing = situation.drawing
    worn = [i for i, s in enumerate(drawing.surfaces) if s.path == note.prim]
    if worn:
        seen = np.isin(picture.surface, worn) & (picture.owner == 0)
    else:
        shown = [
            i for i, s in enumerate(drawing.shapes)
            if (p := s.instancer or s.path) == note.prim or p.startswith(f"{note.prim}/")
        ]  # fmt: skip
        seen = np.isin(picture.shape, shown)
    rows, columns = np.nonzero(seen)
    if not len(rows):
        return None
    height, width = seen.shape
    left, top = columns.min() / width, rows.min() / height
    return float(left), float(top), float((columns.max() + 1) / width), float((rows.max() + 1) / height)
