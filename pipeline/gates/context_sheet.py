# SPDX-License-Identifier: Apache-2.0
"""The asset with its remarks drawn on the picture: one picture for each camera, a legend beneath."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.gates.context import ContextResult
    from pipeline.scenes.notes import Note, Situation, View

__all__ = ["PIXELS", "draw_sheet"]

#: pixels along the longer side of each picture
PIXELS = 1080
SEVERITIES = ("error", "warning", "info")


def draw_sheet(situation: Situation, result: ContextResult, out: Path, views: Mapping[str, View] | None = None) -> Path:
    """Draw it.

    Parameters
    ----------
    views
        By camera path, where pictures were drawn already.

    Raises
    ------
    UsageError
        The scene has no camera to look through.
    """
    from pipeline.render import annotated, colour, picture
    from pipeline.scenes.notes import View

    if not result.cameras:
        raise UsageError("there is no camera to draw through", remedy=f"gates camera NAME --subject {result.asset}")
    notes = sorted(result.notes, key=lambda n: (SEVERITIES.index(n.severity), n.kind, n.prim))
    rows, parts = [], []
    numbers = {id(n): i for i, n in enumerate(notes, 1)}
    for number, path in enumerate(result.cameras):
        view = (views or {}).get(path) or View(situation, path, PIXELS)
        # what needs no camera is shown in the first picture
        mine = [n for n in notes if n.camera == view.name or (not n.camera and number == 0)]
        callouts = [annotated.Callout(numbers[id(n)], _title(n), n.severity, _box(view, n)) for n in mine]
        shown = colour.display(view.picture.colour)[..., :3]
        parts.append(annotated.annotate(shown, callouts))
        rows += [(c, _sentence(n), n.measured, n.expected, n.advice) for c, n in zip(callouts, mine, strict=True)]
    width = max(p.shape[1] for p in parts)
    if rows:
        parts.append(annotated.legend(sorted(rows, key=lambda r: r[0].number), width))
    return picture.write(out, annotated.stacked(parts, _heading(result, notes)))


def _heading(result: ContextResult, notes: list[Note]) -> str:
    counts = [(s, sum(n.severity == s for n in notes)) for s in SEVERITIES]
    plural = {"error": "errors", "warning": "warnings", "info": "infos"}
    said = ", ".join(f"{c} {s if c == 1 else plural[s]}" for s, c in counts if c) or "nothing to remark"
    cameras = ", ".join(c.rpartition("/")[2] for c in result.cameras)
    return f"{result.asset}  through {cameras}:  {said}"


def _title(note: Note) -> str:
    """A few words: the kind, and the material or neighbour it is about."""
    place = note.prim.rpartition("/")[2] if "/mtl/" in note.prim else note.against
    return f"{note.kind.replace('-', ' ')} {place}".strip().replace("_", " ")


def _sentence(note: Note) -> str:
    about = f"{note.prim.rpartition('/')[2]}: " if "/mtl/" in note.prim else ""
    seen = f" (through {note.camera})" if note.camera else ""
    return f"{note.severity}: {about}{note.message}{seen}"


def _box(view: View, note: Note) -> Any:
    from pipeline.scenes.notes.anchors import anchor

    found = anchor(view, note)
    return None if found is None else tuple(float(np.clip(v, 0.002, 0.998)) for v in found)
