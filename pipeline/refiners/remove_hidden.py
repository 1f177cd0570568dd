# SPDX-License-Identifier: Apache-2.0
"""Remove geometry that nobody can see from any side: inner shells, bodies under clothes."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline.mesh.exposure import hidden_samples
from pipeline.mesh.nearest import samples
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.whole import Whole


class HiddenSettings(Settings):
    """How sure to be."""

    samples: int = Field(default=20_000, ge=1000, description="Places on the surface that are looked at.")
    shells_only: bool = Field(
        default=True,
        description="Only whole shells go; false also cuts hidden faces out of shells, which leaves holes inside.",
    )
    seen: float = Field(default=0.05, ge=0, lt=1, description="Share of a shell that may be seen and it still goes.")


def run(subject: Subject, settings: HiddenSettings) -> None:
    """Sample, shoot rays, remove."""
    whole = Whole.of(subject.parts())
    if len(whole.faces) == 0:
        return
    places, face, _ = samples(whole.points, whole.faces, settings.samples, seed=11, area=whole.area)
    # every shell is asked at least at its largest faces
    order = np.lexsort((-whole.area, whole.shell))
    first = order[np.flatnonzero(np.diff(whole.shell[order], prepend=-1))]
    places = np.concatenate([places, whole.points[whole.faces[first]].mean(axis=1)])
    face = np.concatenate([face, first])
    hidden = hidden_samples(whole.rays, places, whole.normals[face], whole.size)
    seen = np.bincount(whole.shell[face[~hidden]], minlength=whole.shells)
    asked = np.bincount(whole.shell[face], minlength=whole.shells)
    buried = seen <= settings.seen * asked
    buried &= asked > 0
    if buried.all():
        subject.note("everything is hidden from every side: nothing was removed")
        return
    gone = buried[whole.shell]
    if not settings.shells_only:
        gone |= _surely_hidden(whole, face, hidden)
    if gone.any() and whole.remove(subject, gone):
        subject.details["shells_removed"] = int(buried.sum())
        subject.details["area_removed"] = round(float(whole.area[gone].sum() / whole.area.sum()), 4)


def _surely_hidden(whole: Whole, face: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """(m,) faces in whose sampled shell places were hidden, and which no ray leaves either."""
    doubtful = np.unique(whole.shell[face[hidden]])
    chosen = np.flatnonzero(np.isin(whole.shell, doubtful))
    middle = whole.points[whole.faces[chosen]].mean(axis=1)
    result = np.zeros(len(whole.faces), bool)
    result[chosen] = hidden_samples(whole.rays, middle, whole.normals[chosen], whole.size)
    return result


operation = Operation(
    name="remove-hidden",
    summary="Remove what cannot be seen from anywhere",
    settings=HiddenSettings,
    run=run,
    fixes=("geometry.hidden",),
)
