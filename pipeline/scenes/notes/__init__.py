# SPDX-License-Identifier: Apache-2.0
"""Remarks about an asset in its scene, each with what was measured and what was expected.

One file a kind. A measure takes a `Situation` and returns notes; nothing found is an empty list.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.scenes.notes.contact import contact
from pipeline.scenes.notes.framing import framing
from pipeline.scenes.notes.palette import palette
from pipeline.scenes.notes.scale import scale
from pipeline.scenes.notes.situation import Note, Situation

__all__ = ["MEASURES", "Note", "Situation", "measure"]

MEASURES: dict[str, Callable[[Situation], list[Note]]] = {
    "scale": scale,
    "contact": contact,
    "palette": palette,
    "framing": framing,
}


def measure(situation: Situation) -> list[Note]:
    """Every note of every kind, in the order of `MEASURES`."""
    from pipeline.progress import track

    return [note for name in track(MEASURES, "measures the scene") for note in MEASURES[name](situation)]
